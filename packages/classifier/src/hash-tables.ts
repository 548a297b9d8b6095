/**
 * Hash tables and rows of records in the heap of a classifier.
 *
 * A hash table is pairs of a hash and a value that is not 0; open addressing with linear probing and backward-shift removal, so
 * that it never holds tombstones. A byte per pair has eight bits of the hash: most probes of what is not there end at it.
 *
 * A table that outgrows its place moves to a larger one a little at a time, while it is looked up where it was: what changes in
 * the part that was copied changes in both.
 */
import type { Heap } from "./heap.ts";

const MIN_PAIRS = 8;
const MIN_RECORDS = 8;
/** Smaller tables are copied at once. */
const MIN_WORDS_IN_STEPS = 8192;
/** What is done whenever one is added: so many words of the place that is moved to are cleared, then so many places, or records, copied. */
const [WORDS_PER_STEP, PAIRS_PER_STEP, RECORDS_PER_STEP] = [256, 16, 8];

/** What stands for a hash in the tags; never 0. */
export function tagOf(hash: number): number {
  return (hash >>> 24) | 1;
}

/** One hash table. */
export class HashTable {
  readonly #heap: Heap;
  #now: PairPlace;
  #nUsed = 0;
  /** What the table moves to. */
  #next: PairPlace | undefined;
  /** Pairs whose home is at words below this one are at the next place too. */
  #nCopied = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
    this.#now = new PairPlace(heap, 2 * MIN_PAIRS);
    this.#now.clear(2 * MIN_PAIRS);
  }

  /** Where the table is now; a pair with hash `h` is at `2 * h & wordMask` from here, or behind. */
  get at(): number {
    return this.#now.at;
  }

  /** The table's words less 1. */
  get wordMask(): number {
    return this.#now.wordMask;
  }

  /** Where among the heap's bytes the {@link tagOf} each hash is, in the order of the pairs; 0 where there is no pair. */
  get tagsAt(): number {
    return this.#now.tagsAt;
  }

  /** Makes room for one pair more, which {@link add} then has; the table stays where it is. */
  reserve(): void {
    const { nWords } = this.#now;
    if ((this.#nUsed + 1) * 4 > nWords) this.#next ??= new PairPlace(this.#heap, 2 * nWords);
  }

  /** Puts a pair in. @returns true when the table moved */
  add(hash: number, value: number): boolean {
    this.reserve();
    this.#nUsed++;
    this.#now.put(hash, value);
    if (this.#next === undefined) return false;
    if (this.#isCopied(hash)) this.#next.put(hash, value);
    return this.#moveOn(this.#next);
  }

  /** The place of the first pair with this hash, and this value if one is given; -1 when there is none. */
  find(hash: number, value = 0): number {
    return this.#now.findFrom(2 * hash, hash, value);
  }

  /** The place of the next pair with the hash of the one at a place; -1 when there is none. */
  findNext(place: number): number {
    return this.#now.findFrom(place - this.#now.at + 2, this.#heap.words[place] as number, 0);
  }

  /** Gives the pair at a place another value, which is not 0. */
  setValue(place: number, value: number): void {
    const copy = this.#copyOf(place);
    if (copy >= 0) this.#heap.words[copy + 1] = value;
    this.#heap.words[place + 1] = value;
  }

  /** Adds to the value of the pair at a place. @returns the sum; who makes it 0 has to remove the pair */
  count(place: number, more: number): number {
    const sum = (this.#heap.words[place + 1] as number) + more;
    if (sum > 0) this.setValue(place, sum);
    return sum;
  }

  /** Takes the pair at a place out. */
  remove(place: number): void {
    const copy = this.#copyOf(place);
    if (copy >= 0) this.#next?.remove(copy);
    this.#now.remove(place);
    this.#nUsed--;
  }

  /** Gives the table's places back; it is not used any more. */
  free(): void {
    this.#now.leave();
    this.#next?.leave();
  }

  #isCopied(hash: number): boolean {
    return ((2 * hash) & this.wordMask) < this.#nCopied;
  }

  /** Where the pair at a place is in the next place; -1 when it is not there. */
  #copyOf(place: number): number {
    const { words } = this.#heap;
    const hash = words[place] as number;
    if (this.#next === undefined || !this.#isCopied(hash)) return -1;
    return this.#next.findFrom(2 * hash, hash, words[place + 1] as number);
  }

  /** Clears or copies some more; for a small table all. @returns whether the table is at its next place now */
  #moveOn(next: PairPlace): boolean {
    const now = this.#now;
    const isSmall = now.nWords < MIN_WORDS_IN_STEPS;
    if (!next.clear(isSmall ? next.nWords : WORDS_PER_STEP)) return false;
    const end = isSmall ? now.nWords : this.#nCopied + 2 * PAIRS_PER_STEP;
    now.copyHomes(this.#nCopied, end, next);
    this.#nCopied = end;
    if (end < now.nWords) return false;
    now.leave();
    this.#now = next;
    this.#next = undefined;
    this.#nCopied = 0;
    return true;
  }
}

/** Places of pairs and of their tags. */
class PairPlace {
  readonly at: number;
  readonly tagsAt: number;
  /** A power of two. */
  readonly nWords: number;
  readonly #heap: Heap;
  #nCleared = 0;

  constructor(heap: Heap, nWords: number) {
    this.#heap = heap;
    this.nWords = nWords;
    this.at = heap.take(nWords);
    this.tagsAt = 4 * heap.take(nWords >> 3);
  }

  get wordMask(): number {
    return this.nWords - 1;
  }

  /** Clears so many words more, if there are. @returns whether all are */
  clear(nWords: number): boolean {
    const start = this.#nCleared;
    if (start === this.nWords) return true;
    const end = start + nWords;
    this.#heap.words.fill(0, this.at + start, this.at + end);
    this.#heap.bytes.fill(0, this.tagsAt + (start >> 1), this.tagsAt + (end >> 1));
    this.#nCleared = end;
    return end === this.nWords;
  }

  findFrom(first: number, hash: number, value: number): number {
    const { at, wordMask } = this;
    const { words } = this.#heap;
    for (let slot = first & wordMask; ; slot = (slot + 2) & wordMask) {
      const held = words[at + slot + 1] as number;
      if (held === 0) return -1;
      if (words[at + slot] === hash && (value === 0 || held === value)) return at + slot;
    }
  }

  put(hash: number, value: number): void {
    const { at, tagsAt, wordMask } = this;
    const { words, bytes } = this.#heap;
    let slot = (2 * hash) & wordMask;
    while (words[at + slot + 1] !== 0) slot = (slot + 2) & wordMask;
    bytes[tagsAt + (slot >> 1)] = tagOf(hash);
    words[at + slot] = hash;
    words[at + slot + 1] = value;
  }

  remove(place: number): void {
    const { at, tagsAt, wordMask } = this;
    const { words, bytes } = this.#heap;
    let hole = place - at;
    for (let next = (hole + 2) & wordMask; words[at + next + 1] !== 0; next = (next + 2) & wordMask) {
      const home = (2 * (words[at + next] as number)) & wordMask;
      if (((next - home) & wordMask) < ((next - hole) & wordMask)) continue;
      words[at + hole] = words[at + next] as number;
      words[at + hole + 1] = words[at + next + 1] as number;
      bytes[tagsAt + (hole >> 1)] = bytes[tagsAt + (next >> 1)] as number;
      hole = next;
    }
    bytes[tagsAt + (hole >> 1)] = 0;
    words[at + hole] = 0;
    words[at + hole + 1] = 0;
  }

  /** Puts the pairs whose home is at words from `start` on, before `end`, into another place too. */
  copyHomes(start: number, end: number, into: PairPlace): void {
    const { at, wordMask } = this;
    const { words } = this.#heap;
    for (let home = start; home < end; home += 2) {
      for (let slot = home; words[at + slot + 1] !== 0; slot = (slot + 2) & wordMask) {
        const hash = words[at + slot] as number;
        if (((2 * hash) & wordMask) === home) into.put(hash, words[at + slot + 1] as number);
      }
    }
  }

  leave(): void {
    this.#heap.leave(this.at, this.nWords);
    this.#heap.leave(this.tagsAt >> 2, this.nWords >> 3);
  }
}

/** Records of one width, numbered from 0. */
export class RecordTable {
  readonly #heap: Heap;
  readonly #width: number;
  #at: number;
  #nWords: number;
  /** Where the table moves to; -1 when it stays. */
  #nextAt = -1;
  /** Records with lower numbers are at the next place too. */
  #nCopied = 0;

  constructor(heap: Heap, width: number) {
    this.#heap = heap;
    this.#width = width;
    this.#nWords = 1 << (32 - Math.clz32(MIN_RECORDS * width - 1));
    this.#at = heap.take(this.#nWords);
  }

  /** Where the record with this number is in the heap; {@link wrote} is to be called when it was written. */
  place(n: number): number {
    return this.#at + n * this.#width;
  }

  /** The record with this number was written. */
  wrote(n: number): void {
    if (n < this.#nCopied) this.#copy(n, n + 1);
  }

  /** Makes room for the record with this number, and none is above it. @returns true when the table moved */
  reserve(n: number): boolean {
    const nUsed = (n + 1) * this.#width;
    const isSmall = this.#nWords < MIN_WORDS_IN_STEPS;
    if (this.#nextAt < 0 && nUsed > (isSmall ? this.#nWords : (this.#nWords * 3) >> 2))
      this.#nextAt = this.#heap.take(2 * this.#nWords);
    if (this.#nextAt < 0) return false;
    const end = isSmall ? n : Math.min(n, this.#nCopied + RECORDS_PER_STEP);
    if (end > this.#nCopied) this.#copy(this.#nCopied, end);
    this.#nCopied = Math.max(end, this.#nCopied);
    if (this.#nCopied < n) return false;
    this.#heap.leave(this.#at, this.#nWords);
    this.#at = this.#nextAt;
    this.#nWords *= 2;
    this.#nextAt = -1;
    this.#nCopied = 0;
    return true;
  }

  /** Gives the table's places back; it is not used any more. */
  free(): void {
    this.#heap.leave(this.#at, this.#nWords);
    if (this.#nextAt >= 0) this.#heap.leave(this.#nextAt, 2 * this.#nWords);
  }

  #copy(from: number, to: number): void {
    this.#heap.words.copyWithin(this.#nextAt + from * this.#width, this.place(from), this.place(to));
  }
}
