/** Datapath actions, flows and megaflows as text, in the original's syntax. */
import type { DatapathAction } from "@tenet/datapath";
import {
  ETH_TYPE,
  FIELDS,
  type FieldName,
  formatIp4,
  formatIp6,
  formatMac,
  getField,
  getFieldBig,
  IP_PROTO,
  VLAN_PRESENT,
} from "@tenet/net";
import type { Punt } from "../translate/translation.ts";
import { formatCt } from "./format-ct.ts";
import { formatPush } from "./format-push.ts";
import { maskedKey } from "../translate/megaflow-mask.ts";
import { formatOptionMatches, formatOptions, formatTunnel } from "./format-tunnel.ts";
import { formatMatch, type Match, type PortNames, presentFields } from "@tenet/openflow";
import type { TlvTable } from "../table/tlv-table.ts";

/**
 * Actions as `dpif/dump-flows` shows them; the empty list is `drop`.
 *
 * @param key - of the packets, which says what their fields are called
 * @param portName - is given datapath ports
 * @param puntText - what sends packets to the slow path; is given the number of their way
 */
export function formatDatapathActions(
  actions: readonly DatapathAction[],
  key: Uint32Array,
  portName: (portNo: number) => string = String,
  puntText: (userdata: number) => string = (userdata) => formatPunt(userdata, undefined, false),
): string {
  if (actions.length === 0) return "drop";
  return actions.map((action) => formatAction(action, key, portName, puntText)).join(",");
}

/** A whole flow: every field that packets of its kind have, and the options that a bridge's tables see. */
export function formatFlowKey(key: Uint32Array, table: TlvTable, names: PortNames = {}): string {
  const mask = presentFields(key);
  const options = formatOptions(key, table);
  return getField(key, FIELDS.recirc_id) === 0
    ? formatMatch({ key, mask }, names, options)
    : formatAroundEth(key, mask, names, options);
}

/** What a megaflow matches on, as a trace shows it; that a tag is there, or is not, goes without saying. */
export function formatMegaflow(key: Uint32Array, mask: Uint32Array, table: TlvTable, names: PortNames = {}): string {
  const shownMask = mask.slice();
  for (const name of ["vlan_tci", "vlan_tci1"] as const) {
    if (getField(key, FIELDS[name]) === 0 || getField(mask, FIELDS[name]) === VLAN_PRESENT) clearBits(shownMask, name);
  }
  return formatAroundEth(key, shownMask, names, formatOptionMatches(key, mask, table));
}

/** A match, with the packet type where the original has it: behind what the connection tracker says. */
function formatAroundEth(key: Uint32Array, mask: Uint32Array, names: PortNames, options: readonly string[]): string {
  const front = mask.map((bits, i) => (isFront(i) ? bits : 0));
  const rest = mask.map((bits, i) => (isFront(i) ? 0 : bits));
  const matchOf = (part: Uint32Array): Match => ({ key: maskedKey(key, part), mask: part });
  const parts = [formatMatch(matchOf(front), names), "eth", formatMatch(matchOf(rest), names, options)];
  return parts.filter((part) => part !== "").join(",");
}

/** Words of what comes before the packet's kind: marks, numbers of the datapath, the connection. */
function isFront(word: number): boolean {
  if (word >= FIELDS.ct_state.word && word <= FIELDS.ct_tp_src.word) return true;
  return word === FIELDS.pkt_mark.word || word === FIELDS.recirc_id.word || word === FIELDS.conj_id.word;
}

/** What sends a packet to a controller, as fast as a meter allows; `isTrace`: it does not really go. */
export function formatPunt(userdata: number, punt: Punt | undefined, isTrace: boolean): string {
  if (punt === undefined) return `userspace(pid=0,controller(id=${userdata}))`;
  const text = `userspace(pid=0,${formatCause(userdata, punt, isTrace)})`;
  return punt.meter === undefined ? text : `sample(sample=100.0%,actions(meter(${punt.meter}),${text}))`;
}

function formatCause(userdata: number, punt: Punt, isTrace: boolean): string {
  const { reason, paused, cookie, controllerId, maxLength } = punt;
  return [
    `controller(reason=${reason}`,
    `dont_send=${isTrace ? 1 : 0}`,
    `continuation=${paused === undefined ? 0 : 1}`,
    `recirc_id=${userdata}`,
    `rule_cookie=${cookie === 0n ? "0" : `0x${cookie.toString(16)}`}`,
    `controller_id=${controllerId}`,
    `max_len=${maxLength})`,
  ].join();
}

function formatAction(
  action: DatapathAction,
  packet: Uint32Array,
  portName: (portNo: number) => string,
  puntText: (userdata: number) => string,
): string {
  switch (action.type) {
    case "output":
      return portName(action.port);
    case "popVlan":
      return "pop_vlan";
    case "pushVlan": {
      const tpid = action.tpid === ETH_TYPE.vlan ? "" : `tpid=0x${action.tpid.toString(16)},`;
      return `push_vlan(${tpid}vid=${action.tci & 0xfff},pcp=${action.tci >>> 13})`;
    }
    case "meter":
      return `meter(${action.meter})`;
    case "ct":
      return formatCt(action);
    case "setTunnel":
      return `set(${formatTunnel(action.key, action.dstPort)})`;
    case "tunnelPush":
      return formatPush(action, portName);
    case "tunnelPop":
      return `tnl_pop(${portName(action.port)})`;
    case "reassemble":
      return "reassemble";
    case "ctClear":
      return "ct_clear";
    case "recirc":
      return `recirc(0x${action.id.toString(16)})`;
    case "pushMpls":
      return `push_mpls(${formatEntry(action.entry)},eth_type=0x${action.ethType.toString(16)})`;
    case "popMpls":
      return `pop_mpls(eth_type=0x${action.ethType.toString(16)})`;
    case "truncate":
      return `trunc(${action.maxLength})`;
    case "hash":
      return `hash(sym_l4(${action.basis}))`;
    case "setPriority":
      return `set(skb_priority(${formatHex(action.priority)}))`;
    case "setMark":
      return `set(skb_mark(${formatHex(action.mark)}))`;
    case "checkLength": {
      const [greater, lessOrEqual] = [action.greater, action.lessOrEqual].map((list) =>
        formatDatapathActions(list, packet, portName, puntText),
      );
      return `check_pkt_len(size=${action.sizeBytes},gt(${greater}),le(${lessOrEqual}))`;
    }
    case "clone":
      return `clone(${formatDatapathActions(action.actions, packet, portName, puntText)})`;
    case "userspace":
      return puntText(action.userdata);
    case "setMasked":
      return [
        ...setGroups(packet).flatMap((each) => formatSet(each, action.key, action.mask)),
        ...formatMplsSet(getField(action.key, FIELDS.mpls_lse), getField(action.mask, FIELDS.mpls_lse)),
      ].join(",");
  }
}

/** An entry of an MPLS stack. */
function formatEntry(entry: number): string {
  return `label=${entry >>> 12},tc=${(entry >>> 9) & 7},ttl=${entry & 0xff},bos=${(entry >>> 8) & 1}`;
}

/** The parts of an entry that are set. */
function formatMplsSet(entry: number, mask: number): string[] {
  const bits = [0xfffff000, 0xe00, 0xff, 0x100];
  const parts = formatEntry(entry)
    .split(",")
    .filter((_, i) => (mask & (bits[i] ?? 0)) !== 0);
  return parts.length === 0 ? [] : [`set(mpls(${parts.join(",")}))`];
}

/** As C's `%#x`. */
function formatHex(value: number): string {
  return value === 0 ? "0" : `0x${value.toString(16)}`;
}

/** Fields that a set may change, under the attribute and the names that packets of a kind have for them. */
interface SetGroup {
  readonly name: string;
  readonly fields: readonly (readonly [label: string, field: FieldName])[];
}

/** Fields whose masks are hexadecimal and values decimal. */
export const PORT_FIELDS: ReadonlySet<FieldName> = new Set(["tp_src", "tp_dst"]);

const ETH: SetGroup = group("eth", "src=eth_src", "dst=eth_dst");
const IP4: SetGroup = group("ipv4", "src=nw_src", "dst=nw_dst", "tos=nw_tos", "ttl=nw_ttl");
const IP6: SetGroup = group("ipv6", "src=ipv6_src", "dst=ipv6_dst", "label=ipv6_label", "tclass=nw_tos", "hlimit=nw_ttl");
const ARP: SetGroup = group("arp", "sip=nw_src", "tip=nw_dst", "op=nw_proto", "sha=arp_sha", "tha=arp_tha");
const ND: SetGroup = group("nd", "target=nd_target", "sll=arp_sha", "tll=arp_tha");
const ND_EXT: SetGroup = group("nd_ext", "nd_reserved=nd_reserved", "nd_options_type=nd_options_type");
const ICMP: Readonly<Record<number, string>> = { [IP_PROTO.icmp]: "icmp", [IP_PROTO.icmp6]: "icmpv6" };
const PORTS: Readonly<Record<number, string>> = { [IP_PROTO.tcp]: "tcp", [IP_PROTO.udp]: "udp", [IP_PROTO.sctp]: "sctp" };

/** The groups of packets like `key`. */
function setGroups(key: Uint32Array): SetGroup[] {
  const ethType = getField(key, FIELDS.eth_type);
  const proto = getField(key, FIELDS.nw_proto);
  if (ethType === ETH_TYPE.arp || ethType === ETH_TYPE.rarp) return [ETH, ARP];
  const icmp = ICMP[proto];
  const transport =
    icmp === undefined ? group(PORTS[proto] ?? "tp", "src=tp_src", "dst=tp_dst") : group(icmp, "type=tp_src", "code=tp_dst");
  return ethType === ETH_TYPE.ip6 ? [ETH, IP6, ND, ND_EXT, transport] : [ETH, IP4, transport];
}

function group(name: string, ...fields: `${string}=${FieldName}`[]): SetGroup {
  return { name, fields: fields.map((text) => text.split("=") as [string, FieldName]) };
}

function formatSet({ name, fields }: SetGroup, key: Uint32Array, mask: Uint32Array): string[] {
  const parts = fields.flatMap(([label, fieldName]) => {
    const field = FIELDS[fieldName];
    const bits = getFieldBig(mask, field);
    if (bits === 0n) return [];
    const isWhole = bits === (1n << BigInt(field.nBits)) - 1n || (bits === 0xffn && label !== "src" && label !== "dst");
    const bitsText = PORT_FIELDS.has(fieldName) ? `0x${bits.toString(16)}` : formatValue(fieldName, bits);
    return [`${label}=${formatValue(fieldName, getFieldBig(key, field))}${isWhole ? "" : `/${bitsText}`}`];
  });
  return parts.length === 0 ? [] : [`set(${name}(${parts.join(",")}))`];
}

function formatValue(name: FieldName, value: bigint): string {
  switch (name) {
    case "eth_src":
    case "eth_dst":
    case "arp_sha":
    case "arp_tha":
      return formatMac(Number(value));
    case "nw_src":
    case "nw_dst":
      return formatIp4(Number(value));
    case "ipv6_src":
    case "ipv6_dst":
    case "nd_target":
      return formatIp6(Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(120 - 8 * i)) & 0xffn)));
    case "nw_tos":
    case "ipv6_label":
      return value === 0n ? "0" : `0x${value.toString(16)}`;
    default:
      return String(value);
  }
}

function clearBits(mask: Uint32Array, name: FieldName): void {
  const field = FIELDS[name];
  mask[field.word] = (mask[field.word] ?? 0) & ~(((1 << field.nBits) - 1) << field.shift);
}
