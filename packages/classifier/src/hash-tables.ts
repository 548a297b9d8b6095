/**
 * The tables of all subtables, side by side in one array, so that a lookup that probes many of them touches few cache lines.
 *
 * A hash table is pairs of a hash and a value that is not 0; open addressing with linear probing and backward-shift removal, so
 * that it never holds tombstones. A byte per pair has eight bits of the hash: most probes of what is not there end at it.
 *
 * A table that outgrows its place is copied to a larger one a little at a time, while it is looked up where it was: what changes in
 * the part that was copied changes in both. Limits: the array itself is copied at once, a millisecond for 4 MB; one that grows in its
 * place (`maxByteLength`) is read a tenth slower.
 */

const MIN_SLOTS = 8;
const MIN_WORDS = 1024;
/** Smaller tables are copied at once. */
const MIN_WORDS_IN_STEPS = 8192;
/** How many places of a hash table, and how many records, are copied whenever one is added. */
const [SLOTS_PER_STEP, RECORDS_PER_STEP] = [16, 8];

/** The array that tables live in; a table that outgrows its place moves, and leaves it to one of that size. */
export class HashHeap {
  words: Int32Array = new Int32Array(MIN_WORDS);
  /** For each pair the {@link tagOf} its hash, or 0; that of the pair at `place` is at `place >> 1`. */
  tags: Uint8Array = new Uint8Array(MIN_WORDS >> 1);
  #end = 0;
  /** Places that were left, by the logarithm of their size. */
  readonly #free: number[][] = [];

  /** A place of so many words, a power of two, all 0. */
  take(nWords: number): number {
    const left = this.#free[Math.clz32(nWords)]?.pop();
    if (left !== undefined) {
      this.words.fill(0, left, left + nWords);
      this.tags.fill(0, left >> 1, (left + nWords) >> 1);
      return left;
    }
    const at = this.#end;
    this.#end += nWords;
    if (this.#end > this.words.length) {
      const larger = new Int32Array(Math.max(this.#end, 2 * this.words.length));
      const tags = new Uint8Array(larger.length >> 1);
      larger.set(this.words);
      tags.set(this.tags);
      this.words = larger;
      this.tags = tags;
    }
    return at;
  }

  /** Gives a place back. */
  leave(at: number, nWords: number): void {
    const log = Math.clz32(nWords);
    const places = this.#free[log];
    if (places === undefined) this.#free[log] = [at];
    else places.push(at);
  }
}

/** What stands for a hash in the tags; never 0. */
export function tagOf(hash: number): number {
  return (hash >>> 24) | 1;
}

/** One hash table. */
export class HashTable {
  readonly #heap: HashHeap;
  #at: number;
  #nWords = 2 * MIN_SLOTS;
  #nUsed = 0;
  /** Where the table moves to; -1 when it stays. */
  #nextAt = -1;
  /** What belongs at words below this one is at the next place too. */
  #nCopied = 0;

  constructor(heap: HashHeap) {
    this.#heap = heap;
    this.#at = heap.take(this.#nWords);
  }

  /** Where the table is now; a pair with hash `h` is at `2 * h & wordMask` from here, or behind. */
  get at(): number {
    return this.#at;
  }

  /** The table's words less 1. */
  get wordMask(): number {
    return this.#nWords - 1;
  }

  /** Puts a pair in. @returns true when the table moved */
  add(hash: number, value: number): boolean {
    if (++this.#nUsed * 4 > this.#nWords && this.#nextAt < 0) this.#nextAt = this.#heap.take(2 * this.#nWords);
    this.#put(this.#at, this.wordMask, hash, value);
    if (this.#isCopied(hash)) this.#put(this.#nextAt, this.#nextMask, hash, value);
    return this.#nextAt >= 0 && this.#moveOn();
  }

  /** The place of the first pair with this hash, and this value if one is given; -1 when there is none. */
  find(hash: number, value = 0): number {
    return this.#findFrom(this.#at, this.wordMask, 2 * hash, hash, value);
  }

  /** The place of the next pair with the hash of the one at a place; -1 when there is none. */
  findNext(place: number): number {
    return this.#findFrom(this.#at, this.wordMask, place - this.#at + 2, this.#heap.words[place] as number, 0);
  }

  #findFrom(at: number, mask: number, first: number, hash: number, value: number): number {
    const { words } = this.#heap;
    for (let slot = first & mask; ; slot = (slot + 2) & mask) {
      const held = words[at + slot + 1] as number;
      if (held === 0) return -1;
      if (words[at + slot] === hash && (value === 0 || held === value)) return at + slot;
    }
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
    if (copy >= 0) this.#removeFrom(this.#nextAt, this.#nextMask, copy);
    this.#removeFrom(this.#at, this.wordMask, place);
    this.#nUsed--;
  }

  /** Gives the table's places back; it is not used any more. */
  free(): void {
    this.#heap.leave(this.#at, this.#nWords);
    if (this.#nextAt >= 0) this.#heap.leave(this.#nextAt, 2 * this.#nWords);
  }

  get #nextMask(): number {
    return 2 * this.#nWords - 1;
  }

  #isCopied(hash: number): boolean {
    return ((2 * hash) & this.wordMask) < this.#nCopied;
  }

  /** Where the pair at a place is in the next place; -1 when it is not there. */
  #copyOf(place: number): number {
    const { words } = this.#heap;
    const hash = words[place] as number;
    if (!this.#isCopied(hash)) return -1;
    return this.#findFrom(this.#nextAt, this.#nextMask, 2 * hash, hash, words[place + 1] as number);
  }

  /** Copies some more; a small table whole. @returns whether the table is at its next place now */
  #moveOn(): boolean {
    const { words } = this.#heap;
    const [at, mask] = [this.#at, this.wordMask];
    const end = this.#nWords < MIN_WORDS_IN_STEPS ? this.#nWords : this.#nCopied + 2 * SLOTS_PER_STEP;
    for (let home = this.#nCopied; home < end; home += 2) {
      for (let slot = home; words[at + slot + 1] !== 0; slot = (slot + 2) & mask) {
        const hash = words[at + slot] as number;
        if (((2 * hash) & mask) === home) this.#put(this.#nextAt, this.#nextMask, hash, words[at + slot + 1] as number);
      }
    }
    this.#nCopied = end;
    if (end < this.#nWords) return false;
    this.#heap.leave(at, this.#nWords);
    this.#at = this.#nextAt;
    this.#nWords *= 2;
    this.#nextAt = -1;
    this.#nCopied = 0;
    return true;
  }

  #put(at: number, mask: number, hash: number, value: number): void {
    const { words, tags } = this.#heap;
    let slot = (2 * hash) & mask;
    while (words[at + slot + 1] !== 0) slot = (slot + 2) & mask;
    tags[(at + slot) >> 1] = tagOf(hash);
    words[at + slot] = hash;
    words[at + slot + 1] = value;
  }

  #removeFrom(at: number, mask: number, place: number): void {
    const { words, tags } = this.#heap;
    let hole = place - at;
    for (let next = (hole + 2) & mask; words[at + next + 1] !== 0; next = (next + 2) & mask) {
      const home = (2 * (words[at + next] as number)) & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      words[at + hole] = words[at + next] as number;
      words[at + hole + 1] = words[at + next + 1] as number;
      tags[(at + hole) >> 1] = tags[(at + next) >> 1] as number;
      hole = next;
    }
    tags[(at + hole) >> 1] = 0;
    words[at + hole] = 0;
    words[at + hole + 1] = 0;
  }
}

/** Records of one width, numbered from 0. */
export class RecordTable {
  readonly #heap: HashHeap;
  readonly #width: number;
  #at: number;
  #nWords: number;
  /** Where the table moves to; -1 when it stays. */
  #nextAt = -1;
  /** Records with lower numbers are at the next place too. */
  #nCopied = 0;

  constructor(heap: HashHeap, width: number) {
    this.#heap = heap;
    this.#width = width;
    this.#nWords = 1 << (32 - Math.clz32(MIN_SLOTS * width - 1));
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
