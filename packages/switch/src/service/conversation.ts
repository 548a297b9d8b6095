/** A conversation of a bridge over one socket, seen by whoever made the connection. */
import type { Role } from "@tenet/openflow";
import type { PacketCounts, PacketLimit } from "./packet-queue.ts";

/** Why packets go to a controller, as far as limits tell them apart. */
export type PacketKind = "miss" | "action";

/** What the maker of a connection is told. */
export interface ConversationOwner {
  /** What the connection is called in logs; absent: it gets a number. */
  readonly name?: string;
  /** How long the peer may take to agree on a version; absent: until the owner closes the conversation. */
  readonly helloMs?: number;
  /** A controller of the bridge, which hears of packets unasked, instead of a tool. */
  readonly isPrimary: boolean;
  /** Whether it hears of events only after asking for them. */
  readonly isQuiet?: boolean;
  /** The version is agreed. */
  ready(): void;
  /** Something came. */
  heard(): void;
  closed(): void;
  /** How many packets it is sent; absent: all. */
  readonly packetLimit?: PacketLimit | undefined;
}

/** A conversation. */
export interface Conversation {
  readonly role: Exclude<Role, "noChange"> | undefined;
  /** What became of packets that no flow matched, and of those that flows sent, while they are limited. */
  readonly packetCounts: Readonly<Record<PacketKind, PacketCounts>> | undefined;
  /** Limits them from now on. */
  limitPackets(limit: PacketLimit | undefined): void;
  /** Asks whether the other end is there. */
  probe(): void;
  close(): void;
}

/** What callers have time for before a version is agreed, as in Open vSwitch. */
export const HELLO_MS = 1000;

/** For callers, who look after their connection themselves. */
export const TOOL: ConversationOwner = {
  helloMs: HELLO_MS,
  isPrimary: false,
  ready: () => undefined,
  heard: () => undefined,
  closed: () => undefined,
};
