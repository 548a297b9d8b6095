/** Which fields packets of a kind have. */
import {
  ETH_TYPE,
  FIELDS,
  type FieldName,
  getField,
  getFieldBig,
  IP_PROTO,
  NW_FRAG,
  TUNNEL_FLAG,
  tunnelFamily,
} from "@tenet/net";

/** What every tunnel's headers are said to have, of whatever kind it is. */
const TUNNEL_FIELDS: readonly FieldName[] = [
  "tun_src",
  "tun_dst",
  "tun_ipv6_src",
  "tun_ipv6_dst",
  "tun_gbp_id",
  "tun_gbp_flags",
  "tun_tos",
  "tun_ttl",
  "tun_erspan_ver",
  "tun_gtpu_flags",
  "tun_gtpu_msgtype",
  "tun_flags",
];
const ALL_BITS = 0xffff_ffff;
/** A flow label has 20 bits; its field has room for 32. */
const IPV6_LABEL_BITS = 0xfffff;
/** `actset_output` of a packet whose action set outputs to no port. */
const NO_OUTPUT = 0xfff7n;

/** All bits of the fields that packets like `key` have, of the port, and of other metadata that is not zero. */
export function presentFields(key: Uint32Array): Uint32Array {
  const mask = new Uint32Array(key.length);
  const names: FieldName[] = ["in_port", "eth_src", "eth_dst", "eth_type", "vlan_tci"];
  if (getField(key, FIELDS.vlan_tci) !== 0) names.push("vlan_tci1");
  for (const field of Object.values(FIELDS)) {
    const nothing = field === FIELDS.actset_output ? NO_OUTPUT : 0n;
    const value = getFieldBig(key, field);
    if (field.word < FIELDS.eth_dst.word && value !== 0n && value !== nothing) names.push(field.name);
  }
  const ethType = getField(key, FIELDS.eth_type);
  const proto = getField(key, FIELDS.nw_proto);
  if (ethType === ETH_TYPE.arp || ethType === ETH_TYPE.rarp) names.push("nw_src", "nw_dst", "nw_proto", "arp_sha", "arp_tha");
  if (ethType === ETH_TYPE.mpls || ethType === ETH_TYPE.mplsMulticast) names.push("mpls_lse");
  const isIp = ethType === ETH_TYPE.ip4 || ethType === ETH_TYPE.ip6;
  if (ethType === ETH_TYPE.ip4) names.push("nw_src", "nw_dst");
  if (ethType === ETH_TYPE.ip6) names.push("ipv6_src", "ipv6_dst", "ipv6_label");
  if (isIp) names.push("nw_proto", "nw_tos", "nw_ttl", "nw_frag");
  if (ethType === ETH_TYPE.ip6 && proto === IP_PROTO.icmp6 && isDiscovery(key)) names.push("nd_target", "arp_sha", "arp_tha");
  const isLater = (getField(key, FIELDS.nw_frag) & NW_FRAG.later) !== 0;
  const hasPorts: number[] = [IP_PROTO.tcp, IP_PROTO.udp, IP_PROTO.sctp, IP_PROTO.icmp, IP_PROTO.icmp6];
  if (isIp && !isLater && hasPorts.includes(proto)) names.push("tp_src", "tp_dst");
  if (isIp && !isLater && proto === IP_PROTO.tcp) names.push("tcp_flags");
  if (tunnelFamily(key) !== 0) names.push(...TUNNEL_FIELDS);
  if ((getField(key, FIELDS.tun_flags) & TUNNEL_FLAG.key) !== 0) names.push("tun_id");
  for (const name of names) setBits(mask, name);
  return mask;
}

/** Neighbour solicitation or advertisement. */
function isDiscovery(key: Uint32Array): boolean {
  const type = getField(key, FIELDS.tp_src);
  return (type === 135 || type === 136) && getField(key, FIELDS.tp_dst) === 0;
}

function setBits(mask: Uint32Array, name: FieldName): void {
  const field = FIELDS[name];
  if (name === "ipv6_label") mask[field.word] = IPV6_LABEL_BITS;
  else if (field.nBits >= 32) {
    for (let i = 0; i < field.nWords; i++) mask[field.word + i] = field.nBits === 48 && i === 0 ? 0xffff : ALL_BITS;
  } else mask[field.word] = (mask[field.word] ?? 0) | (((1 << field.nBits) - 1) << field.shift);
}
