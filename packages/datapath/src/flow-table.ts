/**
 * What: finds the megaflow of a packet.
 *
 * Why: once per packet, so no allocation, no string or bigint keys.
 *
 * How: one open-addressing hash table per mask, over the words that the mask has bits in. Megaflows are disjoint,
 * so the first hit is the answer and the order of masks is free: it follows the hits. In front of the walk a small
 * table remembers, by a hash of the packet, which mask answered last time, so that many masks cost as one.
 *
 * Limits: the hint table has 4096 entries; with more live connections than that the walk is paid now and then.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, sections 4 and 6
 */
import { FIELDS } from "@tenet/net";
import type { DatapathAction, Megaflow } from "./datapath.ts";

const N_HINTS = 4096;
const MIN_CAPACITY = 16;

/** Words that tell apart connections, and the lookups of one packet that goes through the connection tracker, for the hint. */
const HINT_WORDS = Int32Array.of(
  FIELDS.recirc_id.word,
  FIELDS.ct_state.word,
  FIELDS.in_port.word,
  FIELDS.eth_dst.word + 1,
  FIELDS.eth_src.word + 1,
  FIELDS.eth_type.word,
  FIELDS.nw_proto.word,
  FIELDS.nw_src.word,
  FIELDS.nw_dst.word,
  FIELDS.ipv6_src.word + 3,
  FIELDS.ipv6_dst.word + 3,
  FIELDS.tp_src.word,
);

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

/** A megaflow in the table, which alone keeps its key: arrays as wide as a FlowKey are the dearest thing there is. */
export class CachedFlow implements Megaflow {
  actions: readonly DatapathAction[];
  /** The slot that the kernel has it in, too, or {@link NO_SLOT}. */
  slot: number = NO_SLOT;
  owner: object | undefined = undefined;
  /** Where the flow is in its subtable. */
  place = -1;
  readonly #subtable: Subtable;
  #nPackets = 0;
  #nBytes = 0;
  #usedMs = 0;
  #tcpFlags = 0;

  constructor(subtable: Subtable, actions: readonly DatapathAction[]) {
    this.#subtable = subtable;
    this.actions = actions;
  }

  get key(): Uint32Array {
    return this.#subtable.keyAt(this.place);
  }

  get mask(): Uint32Array {
    return this.#subtable.mask;
  }

  get subtable(): Subtable {
    return this.#subtable;
  }

  get nPackets(): number {
    const { slot } = this;
    return slot === NO_SLOT ? this.#nPackets : this.#nPackets + this.#subtable.kernel.packetsOf(slot);
  }

  get nBytes(): number {
    const { slot } = this;
    return slot === NO_SLOT ? this.#nBytes : this.#nBytes + this.#subtable.kernel.bytesOf(slot);
  }

  get usedMs(): number {
    const { slot } = this;
    return slot === NO_SLOT ? this.#usedMs : Math.max(this.#usedMs, this.#subtable.kernel.usedMsOf(slot));
  }

  get tcpFlags(): number {
    const { slot } = this;
    return slot === NO_SLOT ? this.#tcpFlags : this.#tcpFlags | this.#subtable.kernel.tcpFlagsOf(slot);
  }

  /** A packet was found to be of this flow. */
  count(nBytes: number, nowMs: number, tcpFlags: number): void {
    this.#nPackets++;
    this.#nBytes += nBytes;
    this.#usedMs = nowMs;
    this.#tcpFlags |= tcpFlags;
  }

  /** The kernel has it no longer; what was counted there counts. @returns the slot that it had, or {@link NO_SLOT} */
  leaveKernel(): number {
    const { slot } = this;
    if (slot === NO_SLOT) return slot;
    this.#nPackets = this.nPackets;
    this.#nBytes = this.nBytes;
    this.#usedMs = this.usedMs;
    this.#tcpFlags = this.tcpFlags;
    this.slot = NO_SLOT;
    return slot;
  }
}

const NO_COUNTERS: SlotCounters = { packetsOf: () => 0, bytesOf: () => 0, usedMsOf: () => 0, tcpFlagsOf: () => 0 };

/** All megaflows. */
export class FlowTable {
  /** Of flows that have a slot there; to be set before there are any. */
  kernel: SlotCounters = NO_COUNTERS;
  readonly #flows = new Set<CachedFlow>();
  readonly #subtablesByMaskHash = new Map<number, Subtable[]>();
  #subtables: Subtable[] = [];
  readonly #hints: (Subtable | undefined)[] = Array.from({ length: N_HINTS });
  /** That the last flow came into: the next one is often of the same mask. */
  #lastPut: Subtable | undefined = undefined;

  get size(): number {
    return this.#flows.size;
  }

  get nMasks(): number {
    return this.#subtables.length;
  }

  /** All flows; deleting while iterating is allowed. */
  flows(): IterableIterator<CachedFlow> {
    return this.#flows.values();
  }

  /** The flow that a packet matches. Cost: one probe when the hint holds, else one per mask tried. */
  lookup(key: Uint32Array): CachedFlow | undefined {
    const hint = hashWords(key) & (N_HINTS - 1);
    const hinted = this.#hints[hint];
    if (hinted !== undefined) {
      const flow = hinted.lookup(key);
      if (flow !== undefined) {
        hinted.nHits++;
        return flow;
      }
    }
    for (const subtable of this.#subtables) {
      const flow = subtable === hinted ? undefined : subtable.lookup(key);
      if (flow !== undefined) {
        subtable.nHits++;
        this.#hints[hint] = subtable;
        return flow;
      }
    }
    return undefined;
  }

  /** Adds a flow, or replaces the actions of the one with this key and mask. */
  put(key: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): CachedFlow {
    const subtable = this.#subtableOf(mask);
    const hash = subtable.hash(key);
    const known = subtable.find(key, hash);
    if (known !== undefined) {
      known.actions = actions;
      return known;
    }
    const flow = new CachedFlow(subtable, actions);
    subtable.insert(flow, key, hash);
    this.#flows.add(flow);
    return flow;
  }

  /** Removes a flow; one that is not in the table is ignored. */
  delete(flow: Megaflow): void {
    const cached = flow as CachedFlow;
    if (!this.#flows.delete(cached)) return;
    const { subtable } = cached;
    subtable.remove(cached);
    if (subtable.size > 0) return;
    this.#lastPut = undefined;
    const hash = hashMask(subtable.mask);
    const sameHash = this.#subtablesByMaskHash.get(hash)?.filter((other) => other !== subtable) ?? [];
    if (sameHash.length === 0) this.#subtablesByMaskHash.delete(hash);
    else this.#subtablesByMaskHash.set(hash, sameHash);
    this.#subtables = this.#subtables.filter((other) => other !== subtable);
    this.#hints.fill(undefined);
  }

  /** Puts the masks that hit most in front; halves the counts, so that old traffic is forgotten. */
  sortByHits(): void {
    this.#subtables.sort((a, b) => b.nHits - a.nHits);
    for (const subtable of this.#subtables) subtable.nHits >>>= 1;
  }

  #subtableOf(mask: Uint32Array): Subtable {
    if (this.#lastPut === undefined || !areEqual(this.#lastPut.mask, mask)) this.#lastPut = this.#findOrMake(mask);
    return this.#lastPut;
  }

  #findOrMake(mask: Uint32Array): Subtable {
    const hash = hashMask(mask);
    const sameHash = this.#subtablesByMaskHash.get(hash);
    const known = sameHash?.find((subtable) => areEqual(subtable.mask, mask));
    if (known !== undefined) return known;
    const subtable = new Subtable(mask.slice(), this.kernel);
    if (sameHash === undefined) this.#subtablesByMaskHash.set(hash, [subtable]);
    else sameHash.push(subtable);
    this.#subtables.push(subtable);
    return subtable;
  }
}

/** The flows of one mask. */
class Subtable {
  readonly mask: Uint32Array;
  /** Of the table. */
  readonly kernel: SlotCounters;
  nHits = 0;
  size = 0;
  /** Indices of the words that the mask has bits in, and those bits. */
  readonly #words: Int32Array;
  readonly #bits: Uint32Array;
  /** Masked words of the flow in each place, `#words.length` apiece. */
  #keys: Uint32Array;
  #flows: (CachedFlow | undefined)[] = noFlows(MIN_CAPACITY);
  #capacity = MIN_CAPACITY;

  constructor(mask: Uint32Array, kernel: SlotCounters) {
    this.kernel = kernel;
    this.mask = mask;
    this.#words = Int32Array.from([...mask.keys()].filter((i) => mask[i] !== 0));
    this.#bits = Uint32Array.from(this.#words, (i) => mask[i] ?? 0);
    this.#keys = new Uint32Array(MIN_CAPACITY * this.#words.length);
  }

  lookup(key: Uint32Array): CachedFlow | undefined {
    return this.find(key, this.hash(key));
  }

  /** The flow of packets like `key`, whose {@link Subtable.hash} is this. */
  find(key: Uint32Array, hash: number): CachedFlow | undefined {
    const flows = this.#flows;
    const wrap = this.#capacity - 1;
    for (let place = hash & wrap; ; place = (place + 1) & wrap) {
      const flow = flows[place];
      if (flow === undefined) return undefined;
      if (this.#isAt(place, key)) return flow;
    }
  }

  /** Adds a flow for packets like `key`, whose {@link Subtable.hash} is this. */
  insert(flow: CachedFlow, key: Uint32Array, hash: number): void {
    if (2 * (this.size + 1) > this.#capacity) this.#resize(2 * this.#capacity);
    const wrap = this.#capacity - 1;
    let place = hash & wrap;
    while (this.#flows[place] !== undefined) place = (place + 1) & wrap;
    const at = place * this.#words.length;
    for (let i = 0; i < this.#words.length; i++) this.#keys[at + i] = (key[this.#words[i] ?? 0] ?? 0) & (this.#bits[i] ?? 0);
    this.#flows[place] = flow;
    flow.place = place;
    this.size++;
  }

  /** The key of the flow in a place, made anew. */
  keyAt(place: number): Uint32Array {
    const key = new Uint32Array(this.mask.length);
    const at = place * this.#words.length;
    for (let i = 0; i < this.#words.length; i++) key[this.#words[i] ?? 0] = this.#keys[at + i] ?? 0;
    return key;
  }

  /** Removes a flow that is here, and moves the ones behind it forward, so that no tombstones remain. */
  remove(flow: CachedFlow): void {
    const wrap = this.#capacity - 1;
    let hole = flow.place;
    this.size--;
    for (let next = (hole + 1) & wrap; ; next = (next + 1) & wrap) {
      const moved = this.#flows[next];
      if (moved === undefined) break;
      const home = this.#hashAt(this.#keys, next) & wrap;
      if (((next - home) & wrap) < ((next - hole) & wrap)) continue; // its home lies behind the hole
      this.#put(hole, moved, this.#keys, next);
      hole = next;
    }
    this.#flows[hole] = undefined;
    if (this.#capacity > MIN_CAPACITY && 8 * this.size < this.#capacity) this.#resize(this.#capacity >>> 1);
  }

  #resize(capacity: number): void {
    const flows = this.#flows;
    const keys = this.#keys;
    const wrap = capacity - 1;
    this.#capacity = capacity;
    this.#keys = new Uint32Array(capacity * this.#words.length);
    this.#flows = noFlows(capacity);
    for (const flow of flows) {
      if (flow === undefined) continue;
      let place = this.#hashAt(keys, flow.place) & wrap;
      while (this.#flows[place] !== undefined) place = (place + 1) & wrap;
      this.#put(place, flow, keys, flow.place);
    }
  }

  /** Puts a flow into a free place; its key is at place `from` of `keys`. */
  #put(place: number, flow: CachedFlow, keys: Uint32Array, from: number): void {
    const n = this.#words.length;
    for (let i = 0; i < n; i++) this.#keys[place * n + i] = keys[from * n + i] as number;
    this.#flows[place] = flow;
    flow.place = place;
  }

  #isAt(place: number, key: Uint32Array): boolean {
    const words = this.#words;
    const bits = this.#bits;
    const keys = this.#keys;
    const n = words.length;
    const at = place * n;
    for (let i = 0; i < n; i++) {
      if (((key[words[i] ?? 0] ?? 0) & (bits[i] ?? 0)) >>> 0 !== keys[at + i]) return false;
    }
    return true;
  }

  /** As {@link Subtable.hash}, of the key at a place of `keys`. */
  #hashAt(keys: Uint32Array, place: number): number {
    const end = (place + 1) * this.#words.length;
    let hash = 0;
    for (let at = end - this.#words.length; at < end; at++) hash = mix(hash, keys[at] as number);
    return finish(hash);
  }

  /** A hash of what packets like `key` have in common. */
  hash(key: Uint32Array): number {
    const words = this.#words;
    const bits = this.#bits;
    let hash = 0;
    for (let i = 0; i < words.length; i++) hash = mix(hash, (key[words[i] ?? 0] ?? 0) & (bits[i] ?? 0));
    return finish(hash);
  }
}

/** As many empty places; `Array.from` takes ten times as long. */
function noFlows(n: number): undefined[] {
  const places: undefined[] = [];
  places.length = n;
  return places.fill(undefined);
}

/** A hash of the words of a mask that are not zero. */
function hashMask(mask: Uint32Array): number {
  let hash = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) hash = mix(hash ^ i, mask[i] as number);
  return hash;
}

function areEqual(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function hashWords(key: Uint32Array): number {
  let hash = 0;
  for (let i = 0; i < HINT_WORDS.length; i++) hash = mix(hash, key[HINT_WORDS[i] ?? 0] ?? 0);
  return finish(hash);
}

/**
 * Lets every bit count for the lower ones, which places are found by. Without it, connections that differ in a port alone, the upper half of
 * the last word, fall onto few places.
 */
function finish(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
  return product ^ (product >>> 13);
}

/** One round of a multiply-rotate hash. */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return (product << 13) | (product >>> 19);
}
