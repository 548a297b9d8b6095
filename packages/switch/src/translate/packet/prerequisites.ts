/** Whether a packet has a field, so that setting it means something. Reading what decides it un-wildcards that. */
import { ETH_TYPE, FIELDS, type FieldSpec, ICMP6_TYPE, IP_PROTO, NW_FRAG } from "@tenet/net";
import { asMatchField, type MatchField } from "@tenet/openflow";
import { FIRST_HEADER_WORD, isIp, isMpls } from "../megaflow-mask.ts";
import type { PacketState } from "./packet-state.ts";

const TRANSPORTS: ReadonlySet<number> = new Set([IP_PROTO.tcp, IP_PROTO.udp, IP_PROTO.sctp, IP_PROTO.icmp, IP_PROTO.icmp6]);

/** Whether the packet in hand has `field`; metadata, registers, addresses of Ethernet and the tag always exist. */
export function hasField(packet: PacketState, field: FieldSpec): boolean {
  return field.word < FIRST_HEADER_WORD || meets(packet, asMatchField(field).prerequisite);
}

/** Whether the packet in hand has the fields that need `prerequisite`. */
function meets(packet: PacketState, prerequisite: MatchField["prerequisite"]): boolean {
  if (prerequisite === "none" || prerequisite === "vlan" || prerequisite === "ct") return true;
  const ethType = packet.read(FIELDS.eth_type);
  switch (prerequisite) {
    case "mpls":
      return isMpls(ethType);
    case "arp":
      return ethType === ETH_TYPE.arp || ethType === ETH_TYPE.rarp;
    case "ipv4":
      return ethType === ETH_TYPE.ip4;
    case "ipv6":
      return ethType === ETH_TYPE.ip6;
    case "ip":
      return isIp(ethType);
    default:
      return isIp(ethType) && meetsTransport(packet, prerequisite, ethType);
  }
}

/** A later fragment has no transport header. */
function meetsTransport(packet: PacketState, prerequisite: MatchField["prerequisite"], ethType: number): boolean {
  const protocol = packet.read(FIELDS.nw_proto);
  if ((packet.read(FIELDS.nw_frag) & NW_FRAG.later) !== 0) return false;
  switch (prerequisite) {
    case "tcp":
      return protocol === IP_PROTO.tcp;
    case "udp":
      return protocol === IP_PROTO.udp;
    case "sctp":
      return protocol === IP_PROTO.sctp;
    case "transport":
      return TRANSPORTS.has(protocol);
    case "icmp4":
      return ethType === ETH_TYPE.ip4 && protocol === IP_PROTO.icmp;
    case "icmp6":
      return ethType === ETH_TYPE.ip6 && protocol === IP_PROTO.icmp6;
    default:
      return ethType === ETH_TYPE.ip6 && protocol === IP_PROTO.icmp6 && isNeighborType(packet.read(FIELDS.tp_src), prerequisite);
  }
}

function isNeighborType(type: number, prerequisite: MatchField["prerequisite"]): boolean {
  if (type === ICMP6_TYPE.neighborSolicitation) return prerequisite !== "ndAdvert";
  return type === ICMP6_TYPE.neighborAdvertisement && prerequisite !== "ndSolicit";
}
