/**
 * The tables of all subtables, side by side in one array, so that a lookup that probes many of them touches few cache lines.
 *
 * A hash table is pairs of a hash and a value that is not 0; open addressing with linear probing and backward-shift removal, so
 * that it never holds tombstones. A byte per pair has eight bits of the hash: most probes of what is not there end at it.
 */

const MIN_SLOTS = 8;
const MIN_WORDS = 1024;

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
    const isFull = ++this.#nUsed * 4 > this.#nWords;
    if (isFull) this.#grow();
    this.#put(hash, value);
    return isFull;
  }

  /** The place of the first pair with this hash, and this value if one is given; -1 when there is none. */
  find(hash: number, value = 0): number {
    return this.#findFrom((2 * hash) & this.wordMask, hash, value);
  }

  /** The place of the next pair with the hash of the one at a place; -1 when there is none. */
  findNext(place: number): number {
    const slot = place - this.#at;
    return this.#findFrom((slot + 2) & this.wordMask, this.#heap.words[place] as number, 0);
  }

  #findFrom(first: number, hash: number, value: number): number {
    const { words } = this.#heap;
    for (let slot = first; ; slot = (slot + 2) & this.wordMask) {
      const held = words[this.#at + slot + 1] as number;
      if (held === 0) return -1;
      if (words[this.#at + slot] === hash && (value === 0 || held === value)) return this.#at + slot;
    }
  }

  /** Gives the pair at a place another value, which is not 0. */
  setValue(place: number, value: number): void {
    this.#heap.words[place + 1] = value;
  }

  /** Adds to the value of the pair at a place. @returns the sum; who makes it 0 has to remove the pair */
  count(place: number, more: number): number {
    const sum = (this.#heap.words[place + 1] as number) + more;
    if (sum > 0) this.#heap.words[place + 1] = sum;
    return sum;
  }

  /** Takes the pair at a place out. */
  remove(place: number): void {
    const { words, tags } = this.#heap;
    const [at, mask] = [this.#at, this.wordMask];
    this.#nUsed--;
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

  /** Gives the table's place back; it is not used any more. */
  free(): void {
    this.#heap.leave(this.#at, this.#nWords);
  }

  #put(hash: number, value: number): void {
    const { words, tags } = this.#heap;
    let slot = (2 * hash) & this.wordMask;
    while (words[this.#at + slot + 1] !== 0) slot = (slot + 2) & this.wordMask;
    tags[(this.#at + slot) >> 1] = tagOf(hash);
    words[this.#at + slot] = hash;
    words[this.#at + slot + 1] = value;
  }

  #grow(): void {
    const [before, nBefore] = [this.#at, this.#nWords];
    this.#nWords = 2 * nBefore;
    this.#at = this.#heap.take(this.#nWords);
    const { words } = this.#heap;
    for (let slot = before; slot < before + nBefore; slot += 2) {
      if (words[slot + 1] !== 0) this.#put(words[slot] as number, words[slot + 1] as number);
    }
    this.#heap.leave(before, nBefore);
  }
}

/** Records of one width, numbered from 0. */
export class RecordTable {
  readonly #heap: HashHeap;
  readonly #width: number;
  #at: number;
  #nWords: number;

  constructor(heap: HashHeap, width: number) {
    this.#heap = heap;
    this.#width = width;
    this.#nWords = 1 << (32 - Math.clz32(MIN_SLOTS * width - 1));
    this.#at = heap.take(this.#nWords);
  }

  /** Where the record with this number is in the heap. */
  place(n: number): number {
    return this.#at + n * this.#width;
  }

  /** Makes room for the record with this number. @returns true when the table moved */
  reserve(n: number): boolean {
    if ((n + 1) * this.#width <= this.#nWords) return false;
    const [before, nBefore] = [this.#at, this.#nWords];
    this.#nWords = 2 * nBefore;
    this.#at = this.#heap.take(this.#nWords);
    this.#heap.words.copyWithin(this.#at, before, before + nBefore);
    this.#heap.leave(before, nBefore);
    return true;
  }

  /** Gives the table's place back; it is not used any more. */
  free(): void {
    this.#heap.leave(this.#at, this.#nWords);
  }
}
