/**
 * What every megaflow matches on, and what none may.
 *
 * Ingress port, Ethernet type, whether there is a tag, and for IP whether it is a fragment are exact always:
 * datapaths need them to parse. Registers and metadata exist in the pipeline alone. Fields that the packet does
 * not have are zero in every packet of its kind, so their bits go, which keeps equal megaflows equal.
 */
import {
  ETH_TYPE,
  FIELDS,
  type FieldSpec,
  getField,
  IP_PROTO,
  MAX_VLAN_LIMIT,
  NW_FRAG,
  setField,
  STAGE_ENDS,
  TUNNEL_END,
  TUNNEL_FLAG,
  TUNNEL_START,
  tunnelFamily,
  VLAN_PRESENT,
} from "@tenet/net";

const PIPELINE_FIELDS: readonly FieldSpec[] = [
  FIELDS.conj_id,
  FIELDS.metadata,
  ...Array.from({ length: 16 }, (_, i) => FIELDS[`reg${i}` as "reg0"]),
];
const [L2_START = 0, L3_START = 0, L4_START = 0] = STAGE_ENDS;
const IP4_FIELDS: readonly FieldSpec[] = [FIELDS.nw_src, FIELDS.nw_dst];
const IP6_FIELDS: readonly FieldSpec[] = [FIELDS.ipv6_src, FIELDS.ipv6_dst, FIELDS.ipv6_label, FIELDS.nd_target];
const MPLS_FIELDS: readonly FieldSpec[] = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2];
const TUNNEL4_FIELDS: readonly FieldSpec[] = [FIELDS.tun_src, FIELDS.tun_dst];
const TUNNEL6_FIELDS: readonly FieldSpec[] = [FIELDS.tun_ipv6_src, FIELDS.tun_ipv6_dst];
const INNER_TAG_FIELDS: readonly FieldSpec[] = [FIELDS.vlan_tci1, FIELDS.vlan_tpid1];
const ARP_FIELDS: readonly FieldSpec[] = [FIELDS.arp_sha, FIELDS.arp_tha];
const IP_HEADER_FIELDS: readonly FieldSpec[] = [FIELDS.nw_tos, FIELDS.nw_ttl, FIELDS.nw_frag];

/** Sets what is exact in every megaflow of packets like `flow`. */
export function startMask(mask: Uint32Array, flow: Uint32Array): void {
  setField(mask, FIELDS.in_port, 0xffffffff);
  setField(mask, FIELDS.recirc_id, 0xffffffff);
  setField(mask, FIELDS.eth_type, 0xffff);
  if (tunnelFamily(flow) !== 0) startTunnelMask(mask, flow);
  setField(mask, FIELDS.vlan_tci, getField(flow, FIELDS.vlan_tci) === 0 ? 0xffff : VLAN_PRESENT);
  if (isIp(getField(flow, FIELDS.eth_type))) setField(mask, FIELDS.nw_frag, 0xff);
}

/**
 * Takes out what packets like `flow` do not have, and the pipeline's own fields.
 *
 * @param vlanLimit - how many tags the datapath reads: further ones no packet has
 */
export function finishMask(mask: Uint32Array, flow: Uint32Array, vlanLimit: number): void {
  if (vlanLimit < MAX_VLAN_LIMIT) for (const field of INNER_TAG_FIELDS) clear(mask, field);
  for (const field of PIPELINE_FIELDS) clear(mask, field);
  for (const tci of [FIELDS.vlan_tci, FIELDS.vlan_tci1]) {
    if (getField(mask, tci) !== 0) setField(mask, tci, getField(mask, tci) | VLAN_PRESENT);
  }
  if (tunnelFamily(flow) === 0) mask.fill(0, TUNNEL_START, TUNNEL_END);
  const ethType = getField(flow, FIELDS.eth_type);
  const isArp = ethType === ETH_TYPE.arp || ethType === ETH_TYPE.rarp;
  if (!isIp(ethType) && !isArp) mask.fill(0, L3_START);
  if (!isIp(ethType)) mask.fill(0, L4_START);
  if (!isMpls(ethType)) for (const field of MPLS_FIELDS) clear(mask, field);
  if (ethType !== ETH_TYPE.ip6) for (const field of IP6_FIELDS) clear(mask, field);
  if (ethType === ETH_TYPE.ip6) for (const field of IP4_FIELDS) clear(mask, field);
  if (ethType === ETH_TYPE.ip4) for (const field of ARP_FIELDS) clear(mask, field);
  if (isArp) for (const field of IP_HEADER_FIELDS) clear(mask, field);
  if ((getField(flow, FIELDS.nw_frag) & NW_FRAG.later) !== 0) mask.fill(0, L4_START);
  const proto = getField(flow, FIELDS.nw_proto);
  if (isIp(ethType) && (proto === IP_PROTO.icmp || proto === IP_PROTO.icmp6) && getField(mask, FIELDS.nw_proto) === 0xff) {
    setField(mask, FIELDS.tp_src, getField(mask, FIELDS.tp_src) & 0xff);
    setField(mask, FIELDS.tp_dst, getField(mask, FIELDS.tp_dst) & 0xff);
  }
}

/** What tells tunnels apart, and what is done with a packet whichever tables it meets. */
function startTunnelMask(mask: Uint32Array, flow: Uint32Array): void {
  const addresses = getField(flow, FIELDS.tun_dst) !== 0 ? TUNNEL4_FIELDS : TUNNEL6_FIELDS;
  for (const { word, nWords } of [FIELDS.tun_id, ...addresses]) mask.fill(0xffffffff, word, word + nWords);
  const { dontFragment, checksum, key } = TUNNEL_FLAG;
  setField(mask, FIELDS.tun_flags, dontFragment | checksum | key);
  setField(mask, FIELDS.tun_tos, 0xff);
}

/** The mask of everything that packets like `flow` have. */
export function exactMask(flow: Uint32Array): Uint32Array {
  const mask = new Uint32Array(flow.length).fill(0xffffffff);
  finishMask(mask, flow, MAX_VLAN_LIMIT);
  return mask;
}

/** Clears every bit of `key` that `mask` does not have. */
export function maskedKey(key: Uint32Array, mask: Uint32Array): Uint32Array {
  return key.map((word, i) => word & (mask[i] ?? 0));
}

/** Whether `mask` has a bit that `other` does not have. */
export function hasExtraBits(mask: Uint32Array, other: Uint32Array): boolean {
  for (let i = 0; i < mask.length; i++) if (((mask[i] ?? 0) & ~(other[i] ?? 0)) !== 0) return true;
  return false;
}

/** Index of the first word of packet headers, as opposed to metadata. */
export const FIRST_HEADER_WORD: number = L2_START;

export function isMpls(ethType: number): boolean {
  return ethType === ETH_TYPE.mpls || ethType === ETH_TYPE.mplsMulticast;
}

export function isIp(ethType: number): boolean {
  return ethType === ETH_TYPE.ip4 || ethType === ETH_TYPE.ip6;
}

function clear(mask: Uint32Array, field: FieldSpec): void {
  if (field.nWords > 1) mask.fill(0, field.word, field.word + field.nWords);
  else setField(mask, field, 0);
}
