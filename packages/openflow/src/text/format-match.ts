/** Writes a match as ovs-ofctl prints it: same names, same order, same notation. */
import { FIELDS, type FieldSpec, getField, getFieldBig } from "@tenet/net";
import type { Match } from "../action.ts";
import { type MatchField, matchField } from "../match/match-field.ts";
import { etherTypeOf, ipProtocolOf, meetsPrerequisite } from "../match/prerequisite.ts";
import { formatFieldValue } from "./field-value.ts";
import { formatFlags, OUTER_FLAGS } from "./flag-names.ts";
import { PROTOCOLS } from "./parse-match.ts";
import type { PortNames } from "./port-name.ts";

/** Shown name and field. */
type Shown = readonly [name: string, field: MatchField];

const BEFORE_PROTOCOL = shownAs(
  "pkt_mark",
  "recirc_id",
  "dp_hash",
  "conj_id",
  "actset_output",
  "ct_state",
  "ct_zone",
  "ct_mark",
  "ct_label",
  "ct_nw_src",
  "ct_nw_dst",
  "ct_ipv6_src",
  "ct_ipv6_dst",
  "ct_nw_proto",
  "ct_tp_src",
  "ct_tp_dst",
);
const REGISTERS = shownAs(...Array.from({ length: 16 }, (_, n) => `reg${n}`));
const TUNNEL = shownAs("tun_id", "tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst", "tun_gbp_id", "tun_gbp_flags");
const TUNNEL_KIND = shownAs(
  "tun_erspan_ver",
  "tun_erspan_idx",
  "tun_erspan_dir",
  "tun_erspan_hwid",
  "gtpu_flags=tun_gtpu_flags",
  "gtpu_msgtype=tun_gtpu_msgtype",
);
const METADATA = shownAs("metadata", "in_port");
const LABELS = shownAs("mpls_label", "mpls_tc", "mpls_ttl", "mpls_bos");
const ETHERNET = shownAs("dl_src=eth_src", "dl_dst=eth_dst");
const IP4 = shownAs("nw_src=ip_src", "nw_dst=ip_dst");
const ARP = shownAs("arp_spa", "arp_tpa", "arp_op", "arp_sha", "arp_tha");
const IP6 = shownAs("ipv6_src", "ipv6_dst");
const TTL_FRAGMENT = shownAs("nw_ttl", "nw_frag=ip_frag");
const ICMP = shownAs("icmp_type", "icmp_code");
const PORTS = shownAs("tp_src", "tp_dst");
const NEIGHBOR = shownAs("nd_target", "nd_sll", "nd_tll", "nd_reserved", "nd_options_type");

/**
 * Writes a match; the empty string matches everything.
 *
 * @param options - texts of what is matched of tunnels' options, where the match does not tell itself
 * @example
 * formatMatch(parseMatch("eth_type=0x800,ip_proto=6,tcp_dst=443")); // "tcp,tp_dst=443"
 */
export function formatMatch(match: Match, names: PortNames = {}, options: readonly string[] = optionTexts(match)): string {
  const parts: string[] = [];
  const show = (fields: readonly Shown[]): void => {
    for (const [name, field] of fields) showField(parts, match, name, field, names);
  };
  show(BEFORE_PROTOCOL);
  showPacketType(parts, match);
  const protocol = protocolName(match);
  if (protocol !== undefined) parts.push(protocol);
  show(REGISTERS);
  show(TUNNEL);
  for (const name of ["tun_tos", "tun_ttl"] as const) showByte(parts, match, name);
  show(TUNNEL_KIND);
  showTunnelFlags(parts, match);
  parts.push(...options);
  show(METADATA);
  showVlan(parts, match, FIELDS.vlan_tci, "");
  showVlan(parts, match, FIELDS.vlan_tci1, "1");
  show(ETHERNET);
  const etherType = etherTypeOf(match);
  if (etherType >= 0 && protocol === undefined && getField(match.mask, FIELDS.eth_type) !== 0)
    parts.push(`dl_type=0x${etherType.toString(16).padStart(4, "0")}`);
  if (meetsPrerequisite(match, "mpls")) show(LABELS);
  if (meetsPrerequisite(match, "arp")) show(ARP);
  else if (etherType === 0x86dd) {
    show(IP6);
    showLabel(parts, match);
  } else show(IP4);
  if (meetsPrerequisite(match, "ip")) showIp(parts, match, protocol, show);
  if (meetsPrerequisite(match, "transport") || ipProtocolOf(match) >= 0) showTransport(parts, match, show, names);
  return parts.join(",");
}

/** Ethernet, the default, is not shown. */
function showPacketType(parts: string[], match: Match): void {
  const field = matchField("packet_type");
  if (getField(match.mask, field) === 0 || getField(match.key, field) === 0) return;
  showField(parts, match, "packet_type", field, {});
}

function optionTexts({ options = [] }: Match): string[] {
  const sorted = [...options].sort((a, b) => a.index - b.index);
  return sorted.map(({ index, value, mask }) => formatOption(matchField(`tun_metadata${index}`), value, mask));
}

/** What is matched of an option of tunnel headers; where no bit counts, that it is there does. */
export function formatOption(field: MatchField, value: bigint, mask: bigint): string {
  return mask === 0n ? field.text : `${field.text}=${formatFieldValue(field, value, mask)}`;
}

/** What flows of a datapath match of outer headers, and those of OpenFlow do not. */
function showByte(parts: string[], { key, mask }: Match, name: "tun_tos" | "tun_ttl"): void {
  const bits = getField(mask, FIELDS[name]);
  if (bits === 0) return;
  const value = getField(key, FIELDS[name]);
  parts.push(`${name}=${bits === 0xff ? value : `0x${value.toString(16)}/0x${bits.toString(16)}`}`);
}

function showTunnelFlags(parts: string[], { key, mask }: Match): void {
  const bits = getField(mask, FIELDS.tun_flags);
  if (bits !== 0) parts.push(`tun_flags=${formatFlags(BigInt(getField(key, FIELDS.tun_flags)), BigInt(bits), OUTER_FLAGS)}`);
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

/** @param suffix - of the names: OpenFlow has none for the inner tag, but flows of a datapath are shown too */
function showVlan(parts: string[], match: Match, spec: FieldSpec, suffix: "" | "1"): void {
  const mask = getField(match.mask, spec);
  const tci = getField(match.key, spec);
  if (mask === 0) return;
  const hasVid = (mask & 0x0fff) === 0x0fff;
  const hasPcp = (mask & 0xe000) === 0xe000;
  const isPlain = (mask & 0x1000) !== 0 && (tci & 0x1000) !== 0 && (hasVid || hasPcp);
  if (isPlain && (hasVid || (mask & 0x0fff) === 0) && (hasPcp || (mask & 0xe000) === 0)) {
    if (hasVid) parts.push(`dl_vlan${suffix}=${tci & 0x0fff}`);
    if (hasPcp) parts.push(`dl_vlan_pcp${suffix}=${tci >>> 13}`);
    return;
  }
  const value = `0x${tci.toString(16).padStart(4, "0")}`;
  parts.push(`vlan_tci${suffix}=${mask === 0xffff ? value : `${value}/0x${mask.toString(16).padStart(4, "0")}`}`);
}

/** The shorthand that says the EtherType (and IP protocol) of a match, if there is one. */
function protocolName(match: Match): string | undefined {
  const etherType = etherTypeOf(match);
  const number = ipProtocolOf(match);
  let found: string | undefined;
  if (getField(match.mask, FIELDS.eth_type) === 0) return undefined;
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
