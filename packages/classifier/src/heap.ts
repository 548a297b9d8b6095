/**
 * The array that all tables and tries of a classifier lie in, side by side, so that a lookup reads one array and touches few cache lines.
 *
 * What grows takes a larger place and leaves its own to the next that wants one of that size. The array itself is never copied once it
 * is large: it is a WebAssembly memory then, the one kind that grows in its place and whose views are read as fast as any. It is
 * of the shared kind because growing another would cut off the views of it, and make V8 look for that wherever an array is read.
 *
 * Limits: 1 GiB. V8 reserves some 10 GiB of addresses for each such memory; where a process may not have them (`ulimit -v`) the array is
 * copied whenever it grows.
 */

/** What there is of it in this language's environment, whose declarations leave it out. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => GrowingMemory;
};

interface GrowingMemory {
  readonly buffer: SharedArrayBuffer;
  grow(nPages: number): number;
}

const MIN_WORDS = 1024;
/** An array of more is not copied any more. */
const MAX_WORDS_COPIED = 2 ** 15;
const MAX_WORDS = 2 ** 28;
const WORDS_PER_PAGE = 2 ** 14;
/** Words of a cache line. */
const LINE = 16;

/** Gives out places in an array of words; its first words are nobody's and stay 0. */
export class Heap {
  words: Int32Array = new Int32Array(MIN_WORDS);
  /** The same memory; that of the word at `place` is from `4 * place` on. */
  bytes: Uint8Array = new Uint8Array(this.words.buffer);
  #memory: GrowingMemory | undefined;
  /** Whether there was no memory that grows. */
  #isCopied = false;
  #end = LINE;
  /** By the logarithm of their size the places that were left: the first; each holds the next, the last 0. */
  readonly #free = new Int32Array(32);

  /** A place of so many words, a power of two, with anything in them. */
  take(nWords: number): number {
    const log = 31 - Math.clz32(nWords);
    const left = this.#free[log] as number;
    if (left > 0) {
      this.#free[log] = this.words[left] as number;
      return left;
    }
    const unit = Math.min(nWords, LINE);
    const at = (this.#end + unit - 1) & -unit;
    const end = at + nWords;
    if (end > this.words.length) this.#grow(end);
    this.#end = end;
    return at;
  }

  /** Gives a place back. */
  leave(at: number, nWords: number): void {
    const log = 31 - Math.clz32(nWords);
    this.words[at] = this.#free[log] as number;
    this.#free[log] = at;
  }

  /** Makes room for so many words, and if it can be for twice as many as there were. */
  #grow(nWords: number): void {
    if (nWords > MAX_WORDS) throw new RangeError("the tables of a classifier take more than 1 GiB");
    const nTwice = Math.min(2 * this.words.length, MAX_WORDS);
    const grown = this.#grown(Math.max(nWords, nTwice)) ?? this.#grown(nWords);
    if (grown === undefined) throw new RangeError(`no memory for ${4 * nWords} bytes of tables of a classifier`);
    this.words = grown;
    this.bytes = new Uint8Array(grown.buffer);
  }

  /** The words in an array of at least so many; undefined when there is no memory for it. */
  #grown(nWords: number): Int32Array | undefined {
    const isLarge = nWords > MAX_WORDS_COPIED;
    const inPlace = isLarge && !this.#isCopied ? unlessRefused(() => this.#grownInPlace(nWords)) : undefined;
    if (inPlace !== undefined) return inPlace;
    const copy = unlessRefused(() => new Int32Array(nWords));
    if (copy === undefined) return undefined;
    copy.set(this.words);
    this.#isCopied = isLarge;
    this.#memory = undefined;
    return copy;
  }

  #grownInPlace(nWords: number): Int32Array {
    const nPages = Math.ceil(nWords / WORDS_PER_PAGE);
    const { words } = this;
    if (this.#memory !== undefined) {
      this.#memory.grow(nPages - words.length / WORDS_PER_PAGE);
      return new Int32Array(this.#memory.buffer);
    }
    this.#memory = new WebAssembly.Memory({ initial: nPages, maximum: MAX_WORDS / WORDS_PER_PAGE, shared: true });
    const grown = new Int32Array(this.#memory.buffer);
    grown.set(words);
    return grown;
  }
}

/** What is allocated; undefined when there is no room for it. */
function unlessRefused(allocate: () => Int32Array): Int32Array | undefined {
  try {
    return allocate();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
