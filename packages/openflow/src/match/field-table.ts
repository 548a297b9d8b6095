/**
 * The table of OpenFlow's match fields: where their bits lie, how they read, what they are on the wire.
 *
 * Order is the order of encoding: a field comes after those that it needs. One table, however long: a field
 * is looked up here and nowhere else.
 *
 * @see ovs-fields(7)
 */
import type { FieldName } from "@tenet/net";
import { MAX_OPTION_SIZE, N_TLV_FIELDS } from "../tlv-table.ts";

/** How a field's value is written as text. */
export type FieldFormat =
  | "decimal"
  | "hexadecimal"
  | "ethernet"
  | "ipv4"
  | "ipv6"
  | "port"
  | "fragment"
  | "ctState"
  | "tcpFlags"
  | "vlanVid"
  | "tunnelFlags"
  | "packetType";

/** What a packet must be for a field to exist in it. */
export type Prerequisite =
  | "none"
  | "vlan"
  | "ipv4"
  | "ipv6"
  | "ip"
  | "arp"
  | "tcp"
  | "udp"
  | "sctp"
  | "icmp4"
  | "icmp6"
  | "transport"
  | "nd"
  | "ndSolicit"
  | "ndAdvert"
  | "mpls"
  | "ct";

/** Name, class and field number of an NXM or OXM header. */
export type HeaderRow = readonly [name: string, oxmClass: number, field: number];

/** One row; what is absent is derived from the FlowKey field (see `MatchField`). */
export interface FieldRow {
  readonly text: string;
  readonly aliases?: readonly string[];
  /** The FlowKey field whose bits these are. */
  readonly bits: FieldName;
  /** Offset of the lowest bit above that of the FlowKey field. */
  readonly lsb?: number;
  readonly nBits?: number;
  readonly sizeBytes?: number;
  readonly wireBits?: number;
  readonly format: FieldFormat;
  readonly isMaskable?: boolean;
  readonly isWritable?: boolean;
  readonly prerequisite?: Prerequisite;
  readonly nxm?: HeaderRow;
  readonly oxm?: HeaderRow;
  readonly oxmSince?: number;
  /** Number in the ONF's experimenter class, for OpenFlow 1.3 until `oxmSince`. */
  readonly onf?: number;
  /** The option of tunnel headers that this is: its size and place are known to a switch alone. */
  readonly option?: number;
}

const NXM_OF = 0x0000;
const NXM_NX = 0x0001;
const ERICOXM_OF = 0x1000;
const OXM_OF = 0x8000;
const OXM_PKT_REG = 0x8001;
/** Experimenters' fields; all that are here are Nicira's. */
const NXOXM_ET = 0xffff;

/** Maskable, writable. */
const free = { isMaskable: true, isWritable: true } as const;

const METADATA: readonly FieldRow[] = [
  { text: "packet_type", bits: "packet_type", format: "packetType", oxm: ["OXM_OF_PACKET_TYPE", OXM_OF, 44] },
  {
    text: "in_port",
    bits: "in_port",
    sizeBytes: 2,
    wireBits: 16,
    format: "port",
    isWritable: true,
    nxm: ["NXM_OF_IN_PORT", NXM_OF, 0],
  },
  {
    text: "in_port_oxm",
    bits: "in_port",
    format: "port",
    isWritable: true,
    oxm: ["OXM_OF_IN_PORT", OXM_OF, 0],
  },
];

const L2: readonly FieldRow[] = [
  {
    ...free,
    text: "eth_dst",
    aliases: ["dl_dst"],
    bits: "eth_dst",
    format: "ethernet",
    nxm: ["NXM_OF_ETH_DST", NXM_OF, 1],
    oxm: ["OXM_OF_ETH_DST", OXM_OF, 3],
  },
  {
    ...free,
    text: "eth_src",
    aliases: ["dl_src"],
    bits: "eth_src",
    format: "ethernet",
    nxm: ["NXM_OF_ETH_SRC", NXM_OF, 2],
    oxm: ["OXM_OF_ETH_SRC", OXM_OF, 4],
  },
  {
    text: "eth_type",
    aliases: ["dl_type"],
    bits: "eth_type",
    format: "hexadecimal",
    nxm: ["NXM_OF_ETH_TYPE", NXM_OF, 3],
    oxm: ["OXM_OF_ETH_TYPE", OXM_OF, 5],
  },
  { ...free, text: "vlan_tci", bits: "vlan_tci", format: "hexadecimal", nxm: ["NXM_OF_VLAN_TCI", NXM_OF, 4] },
  // The CFI bit belongs to OpenFlow's VLAN ID: it says that there is a tag.
  {
    ...free,
    text: "vlan_vid",
    bits: "vlan_tci",
    nBits: 13,
    sizeBytes: 2,
    format: "decimal",
    oxm: ["OXM_OF_VLAN_VID", OXM_OF, 6],
  },
  {
    text: "vlan_pcp",
    bits: "vlan_tci",
    lsb: 13,
    nBits: 3,
    format: "decimal",
    isWritable: true,
    prerequisite: "vlan",
    oxm: ["OXM_OF_VLAN_PCP", OXM_OF, 7],
  },
  { text: "dl_vlan", bits: "vlan_tci", nBits: 12, sizeBytes: 2, format: "vlanVid" },
  { text: "dl_vlan_pcp", bits: "vlan_tci", lsb: 13, nBits: 3, format: "decimal" },
];

const L3: readonly FieldRow[] = [
  {
    text: "nw_proto",
    aliases: ["ip_proto"],
    bits: "nw_proto",
    format: "decimal",
    prerequisite: "ip",
    nxm: ["NXM_OF_IP_PROTO", NXM_OF, 6],
    oxm: ["OXM_OF_IP_PROTO", OXM_OF, 10],
  },
  {
    ...free,
    text: "ip_src",
    aliases: ["nw_src"],
    bits: "nw_src",
    format: "ipv4",
    prerequisite: "ipv4",
    nxm: ["NXM_OF_IP_SRC", NXM_OF, 7],
    oxm: ["OXM_OF_IPV4_SRC", OXM_OF, 11],
  },
  {
    ...free,
    text: "ip_dst",
    aliases: ["nw_dst"],
    bits: "nw_dst",
    format: "ipv4",
    prerequisite: "ipv4",
    nxm: ["NXM_OF_IP_DST", NXM_OF, 8],
    oxm: ["OXM_OF_IPV4_DST", OXM_OF, 12],
  },
  {
    ...free,
    text: "ipv6_src",
    bits: "ipv6_src",
    format: "ipv6",
    prerequisite: "ipv6",
    nxm: ["NXM_NX_IPV6_SRC", NXM_NX, 19],
    oxm: ["OXM_OF_IPV6_SRC", OXM_OF, 26],
  },
  {
    ...free,
    text: "ipv6_dst",
    bits: "ipv6_dst",
    format: "ipv6",
    prerequisite: "ipv6",
    nxm: ["NXM_NX_IPV6_DST", NXM_NX, 20],
    oxm: ["OXM_OF_IPV6_DST", OXM_OF, 27],
  },
  {
    ...free,
    text: "ipv6_label",
    bits: "ipv6_label",
    nBits: 20,
    sizeBytes: 4,
    format: "hexadecimal",
    prerequisite: "ipv6",
    nxm: ["NXM_NX_IPV6_LABEL", NXM_NX, 27],
    oxm: ["OXM_OF_IPV6_FLABEL", OXM_OF, 28],
  },
  {
    text: "nw_tos",
    bits: "nw_tos",
    format: "decimal",
    isWritable: true,
    prerequisite: "ip",
    nxm: ["NXM_OF_IP_TOS", NXM_OF, 5],
  },
  {
    text: "ip_dscp",
    bits: "nw_tos",
    lsb: 2,
    nBits: 6,
    format: "decimal",
    isWritable: true,
    prerequisite: "ip",
    oxm: ["OXM_OF_IP_DSCP", OXM_OF, 8],
  },
  {
    text: "nw_ecn",
    aliases: ["ip_ecn"],
    bits: "nw_tos",
    nBits: 2,
    format: "decimal",
    isWritable: true,
    prerequisite: "ip",
    nxm: ["NXM_NX_IP_ECN", NXM_NX, 28],
    oxm: ["OXM_OF_IP_ECN", OXM_OF, 9],
  },
  {
    text: "nw_ttl",
    bits: "nw_ttl",
    format: "decimal",
    isWritable: true,
    prerequisite: "ip",
    nxm: ["NXM_NX_IP_TTL", NXM_NX, 29],
  },
  {
    text: "ip_frag",
    aliases: ["nw_frag"],
    bits: "nw_frag",
    nBits: 2,
    format: "fragment",
    isMaskable: true,
    prerequisite: "ip",
    nxm: ["NXM_NX_IP_FRAG", NXM_NX, 26],
  },
  {
    text: "arp_op",
    bits: "nw_proto",
    sizeBytes: 2,
    wireBits: 16,
    format: "decimal",
    isWritable: true,
    prerequisite: "arp",
    nxm: ["NXM_OF_ARP_OP", NXM_OF, 15],
    oxm: ["OXM_OF_ARP_OP", OXM_OF, 21],
  },
  {
    ...free,
    text: "arp_spa",
    bits: "nw_src",
    format: "ipv4",
    prerequisite: "arp",
    nxm: ["NXM_OF_ARP_SPA", NXM_OF, 16],
    oxm: ["OXM_OF_ARP_SPA", OXM_OF, 22],
  },
  {
    ...free,
    text: "arp_tpa",
    bits: "nw_dst",
    format: "ipv4",
    prerequisite: "arp",
    nxm: ["NXM_OF_ARP_TPA", NXM_OF, 17],
    oxm: ["OXM_OF_ARP_TPA", OXM_OF, 23],
  },
  {
    ...free,
    text: "arp_sha",
    bits: "arp_sha",
    format: "ethernet",
    prerequisite: "arp",
    nxm: ["NXM_NX_ARP_SHA", NXM_NX, 17],
    oxm: ["OXM_OF_ARP_SHA", OXM_OF, 24],
  },
  {
    ...free,
    text: "arp_tha",
    bits: "arp_tha",
    format: "ethernet",
    prerequisite: "arp",
    nxm: ["NXM_NX_ARP_THA", NXM_NX, 18],
    oxm: ["OXM_OF_ARP_THA", OXM_OF, 25],
  },
];

function portRow(
  protocol: "tcp" | "udp" | "sctp",
  side: "src" | "dst",
  nxmField: number | undefined,
  oxmField: number,
): FieldRow {
  const suffix = `${protocol}_${side}`.toUpperCase();
  return {
    ...free,
    text: `${protocol}_${side}`,
    bits: side === "src" ? "tp_src" : "tp_dst",
    format: "decimal",
    prerequisite: protocol,
    ...(nxmField === undefined ? {} : { nxm: [`NXM_OF_${suffix}`, NXM_OF, nxmField] as const }),
    oxm: [`OXM_OF_${suffix}`, OXM_OF, oxmField],
  };
}

function icmpRow(text: string, prerequisite: "icmp4" | "icmp6", nxm: HeaderRow, oxm: HeaderRow): FieldRow {
  const bits = text.endsWith("type") ? "tp_src" : "tp_dst";
  return { text, bits, nBits: 8, sizeBytes: 1, format: "decimal", isWritable: true, prerequisite, nxm, oxm };
}

function discoveryRow(bits: "nd_reserved" | "nd_options_type", field: number): FieldRow {
  const nxm: HeaderRow = [`ERICOXM_OF_ICMPV6_${bits.toUpperCase()}`, ERICOXM_OF, field];
  return { text: bits, bits, format: "decimal", isWritable: true, prerequisite: "nd", nxm };
}

const L4: readonly FieldRow[] = [
  // The names of OpenFlow 1.0, which mean the ports of whatever transport the packet has.
  { ...free, text: "tp_src", bits: "tp_src", format: "decimal", prerequisite: "transport" },
  { ...free, text: "tp_dst", bits: "tp_dst", format: "decimal", prerequisite: "transport" },
  portRow("tcp", "src", 9, 13),
  portRow("tcp", "dst", 10, 14),
  {
    text: "tcp_flags",
    bits: "tcp_flags",
    nBits: 12,
    sizeBytes: 2,
    format: "tcpFlags",
    isMaskable: true,
    prerequisite: "tcp",
    nxm: ["NXM_NX_TCP_FLAGS", NXM_NX, 34],
    oxm: ["OXM_OF_TCP_FLAGS", OXM_OF, 42],
    oxmSince: 6,
    onf: 42,
  },
  portRow("udp", "src", 11, 15),
  portRow("udp", "dst", 12, 16),
  portRow("sctp", "src", undefined, 17),
  portRow("sctp", "dst", undefined, 18),
  icmpRow("icmp_type", "icmp4", ["NXM_OF_ICMP_TYPE", NXM_OF, 13], ["OXM_OF_ICMPV4_TYPE", OXM_OF, 19]),
  icmpRow("icmp_code", "icmp4", ["NXM_OF_ICMP_CODE", NXM_OF, 14], ["OXM_OF_ICMPV4_CODE", OXM_OF, 20]),
  icmpRow("icmpv6_type", "icmp6", ["NXM_NX_ICMPV6_TYPE", NXM_NX, 21], ["OXM_OF_ICMPV6_TYPE", OXM_OF, 29]),
  icmpRow("icmpv6_code", "icmp6", ["NXM_NX_ICMPV6_CODE", NXM_NX, 22], ["OXM_OF_ICMPV6_CODE", OXM_OF, 30]),
  {
    ...free,
    text: "nd_target",
    bits: "nd_target",
    format: "ipv6",
    prerequisite: "nd",
    nxm: ["NXM_NX_ND_TARGET", NXM_NX, 23],
    oxm: ["OXM_OF_IPV6_ND_TARGET", OXM_OF, 31],
  },
  {
    ...free,
    text: "nd_sll",
    bits: "arp_sha",
    format: "ethernet",
    prerequisite: "ndSolicit",
    nxm: ["NXM_NX_ND_SLL", NXM_NX, 24],
    oxm: ["OXM_OF_IPV6_ND_SLL", OXM_OF, 32],
  },
  {
    ...free,
    text: "nd_tll",
    bits: "arp_tha",
    format: "ethernet",
    prerequisite: "ndAdvert",
    nxm: ["NXM_NX_ND_TLL", NXM_NX, 25],
    oxm: ["OXM_OF_IPV6_ND_TLL", OXM_OF, 33],
  },
  discoveryRow("nd_reserved", 1),
  discoveryRow("nd_options_type", 2),
];

const TUNNEL: readonly FieldRow[] = [
  {
    ...free,
    text: "tun_id",
    aliases: ["tunnel_id"],
    bits: "tun_id",
    format: "hexadecimal",
    nxm: ["NXM_NX_TUN_ID", NXM_NX, 16],
    oxm: ["OXM_OF_TUNNEL_ID", OXM_OF, 38],
    oxmSince: 4,
  },
  { ...free, text: "tun_src", bits: "tun_src", format: "ipv4", nxm: ["NXM_NX_TUN_IPV4_SRC", NXM_NX, 31] },
  { ...free, text: "tun_dst", bits: "tun_dst", format: "ipv4", nxm: ["NXM_NX_TUN_IPV4_DST", NXM_NX, 32] },
  { ...free, text: "tun_ipv6_src", bits: "tun_ipv6_src", format: "ipv6", nxm: ["NXM_NX_TUN_IPV6_SRC", NXM_NX, 109] },
  { ...free, text: "tun_ipv6_dst", bits: "tun_ipv6_dst", format: "ipv6", nxm: ["NXM_NX_TUN_IPV6_DST", NXM_NX, 110] },
  { ...free, text: "tun_gbp_id", bits: "tun_gbp_id", format: "decimal", nxm: ["NXM_NX_TUN_GBP_ID", NXM_NX, 38] },
  { ...free, text: "tun_gbp_flags", bits: "tun_gbp_flags", format: "hexadecimal", nxm: ["NXM_NX_TUN_GBP_FLAGS", NXM_NX, 39] },
  {
    ...free,
    text: "tun_erspan_idx",
    bits: "tun_erspan_idx",
    nBits: 20,
    sizeBytes: 4,
    format: "hexadecimal",
    nxm: ["NXOXM_ET_ERSPAN_IDX", NXOXM_ET, 11],
  },
  {
    ...free,
    text: "tun_erspan_ver",
    bits: "tun_erspan_ver",
    nBits: 4,
    format: "decimal",
    nxm: ["NXOXM_ET_ERSPAN_VER", NXOXM_ET, 12],
  },
  {
    ...free,
    text: "tun_erspan_dir",
    bits: "tun_erspan_dir",
    nBits: 1,
    format: "decimal",
    nxm: ["NXOXM_ET_ERSPAN_DIR", NXOXM_ET, 13],
  },
  {
    ...free,
    text: "tun_erspan_hwid",
    bits: "tun_erspan_hwid",
    nBits: 6,
    format: "hexadecimal",
    nxm: ["NXOXM_ET_ERSPAN_HWID", NXOXM_ET, 14],
  },
  {
    text: "tun_gtpu_flags",
    aliases: ["gtpu_flags"],
    isMaskable: true,
    bits: "tun_gtpu_flags",
    format: "hexadecimal",
    nxm: ["NXOXM_ET_GTPU_FLAGS", NXOXM_ET, 15],
  },
  {
    text: "tun_gtpu_msgtype",
    aliases: ["gtpu_msgtype"],
    isMaskable: true,
    bits: "tun_gtpu_msgtype",
    format: "decimal",
    nxm: ["NXOXM_ET_GTPU_MSGTYPE", NXOXM_ET, 16],
  },
  // The other flags of a FlowKey are not OpenFlow's.
  {
    ...free,
    text: "tun_flags",
    bits: "tun_flags",
    nBits: 1,
    sizeBytes: 2,
    format: "tunnelFlags",
    nxm: ["NXM_NX_TUN_FLAGS", NXM_NX, 104],
  },
  ...Array.from(
    { length: N_TLV_FIELDS },
    (_, n): FieldRow => ({
      ...free,
      text: `tun_metadata${n}`,
      bits: "tun_options",
      nBits: 8 * MAX_OPTION_SIZE,
      format: "hexadecimal",
      nxm: [`NXM_NX_TUN_METADATA${n}`, NXM_NX, 40 + n],
      option: n,
    }),
  ),
];

const REGISTERS: readonly FieldRow[] = Array.from({ length: 16 }, (_, n): FieldRow[] => {
  const bits = `reg${n}` as FieldName;
  const rows: FieldRow[] = [{ ...free, text: bits, bits, format: "hexadecimal", nxm: [`NXM_NX_REG${n}`, NXM_NX, n] }];
  if (n % 2 === 0) {
    const x = n / 2;
    const oxm: HeaderRow = [`OXM_OF_PKT_REG${x}`, OXM_PKT_REG, x];
    rows.push({ ...free, text: `xreg${x}`, bits, nBits: 64, format: "hexadecimal", oxm });
  }
  if (n % 4 === 0) {
    const xx = n / 4;
    const nxm: HeaderRow = [`NXM_NX_XXREG${xx}`, NXM_NX, 111 + xx];
    rows.push({ ...free, text: `xxreg${xx}`, bits, nBits: 128, format: "hexadecimal", nxm });
  }
  return rows;
}).flat();

/** The connection's original direction. */
const CT_TUPLE: readonly FieldRow[] = [
  { text: "ct_nw_proto", prerequisite: "ct", bits: "ct_nw_proto", format: "decimal", nxm: ["NXM_NX_CT_NW_PROTO", NXM_NX, 119] },
  {
    text: "ct_nw_src",
    prerequisite: "ct",
    isMaskable: true,
    bits: "ct_nw_src",
    format: "ipv4",
    nxm: ["NXM_NX_CT_NW_SRC", NXM_NX, 120],
  },
  {
    text: "ct_nw_dst",
    prerequisite: "ct",
    isMaskable: true,
    bits: "ct_nw_dst",
    format: "ipv4",
    nxm: ["NXM_NX_CT_NW_DST", NXM_NX, 121],
  },
  {
    text: "ct_ipv6_src",
    prerequisite: "ct",
    isMaskable: true,
    bits: "ct_ipv6_src",
    format: "ipv6",
    nxm: ["NXM_NX_CT_IPV6_SRC", NXM_NX, 122],
  },
  {
    text: "ct_ipv6_dst",
    prerequisite: "ct",
    isMaskable: true,
    bits: "ct_ipv6_dst",
    format: "ipv6",
    nxm: ["NXM_NX_CT_IPV6_DST", NXM_NX, 123],
  },
  {
    text: "ct_tp_src",
    prerequisite: "ct",
    isMaskable: true,
    bits: "ct_tp_src",
    format: "decimal",
    nxm: ["NXM_NX_CT_TP_SRC", NXM_NX, 124],
  },
  {
    text: "ct_tp_dst",
    prerequisite: "ct",
    isMaskable: true,
    bits: "ct_tp_dst",
    format: "decimal",
    nxm: ["NXM_NX_CT_TP_DST", NXM_NX, 125],
  },
];

const PIPELINE: readonly FieldRow[] = [
  { text: "pkt_mark", ...free, bits: "pkt_mark", format: "hexadecimal", nxm: ["NXM_NX_PKT_MARK", NXM_NX, 33] },
  {
    text: "ct_state",
    isMaskable: true,
    bits: "ct_state",
    nBits: 8,
    sizeBytes: 4,
    wireBits: 32,
    format: "ctState",
    nxm: ["NXM_NX_CT_STATE", NXM_NX, 105],
  },
  { text: "ct_zone", bits: "ct_zone", nBits: 16, sizeBytes: 2, format: "decimal", nxm: ["NXM_NX_CT_ZONE", NXM_NX, 106] },
  { ...free, text: "ct_mark", bits: "ct_mark", format: "hexadecimal", nxm: ["NXM_NX_CT_MARK", NXM_NX, 107] },
  { ...free, text: "ct_label", bits: "ct_label", format: "hexadecimal", nxm: ["NXM_NX_CT_LABEL", NXM_NX, 108] },
  { text: "metadata", ...free, bits: "metadata", format: "hexadecimal", oxm: ["OXM_OF_METADATA", OXM_OF, 2] },
  { text: "recirc_id", bits: "recirc_id", format: "hexadecimal", nxm: ["NXM_NX_RECIRC_ID", NXM_NX, 36] },
  { text: "conj_id", bits: "conj_id", format: "decimal", nxm: ["NXM_NX_CONJ_ID", NXM_NX, 37] },
  { text: "dp_hash", isMaskable: true, bits: "dp_hash", format: "hexadecimal", nxm: ["NXM_NX_DP_HASH", NXM_NX, 35] },
  {
    text: "actset_output",
    bits: "actset_output",
    format: "port",
    oxm: ["OXM_OF_ACTSET_OUTPUT", OXM_OF, 43],
    oxmSince: 6,
    onf: 43,
  },
];

const MPLS: readonly FieldRow[] = [
  {
    text: "mpls_label",
    bits: "mpls_lse",
    lsb: 12,
    nBits: 20,
    sizeBytes: 4,
    format: "decimal",
    isWritable: true,
    prerequisite: "mpls",
    oxm: ["OXM_OF_MPLS_LABEL", OXM_OF, 34],
  },
  {
    text: "mpls_tc",
    bits: "mpls_lse",
    lsb: 9,
    nBits: 3,
    format: "decimal",
    isWritable: true,
    prerequisite: "mpls",
    oxm: ["OXM_OF_MPLS_TC", OXM_OF, 35],
  },
  {
    text: "mpls_bos",
    bits: "mpls_lse",
    lsb: 8,
    nBits: 1,
    format: "decimal",
    prerequisite: "mpls",
    oxm: ["OXM_OF_MPLS_BOS", OXM_OF, 36],
    oxmSince: 4,
  },
  {
    text: "mpls_ttl",
    bits: "mpls_lse",
    nBits: 8,
    format: "decimal",
    isWritable: true,
    prerequisite: "mpls",
    nxm: ["NXM_NX_MPLS_TTL", NXM_NX, 30],
  },
];

/** Every field of the text syntax and the wire. */
export const FIELD_TABLE: readonly FieldRow[] = [
  ...METADATA,
  ...L2,
  ...MPLS,
  ...L3,
  ...L4,
  ...TUNNEL,
  ...REGISTERS,
  ...PIPELINE,
  ...CT_TUPLE,
];
