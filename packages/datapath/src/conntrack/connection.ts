/** One connection that was committed: an entry of memory, and what this process alone knows of it. */
import type { CtHelper } from "../datapath.ts";
import { END_WORDS, ENTRY, ENTRY_FLAG, ENTRY_WORDS, type EntryMemory, STATUS } from "./connection-entry.ts";
import { type Phase, TIMEOUT_MS } from "./phase.ts";
import { TcpEnd } from "./tcp.ts";
import { protoOf, TUPLE_WORDS } from "./tuple.ts";

const TCP = 6;
const SCTP = 132;
const NS_PER_MS = 1e6;
const TWO_32 = 2 ** 32;

/** How a connection's packets are translated. */
export type NatSide = "none" | "src" | "dst";

const NAT_FLAGS: Readonly<Record<NatSide, number>> = {
  none: 0,
  src: ENTRY_FLAG.sourceNat,
  dst: ENTRY_FLAG.destinationNat,
};

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
  /** Something besides the table refers to it, so that it is not to serve another connection. */
  isHeld = false;
  /** Whether the table of this process leads to it. */
  isIndexed = false;
  /** Whether the kernel's program finds it. */
  isPublished = true;
  /** The tuple of packets that come from the side that began. */
  original: Uint32Array;
  /** The tuple of packets that come from the other side; it is not the original's reverse when addresses are translated. */
  reply: Uint32Array;
  label: Uint32Array;
  /** Whose announcements of further connections to follow. */
  helper: CtHelper | undefined = undefined;
  /** The connection that announced it. */
  parent: Connection | undefined = undefined;
  /** Of FTP with translated addresses: the shifted numbers of who began, and of who answers. */
  shifts: [SequenceShift | undefined, SequenceShift | undefined] | undefined = undefined;
  readonly #clockOffsetMs: number;
  #words: Int32Array;
  #at: number;
  #ends: readonly [TcpEnd, TcpEnd];

  /** @param at - where its entry begins in the memory, in words */
  constructor(id: number, { words, clockOffsetMs }: EntryMemory, at: number) {
    this.id = id;
    this.#clockOffsetMs = clockOffsetMs;
    this.#words = words;
    this.#at = at;
    this.original = wordsAt(words, at + ENTRY.original, TUPLE_WORDS);
    this.reply = wordsAt(words, at + ENTRY.reply, TUPLE_WORDS);
    this.label = wordsAt(words, at + ENTRY.label, 4);
    this.#ends = endsAt(words, at);
  }

  get isLive(): boolean {
    return this.#words[this.#at + ENTRY.status] === STATUS.live;
  }

  /** Takes its entry. */
  enter(): void {
    this.#words[this.#at + ENTRY.status] = STATUS.live;
  }

  /** Gives its entry back. @returns false when there is none, or the kernel's program begins it again right now */
  leave(): boolean {
    const at = this.#at + ENTRY.status;
    return [STATUS.live, STATUS.over].some((status) => Atomics.compareExchange(this.#words, at, status, STATUS.free) === status);
  }

  get nat(): NatSide {
    const flags = this.#words[this.#at + ENTRY.flags] ?? 0;
    if ((flags & ENTRY_FLAG.sourceNat) !== 0) return "src";
    return (flags & ENTRY_FLAG.destinationNat) === 0 ? "none" : "dst";
  }

  get mark(): number {
    return (this.#words[this.#at + ENTRY.mark] ?? 0) >>> 0;
  }

  set mark(mark: number) {
    this.#words[this.#at + ENTRY.mark] = mark;
  }

  get phase(): Phase {
    return (this.#words[this.#at + ENTRY.phase] ?? 0) as Phase;
  }

  /** Monotonic ms. */
  get expiresMs(): number {
    return expiryOf(this.#words, this.#at) - this.#clockOffsetMs;
  }

  /** Of a TCP connection: who began, who answers. */
  get ends(): readonly [TcpEnd, TcpEnd] | undefined {
    return protoOf(this.original) === TCP ? this.#ends : undefined;
  }

  /** Becomes another connection, whose tuples are here already. */
  begin({ nat, helper, parent, phase }: ConnectionStart, nowMs: number): void {
    this.mark = parent?.mark ?? 0;
    for (let i = 0; i < 4; i++) this.label[i] = parent?.label[i] ?? 0;
    this.helper = helper;
    this.parent = parent;
    this.shifts = helper === "ftp" && nat !== "none" && protoOf(this.original) === TCP ? [undefined, undefined] : undefined;
    const isTranslatedSctp = nat !== "none" && protoOf(this.original) === SCTP;
    const isOurs = helper !== undefined || parent !== undefined || isTranslatedSctp;
    this.#words[this.#at + ENTRY.flags] = NAT_FLAGS[nat] | (isOurs ? ENTRY_FLAG.isOurs : 0);
    this.touch(phase, nowMs);
  }

  /** Becomes one that the kernel's program has made. */
  becomeForeign(): void {
    this.helper = undefined;
    this.parent = undefined;
    this.shifts = undefined;
    this.isPublished = true;
  }

  /** Notes that a packet came now. */
  touch(phase: Phase, nowMs: number): void {
    const ns = Math.round((nowMs + TIMEOUT_MS[phase] + this.#clockOffsetMs) * NS_PER_MS);
    const at = this.#at + ENTRY.expires;
    this.#words[this.#at + ENTRY.phase] = phase;
    this.#words[at] = ns >>> 0;
    this.#words[at + 1] = Math.floor(ns / TWO_32);
  }

  /** Leaves its entry to another connection, and keeps what is in it. */
  leaveEntry(): void {
    const words = this.#words.slice(this.#at, this.#at + ENTRY_WORDS);
    this.#words = words;
    this.#at = 0;
    this.original = wordsAt(words, ENTRY.original, TUPLE_WORDS);
    this.reply = wordsAt(words, ENTRY.reply, TUPLE_WORDS);
    this.label = wordsAt(words, ENTRY.label, 4);
    this.#ends = endsAt(words, 0);
  }
}

/** When the connection of an entry is over, in ms of the entry's clock. */
export function expiryOf(words: Int32Array, at: number): number {
  const high = words[at + ENTRY.expires + 1] ?? 0;
  return (high * TWO_32 + ((words[at + ENTRY.expires] ?? 0) >>> 0)) / NS_PER_MS;
}

/** Some words of an entry, unsigned. */
function wordsAt(words: Int32Array, at: number, n: number): Uint32Array {
  return new Uint32Array(words.buffer, words.byteOffset + 4 * at, n);
}

function endsAt(words: Int32Array, at: number): readonly [TcpEnd, TcpEnd] {
  return [new TcpEnd(words, at + ENTRY.ends), new TcpEnd(words, at + ENTRY.ends + END_WORDS)];
}
