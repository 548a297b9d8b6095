/**
 * An index of a store: from the values of some columns to the rows that have them.
 *
 * What: open addressing from a key to its row, or to a block of rows in an arena when there are several. No key is stored: the first
 * row has it. A block that is full moves to twice the room. What a slot holds: `key-slot.ts`.
 * Why: a walk over the rows of a key reads them side by side, a key with one row costs four bytes per slot and nothing else.
 * Ids of one column that lie close together, as numbers of things and texts that came one after the other do, are no hash's business: they
 * have a slot each, in their order, so that no look-up meets the row of another key.
 * How: rows leave by moving the last one of the block into their place. Where that is, is searched in small blocks; once a block is
 * large, `#positions` knows it for every row.
 * Limits: rows come and go only between walks; who walks may hold on to the arena meanwhile.
 */

import { AppError } from "@tenet/kit";
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import { displacementOf } from "./displacement.ts";
import { IntList } from "./int-list.ts";
import {
  BLOCK_HEADER,
  blockEntry,
  decoded,
  FACTOR,
  HOME,
  HOME_SHIFT,
  homeBits,
  NUMBER,
  PLACE_WORDS,
  type Seek,
  seekOf,
} from "./key-slot.ts";
import { KeySpan } from "./key-span.ts";

/** The rows of a store, as far as an index needs them. */
export interface IndexedRows {
  data: Int32Array;
  readonly stride: number;
  /** Row numbers are below this. */
  readonly end: number;
}

const LARGE_BLOCK = 64;

const FIRST_SLOTS = 16;

/** Rows by the values of `columns`. */
export class KeyIndex {
  readonly columns: readonly number[];
  readonly rows: IndexedRows;
  readonly seek: Seek;
  slots: Int32Array = new Int32Array(FIRST_SLOTS);
  arena: Int32Array = new Int32Array(64);
  /** Number of distinct keys. */
  nKeys = 0;
  /** Keys with a slot each: the least one, and how many there may be from there besides; -1 if keys are hashed. */
  least = 0;
  reach = -1;
  /** How keys are hashed: what leaves them in their order, if they have a slot each. */
  factor: number = FACTOR;
  fold = -1;
  /** Of indexes on one column. */
  #span = new KeySpan();
  readonly #seekKey: (index: KeyIndex, key: Int32Array) => number;
  /** First unused word of the arena; 0 is no place. */
  #end: number = PLACE_WORDS;
  /** Places of free blocks by the logarithm of their room, rounded down. */
  readonly #free: number[][] = [];
  /** Once a block is large: where in its block each row stands. */
  #positions: Uint16Array | Int32Array | undefined;

  constructor(rows: IndexedRows, columns: readonly number[]) {
    this.rows = rows;
    this.columns = columns;
    const { seek, seekKey } = seekOf(columns);
    this.seek = seek;
    this.#seekKey = seekKey;
  }

  /** The rows with this key (values in the order of `columns`); a view, good until rows come or go. */
  rowsOf(key: Int32Array): Int32Array {
    const entry = this.#seekKey(this, key);
    if (entry >= 0) return entry === 0 ? NO_ROWS : Int32Array.of(entry - 1);
    const first = BLOCK_HEADER - entry;
    return this.arena.subarray(first, first + (this.arena[-entry] as number));
  }

  /** Fills an empty index with the rows below `end` that `isIn` has. */
  build(end: number, isIn: (row: number) => boolean): void {
    this.#makeRoom(end, isIn);
    const keyOf = new Int32Array(end).fill(-1);
    const counts = new IntList();
    const firsts = new IntList();
    for (let row = 0; row < end; row++) {
      if (!isIn(row)) continue;
      const hash = this.#hashOf(row);
      const slot = this.#slotOf(row, hash);
      const first = ((this.slots[slot] as number) & NUMBER) - 1;
      let key = first < 0 ? this.nKeys : (keyOf[first] as number);
      if (first < 0) {
        this.slots[slot] = (row + 1) | homeBits(hash);
        key = this.nKeys++;
        firsts.push(row);
        counts.push(0);
        this.#growIfDue();
      }
      keyOf[row] = key;
      (counts.items[key] as number)++;
    }
    if (this.nKeys * 8 < this.slots.length) this.#resize(slotsFor(this.nKeys));
    const places = this.#layOut(firsts, counts);
    for (let row = 0; row < end; row++) {
      const key = keyOf[row] as number;
      const at = key < 0 ? 0 : (places[key] as number);
      if (at === 0) continue;
      const n = this.arena[at] as number;
      this.arena[at + BLOCK_HEADER + n] = row;
      this.arena[at] = n + 1;
    }
    if (counts.values().some((n) => n > LARGE_BLOCK)) this.#notePositions();
  }

  /** Makes the blocks of the keys with several rows, and tells where. */
  #layOut(firsts: IntList, counts: IntList): Int32Array {
    const places = new Int32Array(this.nKeys);
    let end = this.#end;
    for (let key = 0; key < places.length; key++) {
      const n = counts.items[key] as number;
      if (n < 2) continue;
      places[key] = end;
      end += wordsFor(roomFor(n));
    }
    this.#end = end;
    this.arena = new Int32Array(Math.max(64, end + spareFor(end)));
    const { slots } = this;
    for (let key = 0; key < places.length; key++) {
      const at = places[key] as number;
      if (at === 0) continue;
      const first = firsts.items[key] as number;
      const hash = this.#hashOf(first);
      this.arena[at + 1] = wordsFor(roomFor(counts.items[key] as number)) - BLOCK_HEADER;
      slots[this.#slotOf(first, hash)] = blockEntry(at, hash);
      this.arena[at + BLOCK_HEADER] = first;
    }
    return places;
  }

  /** Puts a row in; returns how many rows its key has now. */
  add(row: number): number {
    if (this.columns.length === 1) this.#expect(this.#idOf(row));
    const hash = this.#hashOf(row);
    const slot = this.#slotOf(row, hash);
    const entry = decoded(this.slots[slot] as number);
    if (entry === 0) {
      this.slots[slot] = (row + 1) | homeBits(hash);
      this.nKeys++;
      this.#growIfDue();
      return 1;
    }
    let at = -entry;
    if (entry > 0) {
      at = this.#allocate(1);
      this.slots[slot] = blockEntry(at, hash);
      this.arena[at] = 1;
      this.arena[at + BLOCK_HEADER] = entry - 1;
      this.#place(entry - 1, 0);
    }
    const n = this.arena[at] as number;
    if (n === this.arena[at + 1]) {
      at = this.#move(at, n);
      this.slots[slot] = blockEntry(at, hash);
    }
    this.arena[at + BLOCK_HEADER + n] = row;
    this.arena[at] = n + 1;
    this.#place(row, n);
    return n + 1;
  }

  remove(row: number): void {
    const hash = this.#hashOf(row);
    const slot = this.#slotOf(row, hash);
    const entry = decoded(this.slots[slot] as number);
    if (entry > 0) {
      this.#close(slot);
      this.nKeys--;
      this.#shrinkIfDue();
      return;
    }
    const { arena } = this;
    const at = -entry;
    const n = (arena[at] as number) - 1;
    const last = arena[at + BLOCK_HEADER + n] as number;
    const position = this.#positionOf(row, at, n);
    arena[at + BLOCK_HEADER + position] = last;
    arena[at] = n;
    this.#place(last, position);
    if (n > 1) return;
    this.slots[slot] = ((arena[at + BLOCK_HEADER] as number) + 1) | homeBits(hash);
    this.#release(at);
  }

  /** How many rows the key has that has most. */
  mostRows(): number {
    let most = Math.min(1, this.nKeys);
    for (const slot of this.slots) {
      const entry = decoded(slot);
      if (entry < 0) most = Math.max(most, this.arena[-entry] as number);
    }
    return most;
  }

  /** Takes out all rows. */
  clear(): void {
    this.slots = new Int32Array(FIRST_SLOTS);
    this.#span = new KeySpan();
    this.#order(false);
    this.arena = new Int32Array(64);
    this.nKeys = 0;
    this.#end = PLACE_WORDS;
    this.#free.length = 0;
    this.#positions = undefined;
  }

  /** Writes the index. */
  save(to: SectionWriter, name: string): void {
    const { least, greatest, kinds } = this.#span;
    const isOrdered = this.reach < 0 ? 0 : 1;
    to.ints(`${name}.index`, Int32Array.of(least, greatest, kinds, isOrdered, this.nKeys, this.#end));
    to.ints(`${name}.slots`, this.slots);
    to.ints(`${name}.arena`, this.arena.subarray(0, this.#end), spareFor(this.#end));
    to.ints(`${name}.free`, Int32Array.from(this.#free.flatMap((places) => places ?? [])));
    const positions = this.#positions?.subarray(0, this.rows.end);
    if (positions === undefined) return;
    const nSpare = spareFor(positions.length);
    if (positions instanceof Uint16Array) to.words(`${name}.positions`, positions, nSpare);
    else to.ints(`${name}.many`, positions, nSpare);
  }

  /** Takes over what {@link save} wrote. */
  load(from: SectionReader<unknown>, name: string): void {
    const [least = 0, greatest = 0, kinds = 0, isOrdered = 0, nKeys = 0, end = 0] = from.ints(`${name}.index`);
    Object.assign(this.#span, { least, greatest, kinds });
    this.#order(isOrdered === 1);
    this.slots = from.ints(`${name}.slots`);
    this.arena = from.ints(`${name}.arena`);
    this.nKeys = nKeys;
    this.#end = end;
    for (const at of from.ints(`${name}.free`)) this.#release(at);
    if (from.has(`${name}.positions`)) this.#positions = from.words(`${name}.positions`);
    else if (from.has(`${name}.many`)) this.#positions = from.ints(`${name}.many`);
  }

  /** The slot of the row's key: where it is, or where it may be put. */
  #slotOf(row: number, hash: number): number {
    const { slots, columns } = this;
    const { data, stride } = this.rows;
    const base = row * stride;
    const mask = slots.length - 1;
    const home = homeBits(hash);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as number;
      if (entry === 0) return slot;
      if ((entry & HOME) !== home) continue;
      const other = this.#rowOf(entry) * stride;
      let i = 0;
      while (i < columns.length && data[other + (columns[i] as number)] === data[base + (columns[i] as number)]) i++;
      if (i === columns.length) return slot;
    }
  }

  /** The first row of what is in a slot. */
  #rowOf(slot: number): number {
    const entry = decoded(slot);
    return entry > 0 ? entry - 1 : (this.arena[BLOCK_HEADER - entry] as number);
  }

  #hashOf(row: number): number {
    const { columns, factor, fold } = this;
    const { data, stride } = this.rows;
    const base = row * stride;
    let hash = 0;
    const nOthers = columns.length - 1;
    for (let i = 0; i < nOthers; i++) {
      hash = Math.imul(hash ^ (hash >>> 15) ^ (data[base + (columns[i] as number)] as number), 0x9e3779b1);
    }
    const last = data[base + (columns[nOthers] as number)] as number;
    hash = Math.imul(hash ^ (hash >>> 15) ^ (last >> 5), factor);
    return ((hash ^ ((hash >>> 13) & fold)) << 4) ^ ((last >> 1) & 15);
  }

  /** The key of a row, of one column. */
  #idOf(row: number): number {
    return this.rows.data[row * this.rows.stride + (this.columns[0] as number)] as number;
  }

  /** Room for the keys of the rows that an index is built of, if they can have a slot each. */
  #makeRoom(end: number, isIn: (row: number) => boolean): void {
    if (this.columns.length !== 1) return;
    let n = 0;
    for (let row = 0; row < end; row++) {
      if (!isIn(row)) continue;
      this.#span.note(this.#idOf(row));
      n++;
    }
    if (this.#span.length <= slotsFor(n)) this.#resize(slotsFor(n));
  }

  /** Sees to it that a key has its slot, where keys have one each. */
  #expect(id: number): void {
    this.#span.note(id);
    if (this.reach < 0) return;
    if (this.#span.length <= this.slots.length) this.#order(true);
    else {
      // Ids that grow all the time leave others behind; half as much room again is for those that come next.
      this.#measure();
      this.#span.note(id);
      this.#resize(slotsFor(this.nKeys + 1), 1.5);
    }
  }

  #growIfDue(): void {
    if (this.reach < 0 && this.nKeys * 2 > this.slots.length) this.#resize(this.slots.length * 2);
  }

  #shrinkIfDue(): void {
    if (this.slots.length === FIRST_SLOTS || this.nKeys * 8 >= this.slots.length) return;
    if (this.columns.length === 1) this.#measure();
    this.#resize(this.slots.length / 2);
  }

  /** Notes how far apart the keys lie that are there. */
  #measure(): void {
    this.#span = new KeySpan();
    for (const entry of this.slots) if (entry !== 0) this.#span.note(this.#idOf(this.#rowOf(entry)));
  }

  /** Notes whether keys have a slot each, and up to where. */
  #order(isOrdered: boolean): void {
    const { least, length } = this.#span;
    this.least = isOrdered ? least : 0;
    this.reach = isOrdered ? length - 1 : -1;
    this.factor = isOrdered ? 1 : FACTOR;
    this.fold = isOrdered ? 0 : -1;
  }

  /** Empties a slot and shifts later ones back. */
  #close(slot: number): void {
    const { slots } = this;
    if (this.reach >= 0) {
      slots[slot] = 0;
      return;
    }
    const mask = slots.length - 1;
    let hole = slot;
    for (let i = (hole + 1) & mask; slots[i] !== 0; i = (i + 1) & mask) {
      const entry = slots[i] as number;
      let distance = displacementOf(slots, i, (entry & HOME) >> HOME_SHIFT);
      if (distance < 0) distance = (i - this.#hashOf(this.#rowOf(entry))) & mask;
      if (distance < ((i - hole) & mask)) continue;
      slots[hole] = entry;
      hole = i;
    }
    slots[hole] = 0;
  }

  /** Lays the slots out anew: so many for hashed keys, no more if each key can have one of its own. */
  #resize(nHashed: number, slack = 1): void {
    const before = this.slots;
    const nOrdered = this.#span.length * slack;
    const isOrdered = nOrdered <= nHashed;
    const slots = new Int32Array(isOrdered ? Math.max(FIRST_SLOTS, 1 << logOf(nOrdered)) : nHashed);
    const mask = slots.length - 1;
    this.#order(isOrdered);
    for (let k = 0; k < before.length; k++) {
      const entry = before[k] as number;
      if (entry === 0) continue;
      let i = this.#hashOf(this.#rowOf(entry)) & mask;
      while (slots[i] !== 0) i = (i + 1) & mask;
      slots[i] = entry;
    }
    this.slots = slots;
  }

  #allocate(log: number): number {
    const free = this.#free[log]?.pop();
    const at = free ?? this.#end;
    if (free === undefined) {
      this.#end += wordsFor(1 << log);
      if (this.#end > this.arena.length) this.arena = enlarged(this.arena, Math.max(this.#end, grownLength(this.arena.length)));
    }
    this.arena[at] = 0;
    if (free === undefined) this.arena[at + 1] = wordsFor(1 << log) - BLOCK_HEADER;
    return at;
  }

  #release(at: number): void {
    const log = 31 - Math.clz32(this.arena[at + 1] as number);
    const list = this.#free[log];
    if (list === undefined) this.#free[log] = [at];
    else list.push(at);
  }

  /** Moves a full block to twice the room. */
  #move(at: number, n: number): number {
    const to = this.#allocate(logOf(2 * n));
    const { arena } = this;
    arena.copyWithin(to + BLOCK_HEADER, at + BLOCK_HEADER, at + BLOCK_HEADER + n);
    arena[to] = n;
    this.#release(at);
    if (n >= LARGE_BLOCK && this.#positions === undefined) this.#notePositions();
    return to;
  }

  #notePositions(): void {
    this.#positions = new Uint16Array(this.rows.end);
    for (const slot of this.slots) {
      const entry = decoded(slot);
      if (entry >= 0) continue;
      const first = BLOCK_HEADER - entry;
      const n = this.arena[-entry] as number;
      for (let i = 0; i < n; i++) this.#place(this.arena[first + i] as number, i);
    }
  }

  #place(row: number, position: number): void {
    if (this.#positions === undefined) return;
    const room = row < this.#positions.length ? 0 : Math.max(row + 1, grownLength(this.#positions.length));
    if (room > 0 || (position > 0xffff && this.#positions instanceof Uint16Array)) {
      const larger =
        position > 0xffff || this.#positions instanceof Int32Array
          ? new Int32Array(Math.max(room, this.#positions.length))
          : new Uint16Array(room);
      larger.set(this.#positions);
      this.#positions = larger;
    }
    this.#positions[row] = position;
  }

  #positionOf(row: number, at: number, n: number): number {
    const noted = this.#positions?.[row];
    if (noted !== undefined && n > LARGE_BLOCK) return noted;
    const first = at + BLOCK_HEADER;
    let i = n;
    while (i >= 0 && this.arena[first + i] !== row) i--;
    if (i < 0) throw new AppError(`Row ${row} is not in the index that it leaves`, { code: "DATALOG_INDEX" });
    return i;
  }
}

const NO_ROWS = new Int32Array(0);

/** Slots for so many hashed keys. */
function slotsFor(nKeys: number): number {
  return Math.max(FIRST_SLOTS, 1 << logOf(2 * nKeys));
}

/** The room of a block that is built for so many rows. */
function roomFor(n: number): number {
  return n + (n >> 5);
}

/** Room for what comes to an array of so many elements. */
export function spareFor(length: number): number {
  return length >> 5;
}

/** The words of a block with room for at least so many rows. */
function wordsFor(room: number): number {
  return (BLOCK_HEADER + room + PLACE_WORDS - 1) & -PLACE_WORDS;
}

/** The logarithm of the least power of two that is not less than `n`. */
function logOf(n: number): number {
  return 32 - Math.clz32(n - 1);
}

/** A copy of the array with room for `length` elements. */
export function enlarged(array: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}

/** The next length of an array that is full: twice, or half more once it is large. */
export function grownLength(length: number): number {
  return length < 1 << 23 ? length * 2 : Math.ceil(length * 1.5);
}
