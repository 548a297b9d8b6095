/**
 * What can be asked about a packet.
 *
 *     question = ["answer" "to"] packet | flow
 *     packet   = party "->" party [protocol]
 *     party    = PLACE ["as" ADDRESS {"," ADDRESS}]
 *     protocol = ("tcp" | "udp" | "sctp")["6"] PORT ["from" PORT] | "icmp" | "ping" | "icmp6" | "arp" | "nd"
 *     flow     = a flow of ovs-ofctl that has an in_port
 *
 * A place is the name of a logical port or of its host; after the arrow also an address or `broadcast`. Names with
 * spaces, or that read as something else, stand in double quotes. Without a protocol it is an ICMP echo request.
 * `answer to` asks about what the other end sends back: a SYN and ACK, an echo reply, a datagram from the port.
 */

/** Something written in the question, and where. */
export interface Word {
  readonly text: string;
  /** Offset in the question. */
  readonly at: number;
}

/** How a word reads. */
export type PlaceKind = "name" | "mac" | "ip4" | "ip6" | "broadcast";

/** A place in the network. */
export interface Place extends Word {
  readonly kind: PlaceKind;
}

/** One end of the packet's way, with the addresses to use instead of its own. */
export interface Party {
  readonly place: Place;
  readonly as: readonly Place[];
}

/** Protocols with ports. */
export type PortedName = "tcp" | "udp" | "sctp";

/** What the packet carries; `family` 6 when IPv6 was asked for. */
export type Protocol =
  | { readonly name: PortedName; readonly family?: 6; readonly port: number; readonly sourcePort?: number }
  | { readonly name: "icmp"; readonly family?: 6 }
  | { readonly name: "arp" }
  | { readonly name: "nd" };

/** A packet from one place to another, or what the other sends back. */
export interface PacketQuestion {
  readonly kind: "packet";
  readonly isAnswer: boolean;
  readonly from: Party;
  readonly to: Party;
  readonly protocol: Protocol;
}

/** A flow in the syntax of ovs-ofctl. */
export interface FlowQuestion {
  readonly kind: "flow";
  readonly flow: Word;
}

/** A question that reads. */
export type Question = PacketQuestion | FlowQuestion;
