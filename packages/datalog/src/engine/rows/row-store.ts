/**
 * The rows of one relation: values, ranks, state bits with derivation counts in typed arrays, with indexes that are built when
 * first asked for.
 *
 * A row keeps its number from insertion to deletion. The first touch of a row in an evaluation is noted in the journal with what
 * it was before; the journal is at once the list from which deltas are read and the way back. A relation that had no row before
 * the evaluation is fresh: all its rows are new, nothing is noted, and the way back is to empty it.
 * One file, because every way in which a row changes its state has to agree with every way back.
 * New rows enter the set of all rows at once, the indexes only between walks ({@link RowStore.settle}, {@link RowStore.enterIndexes}); an
 * index that the set finds its rows by has them at once, too, which only relations can afford that are not read while they are written.
 */
import { IntList, range } from "./int-list.ts";
import type { Interner } from "./interner.ts";
import { grownLength, type KeyIndex } from "./key-index.ts";
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import { type IndexesHeader, RowIndexes } from "./row-indexes.ts";
import { type RowAccess, rowAccess, type RowData, RowSet } from "./row-set.ts";
import { ALIVE, COUNT, CURRENT, FREE, LINKED, MANY, OLD, ONE_MORE, PENDING, PROCESSED, TOUCHED, type View } from "./views.ts";

/** What the touched rows of one evaluation were before. */
export interface Journal {
  /** True if the relation was empty: then `rows` are the new rows that did not stay. */
  readonly isFresh: boolean;
  readonly rows: IntList;
  readonly flags: IntList;
  readonly ranks: IntList;
  /** Numbers of derivations that are in no flags. */
  readonly counts: Map<number, number>;
}

/** What one evaluation did to a relation. */
export interface Changes {
  readonly journal: Journal;
  readonly added: IntList;
  readonly deleted: IntList;
}

/** What a file of an engine's state says of a relation besides its arrays. */
export interface StoreHeader {
  readonly name: string;
  readonly end: number;
  readonly size: number;
  /** Rows that come and go before a key is looked for again, as the store counts them. */
  readonly changesToKey: number;
  readonly counts: readonly (readonly [row: number, count: number])[];
  readonly indexes: IndexesHeader;
}

/** What a relation keeps per row besides the values: how many derivations, and the rank that recursive rows have. */
export type RowNotes = "none" | "count" | "rank";

/** Repeats 16 bits in both halves of 32. */
const PAIR = 0x1_0001;
const INITIAL_CAPACITY = 8;
/** Row numbers have 27 bits in hash tables, in which 0 is none. */
const MAX_ROWS = (1 << 27) - 1;
/** Relations that never had so many rows are left as they are. */
const COMPACT_FROM = 1 << 12;
/** Rows from which it is asked whether a key tells them apart. */
const MIN_KEYED = 16;

/** The rows of a relation. */
export class RowStore implements RowData {
  readonly name: string;
  readonly arity: number;
  readonly notes: RowNotes;
  /** From one row to the next in `data`: the columns, then the rank. */
  readonly stride: number;
  readonly access: RowAccess;
  readonly set: RowSet;
  readonly indexes: RowIndexes;
  data: Int32Array;
  /** State bits, and in the upper byte the number of derivations. */
  flags: Uint16Array = new Uint16Array(INITIAL_CAPACITY);
  /** Row numbers in use are below this. */
  end = 0;
  /** Rows of the state before the evaluation. */
  size = 0;
  /** Moves when rows get other numbers. */
  numbering = 0;
  /** True while an evaluation fills a relation that was empty. */
  isFresh = false;
  /** Recursions that keep extremes: false if there are rows that no derivation from rows before them proves. */
  isOrdered = true;
  /** Rows below have a lower rank than any derivation that is still to come. */
  nRanked = 0;
  journal: Journal = emptyJournal(false);
  /** Changes of this evaluation, once the relation is settled. */
  added: IntList = new IntList();
  deleted: IntList = new IntList();
  readonly #free: number[] = [];
  /** Numbers of derivations too large for the flags. */
  readonly #counts = new Map<number, number>();
  /** Who reads from `data`, if anyone. */
  #reader: WeakRef<object> | undefined;
  /** Empty lists for the next evaluation but one. */
  #spare: Changes | undefined;
  /** Rows that come and go before a key is looked for again that the set left; 1 if that is due, 0 if none was left. */
  #changesToKey = 0;
  /** Rows of the journal (if fresh: of the relation) that are in the indexes. */
  #nIndexed = 0;
  #capacity = INITIAL_CAPACITY;

  constructor(name: string, arity: number, notes: RowNotes = "none") {
    this.name = name;
    this.arity = arity;
    this.notes = notes;
    this.stride = arity + (notes === "rank" ? 1 : 0);
    this.data = new Int32Array(INITIAL_CAPACITY * this.stride);
    this.set = new RowSet(this);
    this.indexes = new RowIndexes(this);
    this.access = rowAccess(arity);
  }

  /** The row with these values, or -1; it may be dead. */
  find(key: Int32Array): number {
    return this.access.findKey(this, key);
  }

  /** The row with these values, made if there is none: then without any state bit but `LINKED`. */
  findOrAdd(key: Int32Array): number {
    return this.access.addKey(this, key);
  }

  /** The number of a new row; the caller puts its values in, and it into the set. */
  allocate(): number {
    if (this.isFresh) {
      const row = this.end++;
      if (row === this.#capacity) this.#grow();
      this.flags[row] = LINKED;
      return row;
    }
    const free = this.#free.pop();
    if (free !== undefined) this.#takeBack();
    const row = free ?? this.end;
    if (free === undefined) {
      if (row === 0 && this.journal.rows.length === 0) {
        this.#startFresh();
        return this.allocate();
      }
      if (row === this.#capacity) this.#grow();
      this.end = row + 1;
    }
    if (this.notes === "rank") this.data[row * this.stride + this.arity] = 0;
    this.flags[row] = 0;
    this.touch(row);
    this.flags[row] = (this.flags[row] as number) | LINKED;
    return row;
  }

  /** Notes what a row was, before its first change in this evaluation. */
  touch(row: number): void {
    if (this.isFresh) return;
    const flags = this.flags[row] as number;
    if ((flags & TOUCHED) !== 0) return;
    const { journal } = this;
    journal.rows.push(row);
    journal.flags.push(flags);
    if (this.notes === "rank") journal.ranks.push(this.data[row * this.stride + this.arity] as number);
    if (flags >= MANY) journal.counts.set(row, this.countOf(row));
    this.flags[row] = flags | TOUCHED;
  }

  /** The row's number of derivations. */
  countOf(row: number): number {
    const flags = this.flags[row] as number;
    return flags >= MANY ? (this.#counts.get(row) ?? 0) : flags >> 8;
  }

  /** Sets the row's number of derivations. */
  setCount(row: number, count: number): void {
    const flags = this.flags[row] as number;
    if (count * ONE_MORE < MANY) {
      if (flags >= MANY) this.#counts.delete(row);
      this.flags[row] = (flags & ~COUNT) | (count << 8);
      return;
    }
    this.#counts.set(row, count);
    this.flags[row] = flags | MANY;
  }

  /** The rank of a row of a recursive relation: at least 1, unless it is dead. */
  rankOf(row: number): number {
    return this.data[row * this.stride + this.arity] as number;
  }

  setRank(row: number, rank: number): void {
    this.data[row * this.stride + this.arity] = rank;
  }

  /** Takes all rows out, as the start of deriving the relation anew. */
  takeAllOut(): void {
    for (let row = 0; row < this.end; row++) {
      if (((this.flags[row] as number) & (ALIVE | OLD)) === 0) continue;
      this.touch(row);
      this.setCount(row, 0);
      if (this.notes === "rank") this.setRank(row, 0);
      this.flags[row] = (this.flags[row] as number) & ~(ALIVE | PENDING | CURRENT | PROCESSED);
    }
  }

  /** The rows that a view shows. */
  shown({ mask, want }: View): IntList {
    const rows = new IntList();
    for (let row = 0; row < this.end; row++) if (((this.flags[row] as number) & mask) === want) rows.push(row);
    return rows;
  }

  /** The rows touched in this evaluation. */
  touched(): IntList {
    return this.isFresh ? range(0, this.end) : this.journal.rows;
  }

  /** The rows of the new state. */
  aliveRows(): IntList {
    const { flags, end } = this;
    if (areAlive(flags, end)) return range(0, end);
    const rows = new IntList();
    for (let row = 0; row < end; row++) if (((flags[row] as number) & ALIVE) !== 0) rows.push(row);
    return rows;
  }

  /** Reads off what changed in this evaluation. */
  settle(): void {
    const { flags } = this;
    if (this.isFresh) {
      this.added = this.aliveRows();
    } else {
      const { items, length } = this.journal.rows;
      for (let i = 0; i < length; i++) {
        const row = items[i] as number;
        const state = (flags[row] as number) & (ALIVE | OLD);
        if (state === ALIVE) this.added.push(row);
        else if (state === OLD) this.deleted.push(row);
      }
    }
    this.enterIndexes();
  }

  /** Puts the rows that are new since the last time into the indexes. */
  enterIndexes(): void {
    this.set.flattenIfDue();
    const from = this.#nIndexed;
    if (this.isFresh) {
      this.#nIndexed = this.end;
      if (!this.indexes.isEmpty) for (let row = from; row < this.end; row++) this.indexes.add(row);
      return;
    }
    const { rows, flags } = this.journal;
    this.#nIndexed = rows.length;
    if (this.indexes.isEmpty) return;
    for (let i = from; i < rows.length; i++) {
      if (((flags.items[i] as number) & LINKED) === 0) this.indexes.add(rows.items[i] as number);
    }
  }

  /** Makes the new state the old one. */
  finish(): void {
    this.enterIndexes();
    const { journal, flags } = this;
    if (this.isFresh && this.added.length === this.end) {
      settleAll(flags, this.end);
    } else {
      const { items, length } = this.touched();
      for (let i = 0; i < length; i++) {
        const row = items[i] as number;
        const state = flags[row] as number;
        if ((state & ALIVE) !== 0) flags[row] = (state & COUNT) | ALIVE | OLD | LINKED;
        else {
          this.#unlink(row);
          if (this.isFresh) journal.rows.push(row);
        }
      }
    }
    const wasFresh = this.isFresh;
    this.size += this.added.length - this.deleted.length;
    this.#forgetChanges();
    if (wasFresh) this.set.endFill();
  }

  /** Puts the touched rows of a journal back to what they were. */
  restore(journal: Journal): void {
    if (journal.isFresh) {
      this.#clear();
      return;
    }
    const { rows, flags, ranks, counts } = journal;
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows.items[i] as number;
      const before = flags.items[i] as number;
      const now = this.flags[row] as number;
      this.size += ((before & OLD) - (now & OLD)) >> 1;
      if ((before & LINKED) === 0) {
        if ((now & LINKED) !== 0) this.#unlink(row);
      } else {
        if (now >= MANY) this.#counts.delete(row);
        this.flags[row] = before;
        if (before >= MANY) this.#counts.set(row, counts.get(row) ?? 0);
        if ((now & LINKED) === 0) this.#link(row);
      }
      if (this.notes === "rank") this.setRank(row, ranks.items[i] as number);
    }
  }

  /** Forgets an unfinished evaluation: everything is as before it. */
  abandon(): void {
    const { journal } = this;
    const { added, deleted } = this;
    this.enterIndexes();
    this.restore(journal);
    this.#forgetChanges();
    this.release({ journal, added, deleted });
  }

  /** Frees the row numbers that a finished transaction left without a row. Its lists are used again: nobody may read them any more. */
  release({ journal, added, deleted }: Changes): void {
    const { rows } = journal;
    if (this.#changesToKey > 1) this.#changesToKey = Math.max(1, this.#changesToKey - added.length - deleted.length);
    for (let i = 0; i < rows.length; i++) {
      const row = rows.items[i] as number;
      if (row >= this.end || this.flags[row] !== 0) continue;
      this.flags[row] = FREE;
      this.#free.push(row);
    }
    if (this.size === 0 && this.journal.rows.length === 0 && this.end > 0 && this.#free.length === this.end) this.#clear();
    if (journal.isFresh || journal === this.journal) return;
    for (const list of [rows, journal.flags, journal.ranks, added, deleted]) list.clear();
    if (journal.counts.size > 0) journal.counts.clear();
    this.#spare = { journal, added, deleted };
  }

  /** After a transaction that changed rows, once it is released: closes the gaps they left, and finds them by a key again. */
  tidy(): void {
    // Rows get other numbers then.
    if (this.end >= COMPACT_FROM && this.#free.length * 4 >= this.end * 3) this.#compact();
    if (this.#changesToKey === 1) this.#keyAgain();
  }

  #compact(): void {
    const { data, flags, stride, end } = this;
    const counts = new Map(this.#counts);
    this.numbering++;
    this.#clear();
    this.#setCapacity(Math.max(INITIAL_CAPACITY, end - (end >> 1)));
    for (let row = 0; row < end; row++) {
      if (((flags[row] as number) & LINKED) === 0) continue;
      this.data.set(data.subarray(row * stride, (row + 1) * stride), this.end * stride);
      this.flags[this.end] = flags[row] as number;
      const count = counts.get(row);
      if (count !== undefined) this.#counts.set(this.end, count);
      this.set.add(this.end++);
    }
    this.size = this.end;
    this.#setCapacity(Math.max(INITIAL_CAPACITY, this.end + (this.end >> 1)));
    this.indexes.fill(this.end);
    if (this.#changesToKey > 0) this.#changesToKey = 1;
  }

  /** Writes the rows and their indexes. Between transactions. */
  save(to: SectionWriter, name: string): StoreHeader {
    const { end, size, stride } = this;
    const nSpare = Math.max(INITIAL_CAPACITY - end, spareFor(end));
    to.ints(`${name}.data`, this.data.subarray(0, end * stride), nSpare * stride);
    to.words(`${name}.flags`, this.flags.subarray(0, end), nSpare);
    to.ints(`${name}.free`, Int32Array.from(this.#free));
    this.set.save(to, name);
    const changesToKey = this.#changesToKey;
    return { name: this.name, end, size, changesToKey, counts: [...this.#counts], indexes: this.indexes.save(to, name) };
  }

  /** Takes over what {@link save} wrote; the store must be new. */
  load(from: SectionReader<unknown>, name: string, header: StoreHeader, interner: Interner): void {
    const { end, size, changesToKey, counts, indexes } = header;
    this.data = from.ints(`${name}.data`);
    this.flags = from.words(`${name}.flags`);
    for (const row of from.ints(`${name}.free`)) this.#free.push(row);
    for (const [row, count] of counts) this.#counts.set(row, count);
    this.end = end;
    this.size = size;
    this.#changesToKey = changesToKey;
    this.#capacity = this.flags.length;
    this.indexes.load(from, name, indexes, interner);
    const key = this.set.load(from, name);
    if (key.length > 0) this.#keyBy(this.indexes.on(key));
  }

  /** Visits the ids of all values in rows. */
  visitIds(visit: (id: number) => void): void {
    const { data, arity, stride, flags } = this;
    for (let row = 0; row < this.end; row++) {
      if (((flags[row] as number) & LINKED) === 0) continue;
      for (let i = row * stride; i < row * stride + arity; i++) visit(data[i] as number);
    }
  }

  /** Row numbers below `end` that no row has. */
  get freeRows(): readonly number[] {
    return this.#free;
  }

  /** Lets a reader have the values of the present rows for as long as it lives. */
  lend(reader: object): Int32Array {
    this.#reader = new WeakRef(reader);
    return this.data;
  }

  /** Rows that were lent are about to be written over: whoever reads them keeps the array. */
  #takeBack(): void {
    if (this.#reader === undefined) return;
    if (this.#reader.deref() !== undefined) this.#setCapacity(this.#capacity);
    this.#reader = undefined;
  }

  /** Finds rows by a key that tells them apart, if there is one. Between transactions. */
  keyIfDue(): void {
    if (!this.#mayBeKeyed) return;
    const index = this.indexes.telling(this.size) ?? this.indexes.likelyTelling(this.arity - 1);
    if (index !== undefined) this.#keyBy(index);
  }

  /** As long as no key tells rows apart, it is looked for after as many changes as there are rows. */
  #keyAgain(): void {
    const index = this.#mayBeKeyed ? this.indexes.telling(this.size) : undefined;
    if (index === undefined) this.#changesToKey = this.size + MIN_KEYED;
    else this.#keyBy(index);
  }

  get #mayBeKeyed(): boolean {
    return this.notes !== "rank" && this.size >= MIN_KEYED && this.set.nest === undefined && this.set.keyed === undefined;
  }

  takeBack(index: KeyIndex): void {
    // What the other indexes have not met yet will enter this one together with them.
    const { rows, flags } = this.journal;
    for (let i = this.#nIndexed; i < rows.length; i++) {
      if (((flags.items[i] as number) & LINKED) === 0) index.remove(rows.items[i] as number);
    }
    this.indexes.takeBack(index);
    this.#changesToKey = this.size + MIN_KEYED;
  }

  #keyBy(index: KeyIndex): void {
    this.#changesToKey = 0;
    this.indexes.lend(index);
    this.set.keyBy(index);
  }

  #startFresh(): void {
    this.isFresh = true;
    this.journal = emptyJournal(true);
    this.#nIndexed = 0;
  }

  #forgetChanges(): void {
    if (this.journal.isFresh || this.journal.rows.length > 0) {
      const { journal, added, deleted } = this.#spare ?? newChanges();
      this.#spare = undefined;
      this.journal = journal;
      this.added = added;
      this.deleted = deleted;
    }
    this.isFresh = false;
    this.#nIndexed = 0;
  }

  #clear(): void {
    this.set.clear();
    this.indexes.clear();
    this.#capacity = INITIAL_CAPACITY;
    this.data = new Int32Array(INITIAL_CAPACITY * this.stride);
    this.flags = new Uint16Array(INITIAL_CAPACITY);
    this.#free.length = 0;
    this.#counts.clear();
    this.end = 0;
    this.size = 0;
  }

  #grow(): void {
    const capacity = this.#capacity;
    if (capacity === MAX_ROWS) throw new RangeError(`Cannot hold more than ${MAX_ROWS} rows in "${this.name}"`);
    this.#setCapacity(Math.min(MAX_ROWS, capacity < 1 << 22 ? capacity * 4 : grownLength(capacity)));
  }

  /** Gives back room that a load took ahead. Between transactions. */
  trim(): void {
    if (this.end < 1 << 12) return;
    this.set.trim();
    if (this.#capacity < this.end * 1.2) return;
    this.#setCapacity(this.end + spareFor(this.end));
  }

  #setCapacity(capacity: number): void {
    const nRows = Math.min(this.#capacity, capacity);
    const [data, flags] = [new Int32Array(capacity * this.stride), new Uint16Array(capacity)];
    data.set(this.data.subarray(0, nRows * this.stride));
    flags.set(this.flags.subarray(0, nRows));
    this.data = data;
    this.flags = flags;
    this.#capacity = capacity;
  }

  /** The set may give an index back that has the row: so it comes last. */
  #link(row: number): void {
    this.flags[row] = (this.flags[row] as number) | LINKED;
    this.indexes.add(row);
    this.set.add(row);
  }

  #unlink(row: number): void {
    this.set.remove(row);
    this.indexes.remove(row);
    if ((this.flags[row] as number) >= MANY) this.#counts.delete(row);
    this.flags[row] = 0;
  }
}

/** Room for rows to come, beside so many. */
function spareFor(nRows: number): number {
  return nRows >> 4;
}

/** Flags two at a time: relations of millions of rows pass here after a load. The last one of an odd number is left out. */
function pairsOf(flags: Uint16Array, end: number): Uint32Array {
  return new Uint32Array(flags.buffer, flags.byteOffset, end >> 1);
}

function areAlive(flags: Uint16Array, end: number): boolean {
  let all = end % 2 === 1 ? (flags[end - 1] as number) * PAIR : -1;
  const pairs = pairsOf(flags, end);
  for (let i = 0; i < pairs.length; i++) all &= pairs[i] as number;
  return (all & (ALIVE * PAIR)) === ALIVE * PAIR;
}

/** Makes all rows, which are alive, rows of the old state. */
function settleAll(flags: Uint16Array, end: number): void {
  const settled = ALIVE | OLD | LINKED;
  if (end % 2 === 1) flags[end - 1] = ((flags[end - 1] as number) & COUNT) | settled;
  const pairs = pairsOf(flags, end);
  for (let i = 0; i < pairs.length; i++) pairs[i] = ((pairs[i] as number) & (COUNT * PAIR)) | (settled * PAIR);
}

function newChanges(): Changes {
  return { journal: emptyJournal(false), added: new IntList(), deleted: new IntList() };
}

function emptyJournal(isFresh: boolean): Journal {
  return { isFresh, rows: new IntList(), flags: new IntList(), ranks: new IntList(), counts: new Map() };
}
