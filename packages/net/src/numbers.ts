/** Numbers that Ethernet and IP headers carry. */

/** EtherTypes. */
export const ETH_TYPE = {
  ip4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  ip6: 0x86dd,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  qinq: 0x88a8,
  /** What a FlowKey holds for an 802.3 frame without SNAP. */
  none: 0x05ff,
} as const;

/** IP protocol numbers. */
export const IP_PROTO = { icmp: 1, igmp: 2, tcp: 6, udp: 17, gre: 47, fragment: 44, icmp6: 58, sctp: 132 } as const;

/** TCP flag bits as in `tcp_flags`. */
export const TCP_FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128, ns: 256 } as const;

/** `nw_frag` bits. */
export const NW_FRAG = { any: 1, later: 2 } as const;

/** ICMP and ICMPv6 types used here. */
export const ICMP_TYPE = { echoReply: 0, echoRequest: 8 } as const;

/** ICMPv6 types used here. */
export const ICMP6_TYPE = {
  echoRequest: 128,
  echoReply: 129,
  neighborSolicitation: 135,
  neighborAdvertisement: 136,
} as const;

/** The bit of `vlan_tci` that says "tagged" in a FlowKey. */
export const VLAN_PRESENT = 0x1000;
