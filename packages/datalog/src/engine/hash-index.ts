/**
 * An index of a row store: from the values of some columns to the rows that have them.
 *
 * What: open addressing with linear probing over row numbers (no key is stored: a slot's first row has it), rows of one key in a
 * doubly linked chain. Why: a row is 4 bytes per slot and 8 per chain link, and removal is O(1). Rows are inserted at the head of their
 * chain, so a walk that is under way never meets them.
 * Limits: keys of one store only; slots double when two thirds are in use.
 */

/** The columns of all rows of a store, row by row. */
export interface RowData {
  data: Int32Array;
  readonly arity: number;
}

const EMPTY = 0;
const REMOVED = -1;

/** Rows by the values of `columns`. */
export class HashIndex {
  readonly columns: readonly number[];
  /** Number of distinct keys. */
  nKeys = 0;
  /** Next row of the same key, or -1; empty for a unique index. */
  next: Int32Array;
  #previous: Int32Array;
  /** True if no two rows have the same key: then there are no chains. */
  readonly #isUnique: boolean;
  readonly #rows: RowData;
  #slots = new Int32Array(16);
  #nUsed = 0;

  constructor(rows: RowData, columns: readonly number[], capacity: number, isUnique = false) {
    this.#rows = rows;
    this.columns = columns;
    this.#isUnique = isUnique;
    this.next = new Int32Array(isUnique ? 0 : capacity);
    this.#previous = new Int32Array(isUnique ? 0 : capacity);
  }

  /** The first row with this key (values in the order of `columns`), or -1. */
  first(key: Int32Array): number {
    const { columns } = this;
    const { data, arity } = this.#rows;
    const slots = this.#slots;
    const mask = slots.length - 1;
    const nColumns = columns.length;
    let hash = 0;
    for (let i = 0; i < nColumns; i++) hash = mix(hash, key[i] as number);
    for (let slot = finish(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as number;
      if (entry === EMPTY) return -1;
      if (entry === REMOVED) continue;
      const base = (entry - 1) * arity;
      let i = 0;
      while (i < nColumns && data[base + (columns[i] as number)] === key[i]) i++;
      if (i === nColumns) return entry - 1;
    }
  }

  /** Makes room for rows below `capacity`. */
  grow(capacity: number): void {
    if (this.#isUnique) return;
    this.next = enlarged(this.next, capacity);
    this.#previous = enlarged(this.#previous, capacity);
  }

  add(row: number): void {
    if ((this.#nUsed + 1) * 3 > this.#slots.length * 2) this.#rehash();
    const slot = this.#slotOf(row);
    const entry = this.#slots[slot] as number;
    const head = entry > 0 ? entry - 1 : -1;
    if (head < 0) {
      this.nKeys++;
      if (entry === EMPTY) this.#nUsed++;
    } else this.#previous[head] = row;
    this.#slots[slot] = row + 1;
    if (this.#isUnique) return;
    this.next[row] = head;
    this.#previous[row] = -1;
  }

  remove(row: number): void {
    const next = this.#isUnique ? -1 : (this.next[row] as number);
    const previous = this.#isUnique ? -1 : (this.#previous[row] as number);
    if (next >= 0) this.#previous[next] = previous;
    if (previous >= 0) {
      this.next[previous] = next;
      return;
    }
    const slot = this.#slotOf(row);
    if (next >= 0) {
      this.#slots[slot] = next + 1;
      return;
    }
    this.nKeys--;
    const follows = this.#slots[(slot + 1) & (this.#slots.length - 1)];
    this.#slots[slot] = follows === EMPTY ? EMPTY : REMOVED;
    if (follows === EMPTY) this.#nUsed--;
  }

  /** The slot of the row's key: where it is, or where it may be put. */
  #slotOf(row: number): number {
    const { columns } = this;
    const { data, arity } = this.#rows;
    const slots = this.#slots;
    const mask = slots.length - 1;
    const nColumns = columns.length;
    const base = row * arity;
    let hash = 0;
    for (let i = 0; i < nColumns; i++) hash = mix(hash, data[base + (columns[i] as number)] as number);
    let removed = -1;
    for (let slot = finish(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as number;
      if (entry === EMPTY) return removed >= 0 ? removed : slot;
      if (entry === REMOVED) {
        if (removed < 0) removed = slot;
        continue;
      }
      const other = (entry - 1) * arity;
      let i = 0;
      while (i < nColumns && data[other + (columns[i] as number)] === data[base + (columns[i] as number)]) i++;
      if (i === nColumns) return slot;
    }
  }

  #rehash(): void {
    const before = this.#slots;
    let length = before.length;
    while (this.nKeys * 5 >= length * 2) length *= 2;
    this.#slots = new Int32Array(length);
    this.#nUsed = this.nKeys;
    for (const entry of before) if (entry > 0) this.#slots[this.#slotOf(entry - 1)] = entry;
  }
}

/** A copy of the array with room for `capacity` elements. */
export function enlarged<A extends Int32Array | Uint8Array>(array: A, capacity: number): A {
  const larger = new (array.constructor as new (length: number) => A)(capacity);
  larger.set(array);
  return larger;
}

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x9e3779b1) ^ (hash >>> 15);
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
