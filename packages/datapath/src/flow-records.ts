/**
 * What is counted of megaflows, by their numbers, outside of V8's heap: a hundred thousand objects that hold it would make every
 * collection of garbage longer. In V8's heap a megaflow is one small object.
 *
 * Records lie in segments, which are never copied. Segments are given back when there is no flow any more.
 */
import { uncountedMemory } from "@tenet/kit";
import type { DatapathAction, Megaflow } from "./datapath.ts";
import type { Subtable } from "./subtable.ts";

/** Where a flow is in the kernel that is not there. */
export const NO_SLOT = -1;

/** What the kernel counts of flows, by the slots that it has them in. */
export interface SlotCounters {
  packetsOf(slot: number): number;
  bytesOf(slot: number): number;
  /** Monotonic ms of the last packet; 0 = never. */
  usedMsOf(slot: number): number;
  tcpFlagsOf(slot: number): number;
}

const SEGMENT_BITS = 10;
const SEGMENT_LENGTH = 1 << SEGMENT_BITS;
const AT = SEGMENT_LENGTH - 1;
const NO_FLOW = -1;
const NO_COUNTERS: SlotCounters = { packetsOf: () => 0, bytesOf: () => 0, usedMsOf: () => 0, tcpFlagsOf: () => 0 };

/** What is counted of a flow. */
const [PACKETS, BYTES, USED_MS, TCP_FLAGS, N_COUNTERS] = [0, 1, 2, 3, 4] as const;

/** Flows whose numbers are next to each other. */
class Segment {
  readonly kernel: SlotCounters;
  readonly flows: (CachedFlow | undefined)[] = Array.from<undefined>({ length: SEGMENT_LENGTH }).fill(undefined);
  readonly counters: Float64Array = new Float64Array(uncountedMemory(8 * SEGMENT_LENGTH * N_COUNTERS));
  readonly slots: Int32Array = new Int32Array(uncountedMemory(4 * SEGMENT_LENGTH));
  /** Hashes of keys; of a number that no flow has: the next such number. */
  readonly hashes: Int32Array = new Int32Array(uncountedMemory(4 * SEGMENT_LENGTH));

  constructor(kernel: SlotCounters) {
    this.kernel = kernel;
  }
}

/** A megaflow in the table, which alone keeps its key: arrays as wide as a FlowKey are the dearest thing there is. */
export class CachedFlow implements Megaflow {
  readonly number: number;
  readonly subtable: Subtable;
  actions: readonly DatapathAction[];
  owner: object | undefined = undefined;
  readonly #segment: Segment;

  constructor(number: number, subtable: Subtable, actions: readonly DatapathAction[], segment: Segment) {
    this.number = number;
    this.subtable = subtable;
    this.actions = actions;
    this.#segment = segment;
  }

  get key(): Uint32Array {
    const key = new Uint32Array(this.mask.length);
    this.readKey(key);
    return key;
  }

  get mask(): Uint32Array {
    return this.subtable.mask;
  }

  readKey(key: Uint32Array): void {
    this.subtable.readKey(this, key);
  }

  get isGone(): boolean {
    return this.#segment.flows[this.number & AT] !== this;
  }

  /** Of its key, as its subtable has it. */
  get hash(): number {
    return this.#segment.hashes[this.number & AT] as number;
  }

  /** The slot that the kernel has it in, too, or {@link NO_SLOT}; of a flow that is gone, whose number may be another's, always the latter. */
  get slot(): number {
    return this.isGone ? NO_SLOT : (this.#segment.slots[this.number & AT] as number);
  }

  set slot(slot: number) {
    this.#segment.slots[this.number & AT] = slot;
  }

  get nPackets(): number {
    const { slot } = this;
    const nHere = this.#counted(PACKETS);
    return slot === NO_SLOT ? nHere : nHere + this.#segment.kernel.packetsOf(slot);
  }

  get nBytes(): number {
    const { slot } = this;
    const nHere = this.#counted(BYTES);
    return slot === NO_SLOT ? nHere : nHere + this.#segment.kernel.bytesOf(slot);
  }

  get usedMs(): number {
    const { slot } = this;
    const usedHereMs = this.#counted(USED_MS);
    return slot === NO_SLOT ? usedHereMs : Math.max(usedHereMs, this.#segment.kernel.usedMsOf(slot));
  }

  get tcpFlags(): number {
    const { slot } = this;
    const seenHere = this.#counted(TCP_FLAGS);
    return slot === NO_SLOT ? seenHere : seenHere | this.#segment.kernel.tcpFlagsOf(slot);
  }

  /** A packet was found to be of this flow. */
  count(nBytes: number, nowMs: number, tcpFlags: number): void {
    const { counters } = this.#segment;
    const at = (this.number & AT) * N_COUNTERS;
    counters[at + PACKETS] = (counters[at + PACKETS] as number) + 1;
    counters[at + BYTES] = (counters[at + BYTES] as number) + nBytes;
    counters[at + USED_MS] = nowMs;
    counters[at + TCP_FLAGS] = (counters[at + TCP_FLAGS] as number) | tcpFlags;
  }

  /** The kernel has it no longer; what was counted there counts. @returns the slot that it had, or {@link NO_SLOT} */
  leaveKernel(): number {
    const { slot } = this;
    if (slot === NO_SLOT) return slot;
    this.#segment.counters.set([this.nPackets, this.nBytes, this.usedMs, this.tcpFlags], (this.number & AT) * N_COUNTERS);
    this.slot = NO_SLOT;
    return slot;
  }

  #counted(counter: number): number {
    return this.#segment.counters[(this.number & AT) * N_COUNTERS + counter] as number;
  }
}

/** All flows, by their numbers. */
export class FlowRecords {
  /** Of flows that have a slot there; to be set before there are any. */
  kernel: SlotCounters = NO_COUNTERS;
  #segments: Segment[] = [];
  /** The first number that no flow has, of a chain. */
  #free = NO_FLOW;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Gives a new flow a number. */
  add(subtable: Subtable, actions: readonly DatapathAction[], hash: number): CachedFlow {
    if (this.#free === NO_FLOW) this.#addSegment();
    const number = this.#free;
    const segment = this.#segments[number >>> SEGMENT_BITS] as Segment;
    const at = number & AT;
    this.#free = segment.hashes[at] as number;
    segment.hashes[at] = hash;
    segment.slots[at] = NO_SLOT;
    segment.counters.fill(0, at * N_COUNTERS, (at + 1) * N_COUNTERS);
    const flow = new CachedFlow(number, subtable, actions, segment);
    segment.flows[at] = flow;
    this.#size++;
    return flow;
  }

  /** Takes a flow's number away; what it has counted can be read until the next one comes, and is that one's then. */
  remove({ number }: CachedFlow): void {
    const segment = this.#segments[number >>> SEGMENT_BITS] as Segment;
    segment.flows[number & AT] = undefined;
    segment.hashes[number & AT] = this.#free;
    this.#free = number;
    this.#size--;
    if (this.#size > 0) return;
    this.#segments = [];
    this.#free = NO_FLOW;
  }

  /** The flow of a number; it has to be there. */
  flow(number: number): CachedFlow {
    return (this.#segments[number >>> SEGMENT_BITS] as Segment).flows[number & AT] as CachedFlow;
  }

  /** {@link CachedFlow.hash} of the flow of a number. */
  hashOf(number: number): number {
    return (this.#segments[number >>> SEGMENT_BITS] as Segment).hashes[number & AT] as number;
  }

  /** All flows; while they are gone through, some may go and others come, which are seen or not. */
  *all(): IterableIterator<CachedFlow> {
    for (let i = 0; i < this.#segments.length; i++) {
      const segment = this.#segments[i];
      for (let at = 0; at < SEGMENT_LENGTH; at++) {
        const flow = segment?.flows[at];
        if (flow !== undefined) yield flow;
      }
    }
  }

  #addSegment(): void {
    const segment = new Segment(this.kernel);
    const first = this.#segments.length << SEGMENT_BITS;
    for (let at = 0; at < SEGMENT_LENGTH; at++) segment.hashes[at] = first + at + 1;
    segment.hashes[SEGMENT_LENGTH - 1] = NO_FLOW;
    this.#segments.push(segment);
    this.#free = first;
  }
}
