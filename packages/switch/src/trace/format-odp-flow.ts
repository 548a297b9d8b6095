/** Megaflows as `dpif/dump-flows` shows them: nested attributes, `value/mask` where not all bits count. */
import { createHash } from "node:crypto";
import type { Megaflow } from "@tenet/datapath";
import {
  ETH_TYPE,
  FIELDS,
  type FieldName,
  fieldOnes,
  formatIp4,
  formatIp6,
  formatMac,
  getField,
  getFieldBig,
  IP_PROTO,
} from "@tenet/net";
import { formatDatapathActions, PORT_FIELDS } from "./format-datapath.ts";
import { formatTunnelMatch } from "./format-tunnel.ts";

const CT_STATE_NAMES = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];
const ALL_BITS = 0xffffffff;
/** The type of frames that do not say what is in them. */
export const NO_ETH_TYPE = "0/0xffff";
const TCP_FLAG_LETTERS = "FSRP.UEC";

/** How to show megaflows. */
export interface OdpFlowFormat {
  /** Monotonic. */
  readonly nowMs: number;
  readonly portName: (portNo: number) => string;
  /** The text of a `userspace` action. */
  readonly puntText?: (userdata: number) => string;
  /** Also what does not count, and the flow's name. */
  readonly isVerbose?: boolean;
  /** Whether the packets of a port come with Geneve headers, which have room for options. */
  readonly isGeneve?: (portNo: number) => boolean;
  /** Of what is shown of one bridge alone, a flow's name has no comma behind it, and where it is carried out is left out. */
  readonly isOfBridge?: boolean;
  /** Whether a flow with this key is of a bridge of the system's: the kernel's datapath does not say that its packets are of Ethernet. */
  readonly isOfKernel?: (key: Uint32Array) => boolean;
}

/** What is shown of a match. */
interface Shown {
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
  readonly isVerbose: boolean;
}

/** One megaflow with its statistics; `key` is its own, which who shows many has read into the same place. */
export function formatOdpFlow(flow: Megaflow, format: OdpFlowFormat, key: Uint32Array = flow.key): string {
  const { nowMs, isVerbose = false, isOfBridge = false } = format;
  const name = isVerbose ? `ufid:${ufidOf({ key, mask: flow.mask })}${isOfBridge ? "" : ","} ` : "";
  const statistics = `${formatFlowStatistics(flow, nowMs)}${isVerbose && !isOfBridge ? ", dp:ovs" : ""}`;
  return `${name}${formatOdpMatch(flow, format, key)}, ${statistics}, actions:${formatOdpActions(flow, format, key)}`;
}

/** What a megaflow does. */
export function formatOdpActions({ actions }: Megaflow, { portName, puntText }: OdpFlowFormat, key: Uint32Array): string {
  return formatDatapathActions(actions, key, portName, puntText);
}

/** What a megaflow matches on. */
export function formatOdpMatch({ mask }: Megaflow, format: OdpFlowFormat, key: Uint32Array): string {
  const { portName, isVerbose = false, isGeneve, isOfKernel } = format;
  const recircId = getField(key, FIELDS.recirc_id);
  const shown: Shown = { key, mask, isVerbose };
  const attributes = [
    ...(isVerbose ? ["skb_priority(0/0)"] : []),
    ...formatTunnelMatch(key, mask, isGeneve?.(getField(key, FIELDS.in_port)) === true),
    ...hexAttribute(shown, "skb_mark", "pkt_mark"),
    ...connectionAttributes(shown),
    `recirc_id(${recircId === 0 ? "0" : `0x${recircId.toString(16)}`})`,
    ...hexAttribute(shown, "dp_hash", "dp_hash"),
    `in_port(${portName(getField(key, FIELDS.in_port))})`,
    ...(isOfKernel?.(key) === true ? [] : ["packet_type(ns=0,id=0)"]),
  ];
  return [...attributes, ...linkAttributes(shown)].join(",");
}

/** Counters of a megaflow; `nowMs` is monotonic. */
export function formatFlowStatistics({ nPackets, nBytes, usedMs, tcpFlags }: Megaflow, nowMs: number): string {
  const used = usedMs === 0 ? "never" : `${((nowMs - usedMs) / 1000).toFixed(3)}s`;
  const flags = tcpFlags === 0 ? "" : `, flags:${formatTcpFlags(tcpFlags)}`;
  return `packets:${nPackets}, bytes:${nBytes}, used:${used}${flags}`;
}

/** The name of a megaflow: 128 bits that follow from what it matches on. */
export function ufidOf({ key, mask }: Pick<Megaflow, "key" | "mask">): string {
  const digest = createHash("md5").update(key).update(mask).digest("hex");
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** What the connection tracker said, as far as it counts. */
function connectionAttributes({ key, mask, isVerbose }: Shown): string[] {
  const stateMask = getFieldBig(mask, FIELDS.ct_state);
  const parts: string[] = [];
  if (stateMask !== 0n) {
    const flags = CT_STATE_NAMES.flatMap((name, bit) => {
      if (((stateMask >> BigInt(bit)) & 1n) === 0n) return [];
      return `${(getField(key, FIELDS.ct_state) >>> bit) & 1 ? "+" : "-"}${name}`;
    });
    parts.push(`ct_state(${flags.join("")})`);
  } else if (isVerbose) parts.push("ct_state(0/0)");
  for (const name of ["ct_zone", "ct_mark", "ct_label"] as const)
    parts.push(...hexAttribute({ key, mask, isVerbose }, name, name));
  return parts;
}

/** A number of its own. */
function hexAttribute({ key, mask, isVerbose }: Shown, label: string, name: FieldName): string[] {
  const bits = bitsOf(mask, name);
  if (bits === 0n) return isVerbose ? [`${label}(0/0)`] : [];
  const value = formatHex(getFieldBig(key, FIELDS[name]));
  return [`${label}(${value}${bits === onesOf(name) ? "" : `/${formatHex(bits)}`})`];
}

/** The bits of a field that count; an exact mask may have more than the field. */
function bitsOf(mask: Uint32Array, name: FieldName): bigint {
  return getFieldBig(mask, FIELDS[name]) & onesOf(name);
}

/** A zone has fewer bits than its field has room for. */
function onesOf(name: FieldName): bigint {
  return name === "ct_zone" ? 0xffffn : fieldOnes(FIELDS[name]);
}

/** As C's `%#x`. */
function formatHex(value: bigint): string {
  return value === 0n ? "0" : `0x${value.toString(16)}`;
}

function linkAttributes(flow: Shown): string[] {
  const parts = attribute(flow, "eth", [
    ["src", "eth_src"],
    ["dst", "eth_dst"],
  ]);
  const ethType = `eth_type(${formatEthType(getField(flow.key, FIELDS.eth_type))})`;
  return [...parts, ...tagAttributes(flow, TAG_FIELDS, [ethType, ...networkAttributes(flow), ...transportAttributes(flow)])];
}

const TAG_FIELDS = [
  { tci: FIELDS.vlan_tci, tpid: FIELDS.vlan_tpid },
  { tci: FIELDS.vlan_tci1, tpid: FIELDS.vlan_tpid1 },
] as const;

/** The tags, each around what it encapsulates. */
function tagAttributes(flow: Shown, [first, ...others]: readonly (typeof TAG_FIELDS)[number][], inside: string[]): string[] {
  const tci = first === undefined ? 0 : getField(flow.key, first.tci);
  if (first === undefined || tci === 0) return inside;
  const mask = getField(flow.mask, first.tci);
  const vid = tagPart("vid", tci & 0xfff, mask & 0xfff, 0xfff);
  const pcp = tagPart("pcp", tci >>> 13, mask >>> 13, 7);
  return [
    `eth_type(${formatEthType(getField(flow.key, first.tpid) || ETH_TYPE.vlan)})`,
    `vlan(${[...vid, ...pcp].join(",")})`,
    `encap(${tagAttributes(flow, others, inside).join(",")})`,
  ];
}

/** A part of a tag, if there is anything to say of it. */
function tagPart(label: string, value: number, bits: number, ones: number): string[] {
  if (value === 0 && bits === 0) return [];
  return [`${label}=${value}${bits === ones ? "" : `/0x${bits.toString(16)}`}`];
}

/** The labels that count, up to the last of them; with their masks unless all of them count whole. */
function labelAttributes({ key, mask, isVerbose }: Shown): string[] {
  const labels = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2].map((field) => ({
    entry: getField(key, field),
    bits: getField(mask, field),
  }));
  const n = labels.findLastIndex(({ bits }) => bits !== 0) + 1;
  if (n === 0 && !isVerbose) return [];
  const shown = labels.slice(0, Math.max(n, 1));
  const isExact = shown.every(({ bits }) => bits === ALL_BITS);
  return [`mpls(${shown.map(({ entry, bits }) => formatLabel(entry, bits, isExact)).join(",")})`];
}

function formatLabel(entry: number, bits: number, isExact: boolean): string {
  const [value, counts] = [entry, bits].map((word) => ({
    label: word >>> 12,
    tc: (word >>> 9) & 7,
    ttl: word & 0xff,
    bos: (word >>> 8) & 1,
  })) as [Label, Label];
  if (isExact) return `label=${value.label},tc=${value.tc},ttl=${value.ttl},bos=${value.bos}`;
  const hex = (n: number): string => `0x${n.toString(16)}`;
  return [
    `label=${value.label}/${hex(counts.label)}`,
    `tc=${value.tc}/${counts.tc}`,
    `ttl=${value.ttl}/${hex(counts.ttl)}`,
    `bos=${value.bos}/${counts.bos}`,
  ].join(",");
}

type Label = Readonly<Record<"label" | "tc" | "ttl" | "bos", number>>;

function formatEthType(ethType: number): string {
  return ethType === ETH_TYPE.none ? NO_ETH_TYPE : `0x${ethType.toString(16).padStart(4, "0")}`;
}

function networkAttributes(flow: Shown): string[] {
  switch (getField(flow.key, FIELDS.eth_type)) {
    case ETH_TYPE.ip4:
      return attribute(flow, "ipv4", [
        ["src", "nw_src"],
        ["dst", "nw_dst"],
        ["proto", "nw_proto"],
        ["tos", "nw_tos"],
        ["ttl", "nw_ttl"],
        ["frag", "nw_frag"],
      ]);
    case ETH_TYPE.ip6:
      return attribute(flow, "ipv6", [
        ["src", "ipv6_src"],
        ["dst", "ipv6_dst"],
        ["label", "ipv6_label"],
        ["proto", "nw_proto"],
        ["tclass", "nw_tos"],
        ["hlimit", "nw_ttl"],
        ["frag", "nw_frag"],
      ]);
    case ETH_TYPE.arp:
    case ETH_TYPE.rarp:
      return attribute(flow, "arp", [
        ["sip", "nw_src"],
        ["tip", "nw_dst"],
        ["op", "nw_proto"],
        ["sha", "arp_sha"],
        ["tha", "arp_tha"],
      ]);
    case ETH_TYPE.mpls:
    case ETH_TYPE.mplsMulticast:
      return labelAttributes(flow);
    default:
      return [];
  }
}

function transportAttributes(flow: Shown): string[] {
  const ports = [
    ["src", "tp_src"],
    ["dst", "tp_dst"],
  ] as const;
  if (getField(flow.mask, FIELDS.nw_proto) !== 0xff) return [];
  switch (getField(flow.key, FIELDS.nw_proto)) {
    case IP_PROTO.tcp: {
      const mask = getField(flow.mask, FIELDS.tcp_flags);
      const flags =
        mask === 0 ? [] : [`tcp_flags(0x${getField(flow.key, FIELDS.tcp_flags).toString(16)}/0x${mask.toString(16)})`];
      return [...attribute(flow, "tcp", ports), ...flags];
    }
    case IP_PROTO.udp:
      return attribute(flow, "udp", ports);
    case IP_PROTO.sctp:
      return attribute(flow, "sctp", ports);
    case IP_PROTO.icmp:
    case IP_PROTO.icmp6:
      return [
        ...attribute(flow, getField(flow.key, FIELDS.nw_proto) === IP_PROTO.icmp ? "icmp" : "icmpv6", [
          ["type", "tp_src"],
          ["code", "tp_dst"],
        ]),
        ...discoveryAttributes(flow),
      ];
    default:
      return [];
  }
}

function discoveryAttributes(flow: Shown): string[] {
  if (getField(flow.key, FIELDS.eth_type) !== ETH_TYPE.ip6) return [];
  return [
    ...attribute(flow, "nd", [
      ["target", "nd_target"],
      ["sll", "arp_sha"],
      ["tll", "arp_tha"],
    ]),
    ...attribute(flow, "nd_ext", [
      ["nd_reserved", "nd_reserved"],
      ["nd_options_type", "nd_options_type"],
    ]),
  ];
}

function attribute(flow: Shown, name: string, fields: readonly (readonly [string, FieldName])[]): string[] {
  const parts = fields.flatMap(([label, fieldName]) => {
    const field = FIELDS[fieldName];
    const mask = bitsOf(flow.mask, fieldName);
    if (mask === 0n && (!flow.isVerbose || fieldName === "nw_frag")) return [];
    const value = formatValue(fieldName, getFieldBig(flow.key, field));
    const isIcmp = name.startsWith("icmp") && mask === 0xffn;
    const isWhole = isIcmp || mask === (1n << BigInt(field.nBits)) - 1n;
    return [`${label}=${value}${isWhole ? "" : `/${formatMask(fieldName, mask)}`}`];
  });
  return parts.length === 0 ? [] : [`${name}(${parts.join(",")})`];
}

function formatMask(name: FieldName, mask: bigint): string {
  if (name === "nw_frag") return String(mask);
  return PORT_FIELDS.has(name) && mask !== 0n ? `0x${mask.toString(16)}` : formatValue(name, mask);
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
    case "nw_frag":
      return ["no", "first", "later", "later"][Number(value & 3n)] ?? "no";
    case "nw_tos":
    case "ipv6_label":
      return value === 0n ? "0" : `0x${value.toString(16)}`;
    default:
      return String(value);
  }
}

function formatTcpFlags(flags: number): string {
  return [...TCP_FLAG_LETTERS].filter((_, bit) => (flags & (1 << bit)) !== 0).join("");
}
