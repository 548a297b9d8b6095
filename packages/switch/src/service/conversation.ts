/** A conversation of a bridge over one socket, seen by whoever made the connection. */
import type { Role } from "@tenet/openflow";

/** What the maker of a connection is told. */
export interface ConversationOwner {
  /** What the connection is called in logs; absent: it gets a number. */
  readonly name?: string;
  /** A controller of the bridge, which hears of packets unasked, instead of a tool. */
  readonly isPrimary: boolean;
  /** Whether it hears of events only after asking for them. */
  readonly isQuiet?: boolean;
  /** The version is agreed. */
  ready(): void;
  /** Something came. */
  heard(): void;
  closed(): void;
  /** Whether one more packet may be sent; absent: always. */
  readonly takesPacket?: () => boolean;
}

/** A conversation. */
export interface Conversation {
  readonly role: Exclude<Role, "noChange"> | undefined;
  /** Asks whether the other end is there. */
  probe(): void;
  close(): void;
}

/** For connections that look after themselves. */
export const TOOL: ConversationOwner = {
  isPrimary: false,
  ready: () => undefined,
  heard: () => undefined,
  closed: () => undefined,
};
