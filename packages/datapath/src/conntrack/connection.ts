/** One connection that was committed. */
import type { CtHelper } from "../datapath.ts";
import type { TcpEnd } from "./tcp.ts";

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

/** A connection in the table; objects are made in one place and not reused. */
export class Connection {
  /** Place in the list of connections. */
  readonly id: number;
  /** The tuple of packets that come from the side that began. */
  readonly original: Uint32Array;
  /** The tuple of packets that come from the other side; it is not the original's reverse when addresses are translated. */
  readonly reply: Uint32Array;
  readonly nat: NatSide;
  /** Of a TCP connection: who began, who answers. */
  readonly ends: readonly [TcpEnd, TcpEnd] | undefined;
  mark = 0;
  readonly label: Uint32Array = new Uint32Array(4);
  /** Whose announcements of further connections to follow. */
  readonly helper: CtHelper | undefined;
  /** The connection that announced it. */
  readonly parent: Connection | undefined;
  /** Of FTP with translated addresses: the shifted numbers of who began, and of who answers. */
  readonly shifts: [SequenceShift | undefined, SequenceShift | undefined] | undefined;
  phase: Phase;
  /** Monotonic ms. */
  expiresMs: number;

  constructor(
    id: number,
    tuples: { readonly original: Uint32Array; readonly reply: Uint32Array; readonly nat: NatSide },
    kin: { readonly helper: CtHelper | undefined; readonly parent: Connection | undefined },
    ends: readonly [TcpEnd, TcpEnd] | undefined,
    phase: Phase,
    nowMs: number,
  ) {
    this.id = id;
    this.original = tuples.original;
    this.reply = tuples.reply;
    this.nat = tuples.nat;
    this.helper = kin.helper;
    this.parent = kin.parent;
    this.ends = ends;
    this.shifts = kin.helper === "ftp" && tuples.nat !== "none" && ends !== undefined ? [undefined, undefined] : undefined;
    this.phase = phase;
    this.expiresMs = nowMs + TIMEOUT_MS[phase];
  }

  /** Notes that a packet came now. */
  touch(phase: Phase, nowMs: number): void {
    this.phase = phase;
    this.expiresMs = nowMs + TIMEOUT_MS[phase];
  }
}
