/** Whether a packet has a field, so that setting it means something. Reading what decides it un-wildcards that. */
import { ETH_TYPE, FIELDS, type FieldSpec, ICMP6_TYPE, IP_PROTO, NW_FRAG } from "@tenet/net";
import { FIRST_HEADER_WORD, isIp, isMpls } from "./megaflow-mask.ts";
import type { PacketState } from "./packet-state.ts";

const TRANSPORTS: ReadonlySet<number> = new Set([IP_PROTO.tcp, IP_PROTO.udp, IP_PROTO.sctp, IP_PROTO.icmp, IP_PROTO.icmp6]);

/** Whether the packet in hand has `field`; metadata, registers, addresses of Ethernet and the tag always exist. */
export function hasField(packet: PacketState, field: FieldSpec): boolean {
  if (field.word < FIRST_HEADER_WORD) return true;
  const ethType = packet.read(FIELDS.eth_type);
  const isArp = ethType === ETH_TYPE.arp || ethType === ETH_TYPE.rarp;
  switch (field.name) {
    case "eth_dst":
    case "eth_src":
    case "eth_type":
    case "vlan_tci":
      return true;
    case "mpls_lse":
      return isMpls(ethType);
    case "nw_src":
    case "nw_dst":
      return ethType === ETH_TYPE.ip4 || isArp;
    case "nw_proto":
      return isIp(ethType) || isArp;
    case "nw_tos":
    case "nw_ttl":
    case "nw_frag":
      return isIp(ethType);
    case "ipv6_src":
    case "ipv6_dst":
    case "ipv6_label":
      return ethType === ETH_TYPE.ip6;
    case "arp_sha":
    case "arp_tha":
      return isArp || isNeighborDiscovery(packet, ethType);
    case "nd_target":
      return isNeighborDiscovery(packet, ethType);
    case "tcp_flags":
      return isIp(ethType) && packet.read(FIELDS.nw_proto) === IP_PROTO.tcp && !isLaterFragment(packet);
    default:
      return isIp(ethType) && TRANSPORTS.has(packet.read(FIELDS.nw_proto)) && !isLaterFragment(packet);
  }
}

function isLaterFragment(packet: PacketState): boolean {
  return (packet.read(FIELDS.nw_frag) & NW_FRAG.later) !== 0;
}

function isNeighborDiscovery(packet: PacketState, ethType: number): boolean {
  if (ethType !== ETH_TYPE.ip6 || packet.read(FIELDS.nw_proto) !== IP_PROTO.icmp6 || isLaterFragment(packet)) return false;
  const type = packet.read(FIELDS.tp_src);
  return type === ICMP6_TYPE.neighborSolicitation || type === ICMP6_TYPE.neighborAdvertisement;
}
