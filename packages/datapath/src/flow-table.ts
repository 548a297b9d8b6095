/**
 * What: finds the megaflow of a packet.
 *
 * Why: once per packet, so no allocation, no string or bigint keys.
 *
 * How: one open-addressing hash table per mask, over the words that the mask has bits in. Megaflows are disjoint,
 * so the first hit is the answer and the order of masks is free: it follows the hits. In front of the walk a small
 * table remembers, by a hash of the packet, which mask answered last time, so that many masks cost as one. A hash table
 * that outgrows its place, or has too much of it, is copied a little with each flow that comes or goes.
 *
 * Limits: the hint table has 4096 entries; with more live connections than that the walk is paid now and then.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, sections 4 and 6
 */
import { FIELDS } from "@tenet/net";
import type { DatapathAction, Megaflow } from "./datapath.ts";

const N_HINTS = 4096;
const MIN_CAPACITY = 16;
/** How many places of a table that moves are copied whenever a flow comes or goes. */
const PLACES_PER_STEP = 16;

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
  /** Where the flow is in the hash tables of its subtable, of which there are two while it grows or shrinks. */
  evenPlace = -1;
  oddPlace = -1;
  /** Neighbours among all flows. One that was taken out while somebody went through all still knows the next. */
  previous: CachedFlow | undefined = undefined;
  next: CachedFlow | undefined = undefined;
  isGone = false;
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
    return this.#subtable.keyOf(this);
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
  /** All flows are a chain, because a set is copied whole when it grows. */
  #first: CachedFlow | undefined = undefined;
  #last: CachedFlow | undefined = undefined;
  #size = 0;
  /** How many go through all flows at the moment. */
  #nListing = 0;
  readonly #subtablesByMaskHash = new Map<number, Subtable[]>();
  #subtables: Subtable[] = [];
  readonly #hints: (Subtable | undefined)[] = Array.from({ length: N_HINTS });
  /** That the last flow came into: the next one is often of the same mask. */
  #lastPut: Subtable | undefined = undefined;

  get size(): number {
    return this.#size;
  }

  get nMasks(): number {
    return this.#subtables.length;
  }

  /** All flows; deleting while iterating is allowed. */
  *flows(): IterableIterator<CachedFlow> {
    this.#nListing++;
    try {
      for (let flow = this.#first; flow !== undefined; flow = flow.next) if (!flow.isGone) yield flow;
    } finally {
      this.#nListing--;
    }
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
    this.#append(flow);
    return flow;
  }

  /** Removes a flow; one that is not in the table is ignored. */
  delete(flow: Megaflow): void {
    const cached = flow as CachedFlow;
    if (cached.isGone) return;
    this.#takeOut(cached);
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

  #append(flow: CachedFlow): void {
    flow.previous = this.#last;
    if (this.#last === undefined) this.#first = flow;
    else this.#last.next = flow;
    this.#last = flow;
    this.#size++;
  }

  #takeOut(flow: CachedFlow): void {
    const { previous, next } = flow;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    flow.previous = undefined;
    if (this.#nListing === 0) flow.next = undefined; // it would keep those alive that go after it
    flow.isGone = true;
    this.#size--;
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

/** The flows of one mask, in a hash table; while it is copied to one of another size it is looked up where it was. */
class Subtable {
  readonly mask: Uint32Array;
  /** Of the table. */
  readonly kernel: SlotCounters;
  nHits = 0;
  size = 0;
  /** Indices of the words that the mask has bits in, and those bits. */
  readonly #words: Int32Array;
  readonly #bits: Uint32Array;
  /** Takes the masked words of the flow that is being added. */
  readonly #masked: Uint32Array;
  #places: Places;
  /** What it moves to. */
  #next: Places | undefined;
  /** Flows that belong at places below this one are in the next table too. */
  #nCopied = 0;

  constructor(mask: Uint32Array, kernel: SlotCounters) {
    this.kernel = kernel;
    this.mask = mask;
    this.#words = Int32Array.from([...mask.keys()].filter((i) => mask[i] !== 0));
    this.#bits = Uint32Array.from(this.#words, (i) => mask[i] ?? 0);
    this.#masked = new Uint32Array(this.#words.length);
    this.#places = new Places(MIN_CAPACITY, this.#words.length, true);
  }

  lookup(key: Uint32Array): CachedFlow | undefined {
    return this.find(key, this.hash(key));
  }

  /** The flow of packets like `key`, whose {@link Subtable.hash} is this. */
  find(key: Uint32Array, hash: number): CachedFlow | undefined {
    const { flows, wrap } = this.#places;
    for (let place = hash & wrap; ; place = (place + 1) & wrap) {
      const flow = flows[place];
      if (flow === undefined) return undefined;
      if (this.#isAt(place, key)) return flow;
    }
  }

  /** Adds a flow for packets like `key`, whose {@link Subtable.hash} is this. */
  insert(flow: CachedFlow, key: Uint32Array, hash: number): void {
    const { capacity } = this.#places;
    if (2 * (this.size + 1) > capacity) this.#moveTo(2 * capacity);
    const words = this.#words;
    const masked = this.#masked;
    for (let i = 0; i < words.length; i++) masked[i] = (key[words[i] ?? 0] ?? 0) & (this.#bits[i] ?? 0);
    this.#places.add(hash, flow, masked, 0);
    if ((hash & this.#places.wrap) < this.#nCopied) this.#next?.add(hash, flow, masked, 0);
    this.size++;
    this.#copySome();
  }

  /** The key of a flow, made anew. */
  keyOf(flow: CachedFlow): Uint32Array {
    const key = new Uint32Array(this.mask.length);
    const { keys } = this.#places;
    const at = this.#places.of(flow) * this.#words.length;
    for (let i = 0; i < this.#words.length; i++) key[this.#words[i] ?? 0] = keys[at + i] ?? 0;
    return key;
  }

  /** Removes a flow that is here. */
  remove(flow: CachedFlow): void {
    const places = this.#places;
    if ((places.hashAt(places.of(flow)) & places.wrap) < this.#nCopied) this.#next?.remove(flow);
    places.remove(flow);
    this.size--;
    if (places.capacity > MIN_CAPACITY && 8 * this.size < places.capacity) this.#moveTo(places.capacity >>> 1);
    this.#copySome();
  }

  #moveTo(capacity: number): void {
    this.#next ??= new Places(capacity, this.#words.length, !this.#places.isEven);
  }

  /** Goes on with a move: as much as that it is over long before the table is full. */
  #copySome(): void {
    const next = this.#next;
    if (next === undefined) return;
    const places = this.#places;
    const end = Math.min(places.capacity, this.#nCopied + PLACES_PER_STEP);
    for (let home = this.#nCopied; home < end; home++) places.copyFrom(home, next);
    this.#nCopied = end;
    if (end < places.capacity) return;
    this.#places = next;
    this.#next = undefined;
    this.#nCopied = 0;
  }

  #isAt(place: number, key: Uint32Array): boolean {
    const words = this.#words;
    const bits = this.#bits;
    const { keys } = this.#places;
    const n = words.length;
    const at = place * n;
    for (let i = 0; i < n; i++) {
      if (((key[words[i] ?? 0] ?? 0) & (bits[i] ?? 0)) >>> 0 !== keys[at + i]) return false;
    }
    return true;
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

/** A hash table with linear probing; its capacity is a power of two. */
class Places {
  readonly capacity: number;
  /** The capacity less 1. */
  readonly wrap: number;
  /** Masked words of the flow in each place, `#nWords` apiece. */
  readonly keys: Uint32Array;
  readonly flows: (CachedFlow | undefined)[] = [];
  /** Which of their two places flows have here. */
  readonly isEven: boolean;
  readonly #nWords: number;

  constructor(capacity: number, nWords: number, isEven: boolean) {
    this.capacity = capacity;
    this.wrap = capacity - 1;
    this.keys = new Uint32Array(capacity * nWords);
    this.flows.length = capacity; // `Array.from` takes ten times as long
    this.flows.fill(undefined);
    this.isEven = isEven;
    this.#nWords = nWords;
  }

  /** The place of a flow that is here. */
  of(flow: CachedFlow): number {
    return this.isEven ? flow.evenPlace : flow.oddPlace;
  }

  /** As the hash of the key of the flow in a place. */
  hashAt(place: number): number {
    const end = (place + 1) * this.#nWords;
    let hash = 0;
    for (let at = end - this.#nWords; at < end; at++) hash = mix(hash, this.keys[at] as number);
    return finish(hash);
  }

  /** Adds a flow whose masked words are at place `from` of `keys`. */
  add(hash: number, flow: CachedFlow, keys: Uint32Array, from: number): void {
    let place = hash & this.wrap;
    while (this.flows[place] !== undefined) place = (place + 1) & this.wrap;
    this.#put(place, flow, keys, from);
  }

  /** Removes a flow that is here, and moves the ones behind it forward, so that no tombstones remain. */
  remove(flow: CachedFlow): void {
    const { wrap } = this;
    let hole = this.of(flow);
    for (let next = (hole + 1) & wrap; ; next = (next + 1) & wrap) {
      const moved = this.flows[next];
      if (moved === undefined) break;
      const home = this.hashAt(next) & wrap;
      if (((next - home) & wrap) < ((next - hole) & wrap)) continue; // its home lies behind the hole
      this.#put(hole, moved, this.keys, next);
      hole = next;
    }
    this.flows[hole] = undefined;
  }

  /** Adds to another table the flows that belong at place `home` of this one. */
  copyFrom(home: number, other: Places): void {
    for (let place = home; ; place = (place + 1) & this.wrap) {
      const flow = this.flows[place];
      if (flow === undefined) return;
      const hash = this.hashAt(place);
      if ((hash & this.wrap) === home) other.add(hash, flow, this.keys, place);
    }
  }

  #put(place: number, flow: CachedFlow, keys: Uint32Array, from: number): void {
    const n = this.#nWords;
    for (let i = 0; i < n; i++) this.keys[place * n + i] = keys[from * n + i] as number;
    this.flows[place] = flow;
    if (this.isEven) flow.evenPlace = place;
    else flow.oddPlace = place;
  }
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
