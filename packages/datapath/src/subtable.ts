/**
 * The megaflows of one mask, in a hash table over the words that the mask has bits in.
 *
 * A table that outgrows its place, or has too much of it, is copied a little with each flow that comes or goes; until that is done, it is
 * looked up where it was. What it is copied to is made a segment at a time, too.
 */
import { uncountedMemory } from "@tenet/kit";
import type { CachedFlow, FlowRecords } from "./flow-records.ts";
import { finish, mix } from "./key-hash.ts";

const MIN_CAPACITY = 16;
/** How many places of a table that moves are copied whenever a flow comes or goes. */
const PLACES_PER_STEP = 16;
const SEGMENT_BITS = 10;
const SEGMENT_LENGTH = 1 << SEGMENT_BITS;
const EMPTY = 0;

/** The flows of one mask. */
export class Subtable {
  readonly mask: Uint32Array;
  nHits = 0;
  size = 0;
  readonly #records: FlowRecords;
  /** Indices of the words that the mask has bits in, and those bits. */
  readonly #words: Int32Array;
  readonly #bits: Uint32Array;
  /** Takes the place of the flow that is being added. */
  readonly #newcomer: Uint32Array;
  #places: Places;
  /** What it moves to. */
  #next: Places | undefined;
  /** Flows that belong at places below this one are in the next table too. */
  #nCopied = 0;

  constructor(mask: Uint32Array, records: FlowRecords) {
    this.mask = mask;
    this.#records = records;
    this.#words = Int32Array.from([...mask.keys()].filter((i) => mask[i] !== 0));
    this.#bits = Uint32Array.from(this.#words, (i) => mask[i] ?? 0);
    this.#newcomer = new Uint32Array(1 + this.#words.length);
    this.#places = new Places(MIN_CAPACITY, this.#words.length, records);
  }

  lookup(key: Uint32Array): CachedFlow | undefined {
    return this.find(key, this.hash(key));
  }

  /** The flow of packets like `key`, whose {@link Subtable.hash} is this. */
  find(key: Uint32Array, hash: number): CachedFlow | undefined {
    const { segments, wrap, stride } = this.#places;
    for (let place = hash & wrap; ; place = (place + 1) & wrap) {
      const segment = segments[place >>> SEGMENT_BITS];
      if (segment === undefined) return undefined;
      const at = (place & (SEGMENT_LENGTH - 1)) * stride;
      const tenant = segment[at] as number;
      if (tenant === EMPTY) return undefined;
      if (this.#isAt(segment, at + 1, key)) return this.#records.flow(tenant - 1);
    }
  }

  /** Adds a flow for packets like `key`. */
  insert({ number, hash }: CachedFlow, key: Uint32Array): void {
    const { capacity } = this.#places;
    if (2 * (this.size + 1) > capacity) this.#moveTo(2 * capacity);
    const words = this.#words;
    const newcomer = this.#newcomer;
    newcomer[0] = number + 1;
    for (let i = 0; i < words.length; i++) newcomer[i + 1] = (key[words[i] ?? 0] ?? 0) & (this.#bits[i] ?? 0);
    this.#places.add(hash, newcomer, 0);
    if ((hash & this.#places.wrap) < this.#nCopied) this.#next?.add(hash, newcomer, 0);
    this.size++;
    this.#copySome();
  }

  /** Writes the key of a flow that is here. */
  readKey({ number, hash }: CachedFlow, key: Uint32Array): void {
    const words = this.#words;
    const place = this.#places.find(number, hash);
    const segment = this.#places.segmentOf(place);
    const at = this.#places.at(place) + 1;
    key.fill(0);
    for (let i = 0; i < words.length; i++) key[words[i] ?? 0] = segment[at + i] ?? 0;
  }

  /** Removes a flow that is here. */
  remove({ number, hash }: CachedFlow): void {
    const places = this.#places;
    if ((hash & places.wrap) < this.#nCopied) this.#next?.remove(number, hash);
    places.remove(number, hash);
    this.size--;
    if (places.capacity > MIN_CAPACITY && 8 * this.size < places.capacity) this.#moveTo(places.capacity >>> 1);
    this.#copySome();
  }

  #moveTo(capacity: number): void {
    this.#next ??= new Places(capacity, this.#words.length, this.#records);
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

  #isAt(segment: Uint32Array, at: number, key: Uint32Array): boolean {
    const words = this.#words;
    const bits = this.#bits;
    const n = words.length;
    for (let i = 0; i < n; i++) {
      if (((key[words[i] ?? 0] ?? 0) & (bits[i] ?? 0)) >>> 0 !== segment[at + i]) return false;
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

/**
 * A hash table with linear probing; its capacity is a power of two. A place is
 *
 *     | number of the flow + 1, or EMPTY | its masked words |
 */
class Places {
  readonly capacity: number;
  /** The capacity less 1. */
  readonly wrap: number;
  /** Words of a place. */
  readonly stride: number;
  /** Places, 1024 together; `undefined` as long as all of them are empty. */
  readonly segments: (Uint32Array | undefined)[];
  readonly #records: FlowRecords;

  constructor(capacity: number, nWords: number, records: FlowRecords) {
    this.capacity = capacity;
    this.wrap = capacity - 1;
    this.stride = 1 + nWords;
    this.segments = Array.from({ length: Math.ceil(capacity / SEGMENT_LENGTH) });
    this.#records = records;
  }

  /** The segment of a place that is not empty, or is to be filled. */
  segmentOf(place: number): Uint32Array {
    const i = place >>> SEGMENT_BITS;
    return (this.segments[i] ??= new Uint32Array(uncountedMemory(4 * Math.min(this.capacity, SEGMENT_LENGTH) * this.stride)));
  }

  /** Where a place begins in its segment. */
  at(place: number): number {
    return (place & (SEGMENT_LENGTH - 1)) * this.stride;
  }

  /** Adds a flow whose place is at `from` elsewhere. */
  add(hash: number, elsewhere: Uint32Array, from: number): void {
    let place = hash & this.wrap;
    while (this.#tenant(place) !== EMPTY) place = (place + 1) & this.wrap;
    this.#put(place, elsewhere, from);
  }

  /** The place of a flow that is here. */
  find(number: number, hash: number): number {
    let place = hash & this.wrap;
    while (this.#tenant(place) !== number + 1) place = (place + 1) & this.wrap;
    return place;
  }

  /** Removes a flow that is here, and moves the ones behind it forward, so that no tombstones remain. */
  remove(number: number, hash: number): void {
    const { wrap } = this;
    let hole = this.find(number, hash);
    for (let next = (hole + 1) & wrap; ; next = (next + 1) & wrap) {
      const tenant = this.#tenant(next);
      if (tenant === EMPTY) break;
      const home = this.#records.hashOf(tenant - 1) & wrap;
      if (((next - home) & wrap) < ((next - hole) & wrap)) continue; // its home lies behind the hole
      this.#put(hole, this.segmentOf(next), this.at(next));
      hole = next;
    }
    this.segmentOf(hole)[this.at(hole)] = EMPTY;
  }

  /** Adds to another table the flows that belong at place `home` of this one. */
  copyFrom(home: number, other: Places): void {
    for (let place = home; ; place = (place + 1) & this.wrap) {
      const tenant = this.#tenant(place);
      if (tenant === EMPTY) return;
      const hash = this.#records.hashOf(tenant - 1);
      if ((hash & this.wrap) === home) other.add(hash, this.segmentOf(place), this.at(place));
    }
  }

  #tenant(place: number): number {
    return this.segments[place >>> SEGMENT_BITS]?.[this.at(place)] ?? EMPTY;
  }

  #put(place: number, elsewhere: Uint32Array, from: number): void {
    const segment = this.segmentOf(place);
    const at = this.at(place);
    for (let i = 0; i < this.stride; i++) segment[at + i] = elsewhere[from + i] as number;
  }
}
