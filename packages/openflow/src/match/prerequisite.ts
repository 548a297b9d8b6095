/** Whether a match makes sure that a field exists in every packet it matches. */
import { FIELDS, getField } from "@tenet/net";
import type { Match } from "../action.ts";
import type { Prerequisite } from "./field-table.ts";

/** Bits of `ct_state`: those that only packets of a connection have, then two others. */
const CT_OF_CONNECTION = 0xcf;
const CT_TRACKED = 0x20;
const CT_INVALID = 0x10;

/** How to say that a prerequisite is missing, e.g. `add "tcp" to the match`. */
const SHORTHAND: Readonly<Record<Prerequisite, string>> = {
  none: "",
  vlan: "dl_vlan=N or vlan_tci=0x1000/0x1000",
  ipv4: "ip",
  ipv6: "ipv6",
  ip: "ip or ipv6",
  arp: "arp",
  tcp: "tcp or tcp6",
  udp: "udp or udp6",
  sctp: "sctp or sctp6",
  icmp4: "icmp",
  icmp6: "icmp6",
  transport: "tcp, udp or sctp",
  nd: "icmp6,icmp_type=135 or 136",
  ndSolicit: "icmp6,icmp_type=135",
  ndAdvert: "icmp6,icmp_type=136",
  mpls: "mpls or mplsm",
  ct: "ct_state=+trk+est (or new, rel, rpl, snat, dnat or -inv)",
};

/** What to write into a match so that it has the prerequisite. */
export function prerequisiteText(prerequisite: Prerequisite): string {
  return SHORTHAND[prerequisite];
}

/** The EtherType that a match demands; -1 when it leaves it open. */
export function etherTypeOf(match: Match): number {
  if (getField(match.mask, FIELDS.eth_type) === 0xffff) return getField(match.key, FIELDS.eth_type);
  const packetType = getField(match.key, FIELDS.packet_type);
  return getField(match.mask, FIELDS.packet_type) !== 0 && packetType >>> 16 === 1 ? packetType & 0xffff : -1;
}

/** The IP protocol that a match demands; -1 when it leaves it open or is not about IP. */
export function ipProtocolOf(match: Match, etherType: number = etherTypeOf(match)): number {
  if (etherType !== 0x0800 && etherType !== 0x86dd) return -1;
  return getField(match.mask, FIELDS.nw_proto) === 0xff ? getField(match.key, FIELDS.nw_proto) : -1;
}

/** Whether every packet that matches has the fields that need `prerequisite`. */
export function meetsPrerequisite(match: Match, prerequisite: Prerequisite): boolean {
  if (prerequisite === "none") return true;
  const etherType = etherTypeOf(match);
  switch (prerequisite) {
    case "vlan":
      return (getField(match.mask, FIELDS.vlan_tci) & getField(match.key, FIELDS.vlan_tci) & 0x1000) !== 0;
    case "arp":
      return etherType === 0x0806 || etherType === 0x8035;
    case "ipv4":
      return etherType === 0x0800;
    case "ipv6":
      return etherType === 0x86dd;
    case "ip":
      return etherType === 0x0800 || etherType === 0x86dd;
    case "mpls":
      return etherType === 0x8847 || etherType === 0x8848;
    case "ct":
      return isOfConnection(match);
    default:
      // A later fragment has no transport header.
      return !isLaterFragment(match) && meetsTransport(match, prerequisite, etherType, ipProtocolOf(match, etherType));
  }
}

/** Whether every packet that matches is one of ICMP or ICMPv6. */
export function isOfIcmp(match: Match): boolean {
  const etherType = etherTypeOf(match);
  return !isLaterFragment(match) && isIcmp(etherType, ipProtocolOf(match, etherType));
}

/** Whether every packet that matches belongs to a connection. */
function isOfConnection({ key, mask }: Match): boolean {
  const state = getField(key, FIELDS.ct_state) & getField(mask, FIELDS.ct_state);
  const isNotInvalid = (getField(mask, FIELDS.ct_state) & CT_INVALID) !== 0 && (state & CT_INVALID) === 0;
  return (state & CT_OF_CONNECTION) !== 0 || ((state & CT_TRACKED) !== 0 && isNotInvalid);
}

function meetsTransport(match: Match, prerequisite: Prerequisite, etherType: number, protocol: number): boolean {
  switch (prerequisite) {
    case "tcp":
      return protocol === 6;
    case "udp":
      return protocol === 17;
    case "sctp":
      return protocol === 132;
    case "transport":
      return protocol === 6 || protocol === 17 || protocol === 132 || isIcmp(etherType, protocol);
    case "icmp4":
      return etherType === 0x0800 && protocol === 1;
    case "icmp6":
      return etherType === 0x86dd && protocol === 58;
    default:
      return etherType === 0x86dd && protocol === 58 && isNeighborType(match, prerequisite);
  }
}

function isLaterFragment({ key, mask }: Match): boolean {
  return (getField(key, FIELDS.nw_frag) & getField(mask, FIELDS.nw_frag) & 2) !== 0;
}

function isIcmp(etherType: number, protocol: number): boolean {
  return (etherType === 0x0800 && protocol === 1) || (etherType === 0x86dd && protocol === 58);
}

function isNeighborType(match: Match, prerequisite: Prerequisite): boolean {
  if ((getField(match.mask, FIELDS.tp_src) & 0xff) !== 0xff) return false;
  const type = getField(match.key, FIELDS.tp_src);
  return (type === 135 && prerequisite !== "ndAdvert") || (type === 136 && prerequisite !== "ndSolicit");
}
