/**
 * An index of a store for ranges: its rows in the order of a column's values.
 *
 * What: blocks of row numbers, sorted by the ids of some key columns, then by the value of one column. A second column may be watched: each
 * block knows its greatest (or least) value of that column, and a tree over the blocks knows it for runs of blocks, so that
 * "from ≤ p and p ≤ to" over two columns passes over everything that ends before p.
 * Why: a comparison with a known value is a range of the order, found in logarithmic time; of the rows that start early enough,
 * only blocks that hold a match are read.
 * How: searches halve blocks, then rows; ids stand beside the row numbers, so whole numbers are compared without a look at
 * the rows. A block that is full is halved, one that is nearly empty joins its neighbour. The tree is made anew after that, when asked for next.
 * Limits: rows come and go only between walks. What is found includes rows that equal a strict bound; the test itself stays in the rule.
 */
import { AppError } from "@tenet/kit";
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import { compareValues, kindOf } from "../../value.ts";
import type { IntList } from "./int-list.ts";
import type { Interner } from "./interner.ts";
import type { IndexedRows } from "./key-index.ts";

/** What a sorted index is sorted by. */
export interface SortedColumns {
  /** Columns that have one known value each in every search. */
  readonly keys: readonly number[];
  readonly column: number;
  /** A column of which searches want the values from (`isMost`) or up to a bound. */
  readonly watched: { readonly column: number; readonly isMost: boolean } | undefined;
}

/** In place of a bound's id: there is none on this side. */
export const OPEN = -4;

const BLOCK_ROWS = 128;
const FILLED_ROWS = 96;
const NUMBER_KIND = kindOf(0);

interface Block {
  readonly rows: Int32Array;
  /** The ids in the sorted column. */
  readonly ids: Int32Array;
  n: number;
  /** The row with the greatest (least) watched value. */
  best: number;
}

/** Rows in order. */
export class SortedIndex {
  readonly columns: SortedColumns;
  /** The ids of the key columns for the next search. */
  readonly key: Int32Array;
  readonly #rows: IndexedRows;
  readonly #interner: Interner;
  #blocks: Block[] = [];
  /** Best rows: of block `i` at `#nLeaves + i`, of two neighbours in front of them; -1 for none. */
  #tree: Int32Array = new Int32Array(0);
  #nLeaves = 0;
  #isTreeStale = true;
  // What is searched for: an id and a row, or the first value of a kind.
  #wantedId = 0;
  #wantedRow = 0;
  #wantedKind = -1;
  // Where a search ended.
  #block = 0;
  #at = 0;

  constructor(rows: IndexedRows, columns: SortedColumns, interner: Interner) {
    this.#rows = rows;
    this.columns = columns;
    this.#interner = interner;
    this.key = new Int32Array(columns.keys.length);
  }

  /**
   * Finds the rows with these keys whose value is of the bounds' kind and within them.
   *
   * @param limit - bound of the watched column
   */
  collect(into: IntList, from: number, to: number, limit: number): void {
    into.clear();
    const kind = this.#kindOf(from === OPEN ? to : from);
    if (this.#blocks.length === 0 || (from !== OPEN && to !== OPEN && this.#kindOf(to) !== kind)) return;
    if (from === OPEN) this.#seekKind(kind);
    else this.#seek(from, -1);
    const [first, start] = [this.#block, this.#at];
    if (to === OPEN) this.#seekKind(kind + 1);
    else this.#seek(to, Number.MAX_SAFE_INTEGER);
    const [last, end] = [this.#block, this.#at];
    const { watched } = this.columns;
    if (watched === undefined || limit === OPEN) {
      for (let b = first; b <= last; b++) {
        const { rows, n } = this.#blocks[b] as Block;
        const stop = b === last ? end : n;
        for (let i = b === first ? start : 0; i < stop; i++) into.push(rows[i] as number);
      }
      return;
    }
    if (this.#isTreeStale) this.#growTree();
    this.#collectFitting(into, 1, 0, this.#nLeaves - 1, first, start, last, end, limit);
  }

  /** Fills an empty index with the rows below `end` that `isIn` has. */
  build(end: number, isIn: (row: number) => boolean): void {
    const rows = new Int32Array(end);
    let n = 0;
    for (let row = 0; row < end; row++) if (isIn(row)) rows[n++] = row;
    const sorted = this.#sorted(rows.subarray(0, n));
    for (let from = 0; from < n; from += FILLED_ROWS) {
      this.#blocks.push(this.#blockOf(sorted.subarray(from, Math.min(n, from + FILLED_ROWS))));
    }
    this.#isTreeStale = true;
  }

  /** Writes the rows in their order, and how many each block has. */
  save(to: SectionWriter, name: string): void {
    const rows = new Int32Array(this.#blocks.reduce((sum, { n }) => sum + n, 0));
    let at = 0;
    for (const block of this.#blocks) {
      rows.set(block.rows.subarray(0, block.n), at);
      at += block.n;
    }
    to.ints(`${name}.order`, rows);
    to.bytes(
      `${name}.blocks`,
      Uint8Array.from(this.#blocks, ({ n }) => n),
    );
  }

  /** Takes over what {@link save} wrote. */
  load(from: SectionReader<unknown>, name: string): void {
    const rows = from.ints(`${name}.order`);
    let at = 0;
    for (const n of from.bytes(`${name}.blocks`)) this.#blocks.push(this.#blockOf(rows.subarray(at, (at += n))));
  }

  add(row: number): void {
    if (this.#blocks.length === 0) {
      this.#blocks.push(this.#blockOf(Int32Array.of(row)));
      this.#isTreeStale = true;
      return;
    }
    this.#seekRow(row);
    const position = this.#block;
    const block = this.#blocks[position] as Block;
    const { rows, ids } = block;
    rows.copyWithin(this.#at + 1, this.#at, block.n);
    ids.copyWithin(this.#at + 1, this.#at, block.n);
    rows[this.#at] = row;
    ids[this.#at] = this.#wantedId;
    block.n++;
    if (block.n === BLOCK_ROWS) this.#halve(position);
    else if (this.columns.watched !== undefined && this.#isBetter(row, block.best)) this.#setBest(position, row);
  }

  remove(row: number): void {
    this.#seekRow(row);
    // Before the first row of a block is behind the last one of the block in front of it.
    if (this.#at === this.#blocks[this.#block]?.n) [this.#block, this.#at] = [this.#block + 1, 0];
    const position = this.#block;
    const block = this.#blocks[position];
    if (block === undefined || block.rows[this.#at] !== row)
      throw new AppError(`Row ${row} is not in the index that it leaves`, { code: "DATALOG_INDEX" });
    block.rows.copyWithin(this.#at, this.#at + 1, block.n);
    block.ids.copyWithin(this.#at, this.#at + 1, block.n);
    block.n--;
    const next = this.#blocks[position + 1];
    if (block.n === 0) this.#replace(position, 1, []);
    else if (next !== undefined && block.n + next.n <= BLOCK_ROWS >> 1) {
      const joined = new Int32Array(block.n + next.n);
      joined.set(block.rows.subarray(0, block.n));
      joined.set(next.rows.subarray(0, next.n), block.n);
      this.#replace(position, 2, [this.#blockOf(joined)]);
    } else if (block.best === row) this.#setBest(position, this.#bestOf(block));
  }

  /** Takes out all rows. */
  clear(): void {
    this.#blocks = [];
    this.#isTreeStale = true;
  }

  #collectFitting(
    into: IntList,
    node: number,
    from: number,
    to: number,
    first: number,
    start: number,
    last: number,
    end: number,
    limit: number,
  ): void {
    const best = this.#tree[node] as number;
    if (to < first || from > last || best < 0 || !this.#fits(best, limit)) return;
    if (from < to) {
      const middle = (from + to) >> 1;
      this.#collectFitting(into, 2 * node, from, middle, first, start, last, end, limit);
      this.#collectFitting(into, 2 * node + 1, middle + 1, to, first, start, last, end, limit);
      return;
    }
    const { rows, n } = this.#blocks[from] as Block;
    const stop = from === last ? end : n;
    for (let i = from === first ? start : 0; i < stop; i++) {
      const row = rows[i] as number;
      if (this.#fits(row, limit)) into.push(row);
    }
  }

  /** True if the row's watched value is on the right side of the bound. */
  #fits(row: number, limit: number): boolean {
    const order = this.#compare(this.#watchedOf(row), limit);
    return this.columns.watched?.isMost === true ? order >= 0 : order <= 0;
  }

  #isBetter(row: number, than: number): boolean {
    const order = this.#compare(this.#watchedOf(row), this.#watchedOf(than));
    return this.columns.watched?.isMost === true ? order > 0 : order < 0;
  }

  #watchedOf(row: number): number {
    const { data, stride } = this.#rows;
    return data[row * stride + (this.columns.watched?.column ?? 0)] as number;
  }

  #bestOf({ rows, n }: Block): number {
    let best = rows[0] as number;
    if (this.columns.watched === undefined) return best;
    for (let i = 1; i < n; i++) if (this.#isBetter(rows[i] as number, best)) best = rows[i] as number;
    return best;
  }

  #setBest(position: number, row: number): void {
    (this.#blocks[position] as Block).best = row;
    if (this.#isTreeStale) return;
    const tree = this.#tree;
    let node = this.#nLeaves + position;
    tree[node] = row;
    for (node >>= 1; node > 0; node >>= 1) tree[node] = this.#better(tree[2 * node] as number, tree[2 * node + 1] as number);
  }

  #growTree(): void {
    const n = this.#blocks.length;
    this.#nLeaves = 1 << (32 - Math.clz32(n - 1));
    const tree = new Int32Array(2 * this.#nLeaves).fill(-1);
    for (let i = 0; i < n; i++) tree[this.#nLeaves + i] = (this.#blocks[i] as Block).best;
    for (let i = this.#nLeaves - 1; i > 0; i--) tree[i] = this.#better(tree[2 * i] as number, tree[2 * i + 1] as number);
    this.#tree = tree;
    this.#isTreeStale = false;
  }

  #better(a: number, b: number): number {
    return b < 0 || (a >= 0 && !this.#isBetter(b, a)) ? a : b;
  }

  #halve(position: number): void {
    const { rows, n } = this.#blocks[position] as Block;
    this.#replace(position, 1, [this.#blockOf(rows.subarray(0, n >> 1)), this.#blockOf(rows.subarray(n >> 1, n))]);
  }

  #replace(position: number, n: number, blocks: readonly Block[]): void {
    this.#blocks.splice(position, n, ...blocks);
    this.#isTreeStale = true;
  }

  /** A block of rows in order. */
  #blockOf(sorted: Int32Array): Block {
    const { data, stride } = this.#rows;
    const block = { rows: new Int32Array(BLOCK_ROWS), ids: new Int32Array(BLOCK_ROWS), n: sorted.length, best: -1 };
    block.rows.set(sorted);
    for (let i = 0; i < sorted.length; i++) block.ids[i] = data[(sorted[i] as number) * stride + this.columns.column] as number;
    block.best = this.#bestOf(block);
    return block;
  }

  #sorted(rows: Int32Array): Int32Array {
    const { data, stride } = this.#rows;
    const { keys, column } = this.columns;
    return rows.sort((a, b) => {
      for (const key of keys) {
        const order = (data[a * stride + key] as number) - (data[b * stride + key] as number);
        if (order !== 0) return order;
      }
      return this.#compare(data[a * stride + column] as number, data[b * stride + column] as number) || a - b;
    });
  }

  #seekRow(row: number): void {
    const { data, stride } = this.#rows;
    const { keys, column } = this.columns;
    for (let i = 0; i < keys.length; i++) this.key[i] = data[row * stride + (keys[i] as number)] as number;
    this.#seek(data[row * stride + column] as number, row);
  }

  /** Finds where a row with this id stands or would stand. */
  #seek(id: number, row: number): void {
    this.#wantedId = id;
    this.#wantedRow = row;
    this.#wantedKind = -1;
    this.#search();
  }

  /** Finds where the values of a kind begin. */
  #seekKind(kind: number): void {
    this.#wantedKind = kind;
    this.#search();
  }

  #search(): void {
    const blocks = this.#blocks;
    let low = 0;
    for (let high = blocks.length; low < high; ) {
      const middle = (low + high) >> 1;
      const { rows, ids } = blocks[middle] as Block;
      if (this.#isBefore(rows[0] as number, ids[0] as number)) low = middle + 1;
      else high = middle;
    }
    this.#block = Math.max(0, low - 1);
    this.#at = 0;
    const block = blocks[this.#block];
    if (block === undefined) return;
    const { rows, ids, n } = block;
    let at = 0;
    for (let high = n; at < high; ) {
      const middle = (at + high) >> 1;
      if (this.#isBefore(rows[middle] as number, ids[middle] as number)) at = middle + 1;
      else high = middle;
    }
    this.#at = at;
  }

  /** True if a row with this id stands before what is searched for. */
  #isBefore(row: number, id: number): boolean {
    const { keys } = this.columns;
    if (keys.length > 0) {
      const { data, stride } = this.#rows;
      for (let i = 0; i < keys.length; i++) {
        const order = (data[row * stride + (keys[i] as number)] as number) - (this.key[i] as number);
        if (order !== 0) return order < 0;
      }
    }
    if (this.#wantedKind >= 0) return this.#kindOf(id) < this.#wantedKind;
    const order = this.#compare(id, this.#wantedId);
    return order === 0 ? row < this.#wantedRow : order < 0;
  }

  /** The order of two values by their ids; whole numbers of 31 bits have theirs in the id. */
  #compare(a: number, b: number): number {
    if (a === b) return 0;
    if ((a & b & 1) === 1) return a - b;
    return compareValues(this.#interner.valueOf(a), this.#interner.valueOf(b));
  }

  #kindOf(id: number): number {
    return (id & 1) === 1 ? NUMBER_KIND : kindOf(this.#interner.valueOf(id));
  }
}
