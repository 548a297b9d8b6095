/**
 * Which slot a packet's masked key leads to: a hash table in memory that this process writes and the kernel's program reads.
 *
 * Why: a map of the kernel takes a system call for each entry, and memory at the start for the places of as many as it may ever have.
 * How: the hash of mask and key tells a line, the 64 bytes that a processor fetches at once, of two halves of 8 places.
 *
 *   | tag 12 | slot + 1 20 |    a place; those in use first, then zeros
 *
 * The tag is another part of the hash. In a half no two places have the same, so there is one slot to look at: the slot says whether
 * the key is its own. A key that finds its tag taken, or the first half full, goes to the second half.
 * When an entry goes, the last of its half takes its place. A program that reads meanwhile may miss that one, so its packet comes to
 * this process, where its flow is, too.
 * Limits: with more than four keys to a line it is crowded (then one line in a million is full), and somebody has to make a larger one.
 */
import { BpfMap, type MapReference } from "@tenet/bpf";
import type { Mapping } from "@tenet/linux";
import { MAX_FLOWS } from "./slot.ts";

/** Of a line and of its halves. */
export const LINE = { bytes: 64, halfPlaces: 8, placeBytes: 4 } as const;
/** Slots of places are below it, tags are multiples of it. */
export const TAG_UNIT: number = 1 << 20;
/** How a number is mixed: `hash *= multiplier`, then `hash ^= hash >>> shift`. */
export interface Mixing {
  readonly multiplier: number;
  readonly shift: number;
}
/** What is done for each word, which goes in by `hash ^= word` before. Addresses differ in the upper bits of words, in the network's order. */
export const MIX_WORD: Mixing = { multiplier: 0x9e37_79b1, shift: 16 };
/** What is done at the end. */
export const MIX_END: Mixing = { multiplier: 0x85eb_ca6b, shift: 15 };

const LINE_PLACES = 2 * LINE.halfPlaces;
const CROWDED = 4;
const MIN_LINES = 4096;
const MAX_LINES = MAX_FLOWS / CROWDED;
const GROWTH = 4;

/** What a program has to know of an index. */
export interface IndexReference {
  /** An array of one: all lines. */
  readonly map: MapReference;
  /** A power of two. */
  readonly nLines: number;
  readonly seed: number;
}

/** The hash of a mask's keys before their words are mixed in. */
export function hashStart(seed: number, mask: number): number {
  return Math.imul(seed ^ mask, MIX_WORD.multiplier) >>> 0;
}

function mix(hash: number, { multiplier, shift }: Mixing): number {
  const product = Math.imul(hash, multiplier);
  return product ^ (product >>> shift);
}

/** Slots by mask and key. */
export class FlowIndex implements IndexReference {
  readonly map: BpfMap;
  readonly nLines: number;
  readonly seed: number;
  readonly #memory: Mapping;
  readonly #places: Uint32Array;
  #nEntries = 0;

  /**
   * @param seed - so that nobody outside can know which keys share a line
   * @throws SystemCallError when the kernel refuses the memory
   */
  constructor(seed: number, nLines: number = MIN_LINES) {
    this.seed = seed;
    this.nLines = nLines;
    const valueBytes = nLines * LINE.bytes;
    this.map = BpfMap.create({ kind: "array", name: "tenet_index", keyBytes: 4, valueBytes, maxEntries: 1, isMapped: true });
    try {
      this.#memory = this.map.mapValues();
    } catch (error) {
      this.map.close();
      throw error;
    }
    const { buffer, byteOffset } = this.#memory.bytes;
    this.#places = new Uint32Array(buffer, byteOffset, nLines * LINE_PLACES);
  }

  /** Whether a line has so many entries on average that some will be full. */
  get isCrowded(): boolean {
    return this.#nEntries > CROWDED * this.nLines;
  }

  /** Whether there can be a larger one. */
  get canGrow(): boolean {
    return this.nLines < MAX_LINES;
  }

  /** An empty one with room for more. @throws SystemCallError when the kernel refuses the memory */
  larger(): FlowIndex {
    return new FlowIndex(this.seed, Math.min(this.nLines * GROWTH, MAX_LINES));
  }

  /** Leads a key to a slot, as it may do already. @returns whether there is room for it */
  insert(mask: number, key: Uint32Array, slot: number): boolean {
    const hash = this.#hash(mask, key);
    const place = placeOf(hash, slot);
    const line = this.#lineOf(hash);
    if (this.#find(line, place) >= 0) return true;
    const at = this.#roomFor(line, place);
    if (at < 0) return false;
    Atomics.store(this.#places, at, place);
    this.#nEntries++;
    return true;
  }

  /** Takes away what `insert` was given, if it is there. */
  remove(mask: number, key: Uint32Array, slot: number): void {
    const hash = this.#hash(mask, key);
    const at = this.#find(this.#lineOf(hash), placeOf(hash, slot));
    if (at < 0) return;
    let last = at;
    for (let next = at + 1; next % LINE.halfPlaces !== 0 && this.#places[next] !== 0; next++) last = next;
    Atomics.store(this.#places, at, this.#places[last] ?? 0);
    Atomics.store(this.#places, last, 0);
    this.#nEntries--;
  }

  /** The slots in some lines. */
  *slotsIn(firstLine: number, nLines: number): Generator<number, void> {
    const words = this.#places.subarray(firstLine * LINE_PLACES, (firstLine + nLines) * LINE_PLACES);
    for (const word of words) if (word !== 0) yield (word % TAG_UNIT) - 1;
  }

  /** Gives the memory back, as far as no program uses it. */
  close(): void {
    this.#memory.unmap();
    this.map.close();
  }

  #hash(mask: number, key: Uint32Array): number {
    let hash = hashStart(this.seed, mask);
    for (let i = 0; i < key.length; i++) hash = mix(hash ^ (key[i] ?? 0), MIX_WORD);
    return mix(hash, MIX_END);
  }

  /** Its first place. */
  #lineOf(hash: number): number {
    return (hash & (this.nLines - 1)) * LINE_PLACES;
  }

  #find(line: number, place: number): number {
    for (let at = line; at < line + LINE_PLACES; at++) if (this.#places[at] === place) return at;
    return -1;
  }

  #roomFor(line: number, place: number): number {
    const first = this.#roomInHalf(line, place);
    return first >= 0 ? first : this.#roomInHalf(line + LINE.halfPlaces, place);
  }

  #roomInHalf(half: number, place: number): number {
    for (let at = half; at < half + LINE.halfPlaces; at++) {
      const other = this.#places[at] ?? 0;
      if (other === 0) return at;
      if ((other ^ place) >>> 0 < TAG_UNIT) return -1;
    }
    return -1;
  }
}

/** What the index has of a key that leads to a slot. */
function placeOf(hash: number, slot: number): number {
  return ((hash & -TAG_UNIT) | (slot + 1)) >>> 0;
}
