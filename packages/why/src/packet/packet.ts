/** A question turned into the packet that answers it. */
import type { LogicalAddress } from "@tenet/ovn";
import type { Port } from "./network.ts";

/** Where a packet is meant to go. */
export interface Target {
  /** What the question calls it. */
  readonly label: string;
  /** The logical port that has the address; absent when none has. */
  readonly port: Port | undefined;
  /** Canonical text; absent for an IP address that no port has. */
  readonly mac: string | undefined;
  readonly ip: string | undefined;
  readonly isBroadcast: boolean;
}

/** The packet of a question. */
export interface Packet {
  /** What to trace. */
  readonly flow: string;
  readonly from: Port;
  /** What the question calls the sender. */
  readonly fromLabel: string;
  readonly to: Target;
  /** What is asked about: `tcp 5432`, `icmp`, `arp`. */
  readonly protocol: string;
  /**
   * Whether the traced packet is the ARP request or neighbour solicitation that the sender would send first: nobody
   * is known to have the IP address, so what was asked about could not even be sent.
   */
  readonly isSearch: boolean;
  /** Whether it goes back to who is said to have sent one. */
  readonly isAnswer: boolean;
  /** Addresses the packet is sent from. */
  readonly source: { readonly mac: string; readonly ip: string | undefined };
  /** What would be sent back; absent when nothing is, or when it is not known where from. */
  readonly answer: Packet | undefined;
}

/** The first address of a family, with the Ethernet address that it belongs to. */
export function firstIp(addresses: readonly LogicalAddress[], family: 4 | 6): { mac: string; ip: string } | undefined {
  for (const { mac, ip4s, ip6s } of addresses) {
    const [ip] = family === 4 ? ip4s : ip6s;
    if (ip !== undefined) return { mac, ip };
  }
  return undefined;
}
