/**
 * The rows of one relation: values, state bits, derivation counts and ranks in typed arrays, with indexes that are built when
 * first asked for.
 *
 * A row keeps its number from insertion to deletion. The first touch of a row in an evaluation is noted in the journal with what
 * it was before; the journal is at once the list from which deltas are read and the way back.
 */
import { enlarged, HashIndex } from "./hash-index.ts";
import { ALIVE, FREE, LINKED, OLD, TOUCHED } from "./views.ts";

/** What the touched rows of one evaluation were before. */
export interface Journal {
  readonly rows: number[];
  readonly flags: number[];
  readonly counts: number[];
  readonly ranks: number[];
}

/** The rows of a relation. */
export class RowStore {
  readonly name: string;
  readonly arity: number;
  data: Int32Array;
  flags: Uint8Array = new Uint8Array(INITIAL_CAPACITY);
  counts: Int32Array = new Int32Array(INITIAL_CAPACITY);
  ranks: Int32Array = new Int32Array(INITIAL_CAPACITY);
  /** Row numbers in use are below this. */
  end = 0;
  /** Rows of the state before the evaluation. */
  size = 0;
  journal: Journal = emptyJournal();
  /** Changes of this evaluation, once the relation is settled. */
  added: number[] = [];
  deleted: number[] = [];
  readonly primary: HashIndex;
  readonly #indexes = new Map<string, HashIndex>();
  readonly #allIndexes: HashIndex[];
  readonly #free: number[] = [];
  #capacity = INITIAL_CAPACITY;

  constructor(name: string, arity: number) {
    this.name = name;
    this.arity = arity;
    this.data = new Int32Array(INITIAL_CAPACITY * arity);
    this.primary = new HashIndex(
      this,
      Array.from({ length: arity }, (_, i) => i),
      INITIAL_CAPACITY,
      true,
    );
    this.#allIndexes = [this.primary];
  }

  /** The row with these values, or -1; it may be dead. */
  find(key: Int32Array): number {
    return this.primary.first(key);
  }

  /** The row with these values, made if there is none: then without any state bit but `LINKED`. */
  findOrAdd(key: Int32Array): number {
    const known = this.primary.first(key);
    if (known >= 0) return known;
    const row = this.#allocate();
    const base = row * this.arity;
    for (let i = 0; i < this.arity; i++) this.data[base + i] = key[i] as number;
    this.flags[row] = 0;
    this.counts[row] = 0;
    this.ranks[row] = 0;
    this.touch(row);
    this.#link(row);
    return row;
  }

  /** Notes what a row was, before its first change in this evaluation. */
  touch(row: number): void {
    const flags = this.flags[row] as number;
    if ((flags & TOUCHED) !== 0) return;
    const { journal } = this;
    journal.rows.push(row);
    journal.flags.push(flags);
    journal.counts.push(this.counts[row] as number);
    journal.ranks.push(this.ranks[row] as number);
    this.flags[row] = flags | TOUCHED;
  }

  /** Reads off what changed in this evaluation. */
  settle(): void {
    for (const row of this.journal.rows) {
      const state = (this.flags[row] as number) & (ALIVE | OLD);
      if (state === ALIVE) this.added.push(row);
      else if (state === OLD) this.deleted.push(row);
    }
  }

  /** Makes the new state the old one, and hands out the journal of the evaluation. */
  finish(): Journal {
    const { journal } = this;
    for (const row of journal.rows) {
      if (((this.flags[row] as number) & ALIVE) !== 0) this.flags[row] = ALIVE | OLD | LINKED;
      else this.#unlink(row);
    }
    this.size += this.added.length - this.deleted.length;
    this.journal = emptyJournal();
    this.added = [];
    this.deleted = [];
    return journal;
  }

  /** Puts the touched rows of a journal back to what they were. */
  restore(journal: Journal): void {
    for (let i = journal.rows.length - 1; i >= 0; i--) {
      const row = journal.rows[i] as number;
      const before = journal.flags[i] as number;
      const now = this.flags[row] as number;
      this.size += ((before & OLD) - (now & OLD)) >> 1;
      if ((before & LINKED) === 0) {
        if ((now & LINKED) !== 0) this.#unlink(row);
      } else {
        this.flags[row] = before;
        if ((now & LINKED) === 0) this.#link(row);
      }
      this.counts[row] = journal.counts[i] as number;
      this.ranks[row] = journal.ranks[i] as number;
    }
  }

  /** Forgets an unfinished evaluation: everything is as before it. */
  abandon(): void {
    this.restore(this.journal);
    this.release(this.journal);
    this.journal = emptyJournal();
    this.added = [];
    this.deleted = [];
  }

  /** Frees the row numbers that a finished transaction left without a row. */
  release(journal: Journal): void {
    for (const row of journal.rows) {
      if (this.flags[row] !== 0) continue;
      this.flags[row] = FREE;
      this.#free.push(row);
    }
  }

  /** Visits the ids of all values in rows. */
  visitIds(visit: (id: number) => void): void {
    const { data, arity, flags } = this;
    for (let row = 0; row < this.end; row++) {
      if (((flags[row] as number) & LINKED) === 0) continue;
      for (let i = row * arity; i < (row + 1) * arity; i++) visit(data[i] as number);
    }
  }

  /** The index on these columns (in this order), built if need be. */
  index(columns: readonly number[]): HashIndex {
    const key = columns.join();
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index = new HashIndex(this, columns, this.#capacity);
    for (let row = 0; row < this.end; row++) if (((this.flags[row] as number) & LINKED) !== 0) index.add(row);
    this.#indexes.set(key, index);
    this.#allIndexes.push(index);
    return index;
  }

  /** The index on these columns if it exists. */
  existingIndex(columns: readonly number[]): HashIndex | undefined {
    return this.#indexes.get(columns.join());
  }

  #allocate(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.end === this.#capacity) this.#grow();
    return this.end++;
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    this.#capacity = capacity;
    this.data = enlarged(this.data, capacity * this.arity);
    this.flags = enlarged(this.flags, capacity);
    this.counts = enlarged(this.counts, capacity);
    this.ranks = enlarged(this.ranks, capacity);
    for (const index of this.#allIndexes) index.grow(capacity);
  }

  #link(row: number): void {
    this.flags[row] = (this.flags[row] as number) | LINKED;
    for (const index of this.#allIndexes) index.add(row);
  }

  #unlink(row: number): void {
    for (const index of this.#allIndexes) index.remove(row);
    this.flags[row] = 0;
  }
}

const INITIAL_CAPACITY = 8;

function emptyJournal(): Journal {
  return { rows: [], flags: [], counts: [], ranks: [] };
}
