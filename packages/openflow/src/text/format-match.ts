/** Writes a match as ovs-ofctl prints it: same names, same order, same notation. */
import { FIELDS, type FieldSpec, getField, getFieldBig } from "@tenet/net";
import type { Match } from "../action.ts";
import { type MatchField, matchField } from "../match/match-field.ts";
import { etherTypeOf, ipProtocolOf, meetsPrerequisite } from "../match/prerequisite.ts";
import { formatFieldValue } from "./field-value.ts";
import { PROTOCOLS } from "./parse-match.ts";
import type { PortNames } from "./port-name.ts";

/** Shown name and field. */
type Shown = readonly [name: string, field: MatchField];

const BEFORE_PROTOCOL = shownAs("pkt_mark", "recirc_id", "conj_id", "ct_state", "ct_zone", "ct_mark", "ct_label");
const REGISTERS = shownAs(...Array.from({ length: 16 }, (_, n) => `reg${n}`));
const METADATA = shownAs("tun_id", "tun_src", "tun_dst", "metadata", "in_port");
const ETHERNET = shownAs("dl_src=eth_src", "dl_dst=eth_dst");
const IP4 = shownAs("nw_src=ip_src", "nw_dst=ip_dst");
const ARP = shownAs("arp_spa", "arp_tpa", "arp_op", "arp_sha", "arp_tha");
const IP6 = shownAs("ipv6_src", "ipv6_dst");
const TTL_FRAGMENT = shownAs("nw_ttl", "nw_frag=ip_frag");
const ICMP = shownAs("icmp_type", "icmp_code");
const PORTS = shownAs("tp_src", "tp_dst");
const NEIGHBOR = shownAs("nd_target", "nd_sll", "nd_tll");

/**
 * Writes a match; the empty string matches everything.
 *
 * @example
 * formatMatch(parseMatch("eth_type=0x800,ip_proto=6,tcp_dst=443")); // "tcp,tp_dst=443"
 */
export function formatMatch(match: Match, names: PortNames = {}): string {
  const parts: string[] = [];
  const show = (fields: readonly Shown[]): void => {
    for (const [name, field] of fields) showField(parts, match, name, field, names);
  };
  show(BEFORE_PROTOCOL);
  const protocol = protocolName(match);
  if (protocol !== undefined) parts.push(protocol);
  show(REGISTERS);
  show(METADATA);
  showVlan(parts, match);
  show(ETHERNET);
  const etherType = etherTypeOf(match);
  if (etherType >= 0 && protocol === undefined) parts.push(`dl_type=0x${etherType.toString(16).padStart(4, "0")}`);
  if (meetsPrerequisite(match, "arp")) show(ARP);
  else if (etherType === 0x86dd) {
    show(IP6);
    showLabel(parts, match);
  } else show(IP4);
  if (meetsPrerequisite(match, "ip")) showIp(parts, match, protocol, show);
  if (meetsPrerequisite(match, "transport") || ipProtocolOf(match) >= 0) showTransport(parts, match, show, names);
  return parts.join(",");
}

function showIp(parts: string[], match: Match, protocol: string | undefined, show: (fields: readonly Shown[]) => void): void {
  const number = ipProtocolOf(match);
  if (number >= 0 && (protocol === "ip" || protocol === "ipv6")) parts.push(`nw_proto=${number}`);
  const tosMask = getField(match.mask, FIELDS.nw_tos);
  const tos = getField(match.key, FIELDS.nw_tos);
  if ((tosMask & 0xfc) !== 0) parts.push(`nw_tos=${tos & 0xfc}`);
  if ((tosMask & 3) !== 0) parts.push(`nw_ecn=${tos & 3}`);
  show(TTL_FRAGMENT);
}

function showTransport(parts: string[], match: Match, show: (fields: readonly Shown[]) => void, names: PortNames): void {
  if (meetsPrerequisite(match, "icmp4")) show(ICMP);
  else if (meetsPrerequisite(match, "icmp6")) {
    show(ICMP);
    show(NEIGHBOR);
  } else {
    show(PORTS);
    if (meetsPrerequisite(match, "tcp")) showField(parts, match, "tcp_flags", matchField("tcp_flags"), names);
  }
}

function showField(parts: string[], match: Match, name: string, field: MatchField, names: PortNames): void {
  const mask = getFieldBig(match.mask, field);
  if (mask === 0n) return;
  parts.push(`${name}=${formatFieldValue(field, getFieldBig(match.key, field), mask, names)}`);
}

function showLabel(parts: string[], match: Match): void {
  const mask = getField(match.mask, FIELDS.ipv6_label);
  if (mask === 0) return;
  const hex = (value: number): string => `0x${value.toString(16).padStart(5, "0")}`;
  const value = hex(getField(match.key, FIELDS.ipv6_label));
  parts.push(`ipv6_label=${mask === 0xfffff ? value : `${value}/${hex(mask)}`}`);
}

function showVlan(parts: string[], match: Match): void {
  const spec: FieldSpec = FIELDS.vlan_tci;
  const mask = getField(match.mask, spec);
  const tci = getField(match.key, spec);
  if (mask === 0) return;
  const hasVid = (mask & 0x0fff) === 0x0fff;
  const hasPcp = (mask & 0xe000) === 0xe000;
  const isPlain = (mask & 0x1000) !== 0 && (tci & 0x1000) !== 0 && (hasVid || hasPcp);
  if (isPlain && (hasVid || (mask & 0x0fff) === 0) && (hasPcp || (mask & 0xe000) === 0)) {
    if (hasVid) parts.push(`dl_vlan=${tci & 0x0fff}`);
    if (hasPcp) parts.push(`dl_vlan_pcp=${tci >>> 13}`);
    return;
  }
  const value = `0x${tci.toString(16).padStart(4, "0")}`;
  parts.push(`vlan_tci=${mask === 0xffff ? value : `${value}/0x${mask.toString(16).padStart(4, "0")}`}`);
}

/** The shorthand that says the EtherType (and IP protocol) of a match, if there is one. */
function protocolName(match: Match): string | undefined {
  const etherType = etherTypeOf(match);
  const number = ipProtocolOf(match);
  let found: string | undefined;
  for (const [name, [type, protocol]] of PROTOCOLS) {
    if (type !== etherType || name === "ip6") continue;
    if (protocol === undefined) found ??= name;
    else if (protocol === number) found = name;
  }
  return found;
}

function shownAs(...names: readonly string[]): Shown[] {
  return names.map((name) => {
    const [shown = name, text = shown] = name.split("=");
    return [shown, matchField(text)];
  });
}
