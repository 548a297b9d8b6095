/** One connection that was committed. */
import type { CtHelper } from "../datapath.ts";
import { TcpEnd } from "./tcp.ts";
import { TUPLE_WORDS } from "./tuple.ts";

/** How a connection's packets are translated. */
export type NatSide = "none" | "src" | "dst";

/** How long connections live after a packet, in ms, by what happened last. The values are the original's. */
export const TIMEOUT_MS = {
  tcpFirst: 30_000,
  tcpOpening: 30_000,
  tcpEstablished: 86_400_000,
  tcpClosing: 900_000,
  tcpFinWait: 45_000,
  tcpClosed: 30_000,
  otherFirst: 60_000,
  otherMultiple: 60_000,
  otherBoth: 30_000,
  icmpFirst: 60_000,
  icmpReply: 30_000,
} as const;

/** A name of {@link TIMEOUT_MS}. */
export type Phase = keyof typeof TIMEOUT_MS;

/** How far the sequence numbers of one direction are shifted. */
export interface SequenceShift {
  /** First byte of the segment that was changed last, as its sender counts. */
  readonly at: number;
  /** Up to there, and behind it. */
  readonly before: number;
  readonly after: number;
}

/** What a connection is from its beginning. */
export interface ConnectionStart {
  readonly nat: NatSide;
  readonly helper: CtHelper | undefined;
  readonly parent: Connection | undefined;
  readonly phase: Phase;
}

/**
 * A connection in the table, which owns the object: when the connection is over, it serves another one, because what
 * lives for seconds is the dearest garbage. Who keeps it any longer sets `isHeld`.
 */
export class Connection {
  /** Place in the list of connections. */
  readonly id: number;
  /** Whether it is in the table. */
  isLive = false;
  /** Something besides the table refers to it, so that it is not to serve another connection. */
  isHeld = false;
  /** The tuple of packets that come from the side that began. */
  readonly original: Uint32Array = new Uint32Array(TUPLE_WORDS);
  /** The tuple of packets that come from the other side; it is not the original's reverse when addresses are translated. */
  readonly reply: Uint32Array = new Uint32Array(TUPLE_WORDS);
  nat: NatSide = "none";
  /** Of a TCP connection: who began, who answers. */
  ends: readonly [TcpEnd, TcpEnd] | undefined = undefined;
  mark = 0;
  readonly label: Uint32Array = new Uint32Array(4);
  /** Whose announcements of further connections to follow. */
  helper: CtHelper | undefined = undefined;
  /** The connection that announced it. */
  parent: Connection | undefined = undefined;
  /** Of FTP with translated addresses: the shifted numbers of who began, and of who answers. */
  shifts: [SequenceShift | undefined, SequenceShift | undefined] | undefined = undefined;
  phase: Phase = "otherFirst";
  /** Monotonic ms. */
  expiresMs = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** Becomes another connection, whose tuples are here already. */
  begin({ nat, helper, parent, phase }: ConnectionStart, nowMs: number): void {
    this.nat = nat;
    this.ends = phase === "tcpFirst" ? (this.ends ?? [new TcpEnd(), new TcpEnd()]) : undefined;
    this.mark = parent?.mark ?? 0;
    for (let i = 0; i < 4; i++) this.label[i] = parent?.label[i] ?? 0;
    this.helper = helper;
    this.parent = parent;
    this.shifts = helper === "ftp" && nat !== "none" && phase === "tcpFirst" ? [undefined, undefined] : undefined;
    this.touch(phase, nowMs);
  }

  /** Notes that a packet came now. */
  touch(phase: Phase, nowMs: number): void {
    this.phase = phase;
    this.expiresMs = nowMs + TIMEOUT_MS[phase];
  }
}
