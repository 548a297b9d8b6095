/**
 * Records of words outside the heap of the language: what there are a hundred thousand of costs the collector of garbage nothing.
 *
 * What: places for records, side by side in arrays for many of one width. Why: an object for each field that does not fit in its
 * holder makes each collection longer. How: arrays are never copied and grow in number; one that holds nothing any more is used
 * again, for records of any width, unless it is the last with room. Limits: a record is of at most 32768 words; its width is a
 * multiple of 4.
 */
import { uncountedMemory } from "@tenet/kit";

/** Wider records take a power of two. */
const EXACT_WORDS = 128;
const STEP_WORDS = 4;
/** Of one array, at most. */
const MAX_WORDS = 2 ** 15;
/** The word of the record, from its place on, that leads to the next free one. */
const NOTHING = -1;
/** How many arrays of that length are kept for use when nobody has them: 32 MiB. */
const MAX_SPARE = 256;

/** An array, read as whatever it holds. */
class Memory {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly longs: BigUint64Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(buffer: ArrayBuffer | SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.floats = new Float64Array(buffer);
    this.longs = new BigUint64Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Memory with anything in it; there are few and large ones, so it is the small ones that are not counted among them. */
  static of(nWords: number): Memory {
    if (nWords <= MAX_WORDS / 2) return new Memory(new ArrayBuffer(4 * nWords));
    return spare.pop() ?? new Memory(uncountedMemory(4 * MAX_WORDS));
  }

  /** To be called when nobody has it any more. */
  giveBack(): void {
    if (this.words.length === MAX_WORDS && spare.length < MAX_SPARE) spare.push(this);
  }
}

/** Freed memory of the usual length: arrays that come and go by the megabyte would have the collector stop everything, to free them. */
const spare: Memory[] = [];
/** What there is in the place of memory that was given back: zeros. */
const GONE = new Memory(uncountedMemory(4 * MAX_WORDS));

/** An array of records of one width; a place is that of a record's first word, and even. */
export class Segment {
  words: Int32Array;
  floats: Float64Array;
  longs: BigUint64Array;
  bytes: Uint8Array;
  view: DataView;
  /** Where the array is among those with room; the slab's own. */
  turn: number = NOTHING;
  readonly #slab: Slab;
  #memory: Memory;
  /** Words of all records. */
  readonly #length: number;
  #nHeld = 0;
  /** What lies behind was never given out. */
  #end = 0;
  /** The place that was left last; it holds the one that was left before it. */
  #left = NOTHING;

  constructor(slab: Slab, nRecords: number) {
    this.#slab = slab;
    this.#length = nRecords * slab.width;
    this.#memory = Memory.of(this.#length);
    ({ words: this.words, floats: this.floats, longs: this.longs, bytes: this.bytes, view: this.view } = this.#memory);
  }

  get isEmpty(): boolean {
    return this.#nHeld === 0;
  }

  get isFull(): boolean {
    return this.#left === NOTHING && this.#end === this.#length;
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

  /** Gives a place back; of memory that is gone there are none. */
  leave(at: number): void {
    if (this.#memory === GONE) return;
    this.words[at] = this.#left;
    this.#left = at;
    this.#nHeld--;
    this.#slab.left(this);
  }

  /** Gives its memory back. Who holds a place still finds zeros. */
  close(): void {
    if (this.#memory === GONE) return;
    this.#memory.giveBack();
    this.#memory = GONE;
    ({ words: this.words, floats: this.floats, longs: this.longs, bytes: this.bytes, view: this.view } = GONE);
  }
}

/** All arrays for records of one width. */
class Slab {
  readonly width: number;
  #nHeld = 0;
  readonly #segments = new Set<Segment>();
  /** Arrays with room. */
  readonly #open: Segment[] = [];

  constructor(width: number) {
    this.width = width;
  }

  /** An array with room; the more records there are, the more a new one is for. */
  open(): Segment {
    const open = this.#open.at(-1);
    if (open !== undefined) return open;
    const most = Math.floor(MAX_WORDS / this.width);
    const segment = new Segment(this, 2 * this.#nHeld > most ? most : Math.max(1, this.#nHeld));
    this.#segments.add(segment);
    segment.turn = this.#open.push(segment) - 1;
    return segment;
  }

  took(segment: Segment): void {
    this.#nHeld++;
    if (segment.isFull) this.#setAside(segment);
  }

  left(segment: Segment): void {
    this.#nHeld--;
    if (segment.turn === NOTHING) segment.turn = this.#open.push(segment) - 1;
    else if (segment.isEmpty && this.#open.length > 1) {
      this.#setAside(segment);
      this.#segments.delete(segment);
      segment.close();
    }
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  /** An array is not among those with room any more. */
  #setAside(segment: Segment): void {
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

  /** Gives all memory back; there are to be no new records. Who holds one still finds zeros. */
  close(): void {
    for (const slab of this.#slabs) slab?.close();
  }
}
