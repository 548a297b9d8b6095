/**
 * Rows of a large delta as ids, made into values when someone looks.
 *
 * A load derives millions of rows that nobody reads one by one; making arrays of values for them costs more than deriving them.
 */
import type { Tuple, Value } from "../value.ts";
import type { IntList } from "./int-list.ts";
import { type Interner, type ValueTable, valueIn } from "./interner.ts";
import type { RowStore } from "./row-store.ts";

/** Copied rows of one relation. */
export class Snapshot {
  readonly #arity: number;
  readonly #nRows: number;
  #ids: Int32Array;
  #table: ValueTable;
  #tuples: readonly Tuple[] | undefined;

  constructor(store: RowStore, rows: IntList, interner: Interner) {
    const { arity, stride, data } = store;
    const { items, length } = rows;
    this.#arity = arity;
    this.#nRows = length;
    this.#ids = new Int32Array(length * arity);
    this.#table = interner.table;
    let to = 0;
    for (let i = 0; i < length; i++) {
      const base = (items[i] as number) * stride;
      for (let column = 0; column < arity; column++) this.#ids[to++] = data[base + column] as number;
    }
  }

  /** The rows as values. */
  tuples(): readonly Tuple[] {
    if (this.#tuples !== undefined) return this.#tuples;
    const tuples: Tuple[] = [];
    for (let row = 0; row < this.#nRows; row++) {
      const tuple: Value[] = [];
      for (let i = 0; i < this.#arity; i++) tuple.push(valueIn(this.#table, this.#ids[row * this.#arity + i] as number));
      tuples.push(tuple);
    }
    this.#ids = new Int32Array(0);
    this.#table = [];
    this.#tuples = tuples;
    return tuples;
  }
}
