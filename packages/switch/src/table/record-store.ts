/**
 * Records of words outside the heap of the language: what there are a hundred thousand of costs the collector of garbage nothing.
 *
 * What: places for records, side by side in arrays for many of one width. Why: an object for each field that does not fit in its
 * holder makes each collection longer. How: arrays are never copied and grow in number; one that holds nothing any more is left to
 * the collector, unless it is the last with room. Limits: a record is of at most 32768 words; its width is a multiple of 4.
 */

/** Wider records take a power of two. */
const EXACT_WORDS = 128;
const STEP_WORDS = 4;
/** Of one array, at most. */
const MAX_RECORDS = 1024;
const MAX_WORDS = 2 ** 15;
/** The word of the record, from its place on, that leads to the next free one. */
const NOTHING = -1;

/** An array of records of one width, read as whatever they hold; a place is that of a record's first word, and even. */
export class Segment {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly longs: BigUint64Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the array is among those with room; the slab's own. */
  turn: number = NOTHING;
  readonly #slab: Slab;
  #nHeld = 0;
  /** What lies behind was never given out. */
  #end = 0;
  /** The place that was left last; it holds the one that was left before it. */
  #left = NOTHING;

  constructor(slab: Slab, nRecords: number) {
    const buffer = new ArrayBuffer(4 * nRecords * slab.width);
    this.words = new Int32Array(buffer);
    this.floats = new Float64Array(buffer);
    this.longs = new BigUint64Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.#slab = slab;
  }

  get isEmpty(): boolean {
    return this.#nHeld === 0;
  }

  get isFull(): boolean {
    return this.#left === NOTHING && this.#end === this.words.length;
  }

  /** A place, with anything in it; there has to be one. */
  take(): number {
    let at = this.#left;
    if (at === NOTHING) {
      at = this.#end;
      this.#end += this.#slab.width;
    } else this.#left = this.words[at] as number;
    this.#nHeld++;
    this.#slab.took(this);
    return at;
  }

  /** Gives a place back. */
  leave(at: number): void {
    this.words[at] = this.#left;
    this.#left = at;
    this.#nHeld--;
    this.#slab.left(this);
  }
}

/** All arrays for records of one width. */
class Slab {
  readonly width: number;
  #nHeld = 0;
  /** Arrays with room. */
  readonly #open: Segment[] = [];

  constructor(width: number) {
    this.width = width;
  }

  /** An array with room; the more records there are, the more a new one is for. */
  open(): Segment {
    const open = this.#open.at(-1);
    if (open !== undefined) return open;
    const most = Math.min(MAX_RECORDS, Math.floor(MAX_WORDS / this.width));
    const segment = new Segment(this, Math.min(most, Math.max(1, this.#nHeld)));
    segment.turn = this.#open.push(segment) - 1;
    return segment;
  }

  took(segment: Segment): void {
    this.#nHeld++;
    if (segment.isFull) this.#close(segment);
  }

  left(segment: Segment): void {
    this.#nHeld--;
    if (segment.turn === NOTHING) segment.turn = this.#open.push(segment) - 1;
    else if (segment.isEmpty && this.#open.length > 1) this.#close(segment);
  }

  #close(segment: Segment): void {
    const last = this.#open.pop() as Segment;
    if (last !== segment) {
      this.#open[segment.turn] = last;
      last.turn = segment.turn;
    }
    segment.turn = NOTHING;
  }
}

/** Gives out places for records. */
export class RecordStore {
  readonly #slabs: (Slab | undefined)[] = [];

  /** An array with room for a record of so many words; {@link Segment.take} is to follow. */
  open(nWords: number): Segment {
    const steps = Math.ceil(nWords / STEP_WORDS);
    const number = nWords <= EXACT_WORDS ? steps : EXACT_WORDS + 32 - Math.clz32(nWords - 1);
    let slab = this.#slabs[number];
    if (slab === undefined) {
      slab = new Slab(nWords <= EXACT_WORDS ? steps * STEP_WORDS : 2 ** (32 - Math.clz32(nWords - 1)));
      this.#slabs[number] = slab;
    }
    return slab.open();
  }
}
