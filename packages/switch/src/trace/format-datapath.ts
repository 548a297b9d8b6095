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
import { formatMatch, type PortNames } from "@tenet/openflow";

const ALL_BITS = 0xffffffff;
/** A flow label has 20 bits; its field has room for 32. */
const IPV6_LABEL_BITS = 0xfffff;

/** Actions as `dpif/dump-flows` shows them; the empty list is `drop`. `portName` is given datapath ports. */
export function formatDatapathActions(actions: readonly DatapathAction[], portName: (portNo: number) => string = String): string {
  if (actions.length === 0) return "drop";
  return actions.map((action) => formatAction(action, portName)).join(",");
}

/** A whole flow: every field that packets of its kind have. */
export function formatFlowKey(key: Uint32Array, names: PortNames = {}): string {
  return formatMatch({ key, mask: fieldsOf(key) }, names);
}

/** What a megaflow matches on, as a trace shows it; that a tag is there, or is not, goes without saying. */
export function formatMegaflow(key: Uint32Array, mask: Uint32Array, names: PortNames = {}): string {
  const shownMask = mask.slice();
  shownMask[FIELDS.recirc_id.word] = 0;
  if (getField(key, FIELDS.vlan_tci) === 0 || getField(mask, FIELDS.vlan_tci) === VLAN_PRESENT) clearBits(shownMask, "vlan_tci");
  const shownKey = key.map((word, i) => word & (shownMask[i] ?? 0));
  const match = formatMatch({ key: shownKey, mask: shownMask }, names);
  return `recirc_id=0,eth${match === "" ? "" : `,${match}`}`;
}

function formatAction(action: DatapathAction, portName: (portNo: number) => string): string {
  switch (action.type) {
    case "output":
      return portName(action.port);
    case "popVlan":
      return "pop_vlan";
    case "pushVlan": {
      const tpid = action.tpid === ETH_TYPE.vlan ? "" : `tpid=0x${action.tpid.toString(16)},`;
      return `push_vlan(${tpid}vid=${action.tci & 0xfff},pcp=${action.tci >>> 13})`;
    }
    case "userspace":
      return `userspace(pid=0,controller(id=${action.userdata}))`;
    case "setMasked":
      return SET_GROUPS.flatMap((group) => formatSet(group, action.key, action.mask)).join(",");
  }
}

/** The parts of a set, as the original groups fields into attributes. */
const SET_GROUPS: readonly { readonly name: string; readonly fields: readonly (readonly [string, FieldName])[] }[] = [
  {
    name: "eth",
    fields: [
      ["src", "eth_src"],
      ["dst", "eth_dst"],
    ],
  },
  {
    name: "ipv4",
    fields: [
      ["src", "nw_src"],
      ["dst", "nw_dst"],
      ["tos", "nw_tos"],
      ["ttl", "nw_ttl"],
    ],
  },
  {
    name: "ipv6",
    fields: [
      ["src", "ipv6_src"],
      ["dst", "ipv6_dst"],
      ["label", "ipv6_label"],
    ],
  },
  {
    name: "arp",
    fields: [
      ["op", "nw_proto"],
      ["sha", "arp_sha"],
      ["tha", "arp_tha"],
    ],
  },
  { name: "nd", fields: [["target", "nd_target"]] },
  {
    name: "tp",
    fields: [
      ["src", "tp_src"],
      ["dst", "tp_dst"],
    ],
  },
];

function formatSet(group: (typeof SET_GROUPS)[number], key: Uint32Array, mask: Uint32Array): string[] {
  const parts = group.fields.flatMap(([label, name]) => {
    const bits = getFieldBig(mask, FIELDS[name]);
    if (bits === 0n) return [];
    const isWhole = bits === (1n << BigInt(FIELDS[name].nBits)) - 1n;
    const value = formatValue(name, getFieldBig(key, FIELDS[name]));
    return [`${label}=${value}${isWhole ? "" : `/${formatValue(name, bits)}`}`];
  });
  return parts.length === 0 ? [] : [`set(${group.name}(${parts.join(",")}))`];
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
    default:
      return String(value);
  }
}

/** All bits of the fields that packets like `key` have, and of metadata that is not zero. */
function fieldsOf(key: Uint32Array): Uint32Array {
  const mask = new Uint32Array(key.length);
  const names: FieldName[] = ["in_port", "eth_src", "eth_dst", "eth_type", "vlan_tci"];
  for (const field of Object.values(FIELDS)) {
    if (field.word < FIELDS.eth_dst.word && getFieldBig(key, field) !== 0n) names.push(field.name);
  }
  const ethType = getField(key, FIELDS.eth_type);
  const proto = getField(key, FIELDS.nw_proto);
  if (ethType === ETH_TYPE.arp || ethType === ETH_TYPE.rarp) names.push("nw_src", "nw_dst", "nw_proto", "arp_sha", "arp_tha");
  const isIp = ethType === ETH_TYPE.ip4 || ethType === ETH_TYPE.ip6;
  if (ethType === ETH_TYPE.ip4) names.push("nw_src", "nw_dst");
  if (ethType === ETH_TYPE.ip6) names.push("ipv6_src", "ipv6_dst", "ipv6_label");
  if (isIp) names.push("nw_proto", "nw_tos", "nw_ttl", "nw_frag");
  const hasPorts: number[] = [IP_PROTO.tcp, IP_PROTO.udp, IP_PROTO.sctp, IP_PROTO.icmp, IP_PROTO.icmp6];
  if (isIp && hasPorts.includes(proto)) names.push("tp_src", "tp_dst");
  if (isIp && proto === IP_PROTO.tcp) names.push("tcp_flags");
  for (const name of names) setBits(mask, name);
  return mask;
}

function setBits(mask: Uint32Array, name: FieldName): void {
  const field = FIELDS[name];
  if (name === "ipv6_label") mask[field.word] = IPV6_LABEL_BITS;
  else if (field.nBits >= 32) {
    for (let i = 0; i < field.nWords; i++) mask[field.word + i] = field.nBits === 48 && i === 0 ? 0xffff : ALL_BITS;
  } else mask[field.word] = (mask[field.word] ?? 0) | (((1 << field.nBits) - 1) << field.shift);
}

function clearBits(mask: Uint32Array, name: FieldName): void {
  const field = FIELDS[name];
  mask[field.word] = (mask[field.word] ?? 0) & ~(((1 << field.nBits) - 1) << field.shift);
}
