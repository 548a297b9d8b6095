/**
 * Rows of a large delta as ids, made into values when someone looks.
 *
 * A load derives millions of rows that nobody reads one by one; making arrays of values for them costs more than deriving them. The rows
 * of a relation that was empty are not even copied: the store knows that they are lent.
 */
import { compareTuples, type Tuple, type Value } from "../value.ts";
import { type IntList, range } from "./rows/int-list.ts";
import { type Interner, type ValueTable, valueIn } from "./rows/interner.ts";
import type { RowStore } from "./rows/row-store.ts";

/** Rows of one relation. */
export class Snapshot {
  readonly #arity: number;
  readonly #stride: number;
  #rows: IntList;
  #data: Int32Array;
  #table: ValueTable;
  #tuples: readonly Tuple[] | undefined;

  /** @param isLoad - true if the rows are those of a relation that was empty */
  constructor(store: RowStore, rows: IntList, interner: Interner, isLoad: boolean) {
    this.#arity = store.arity;
    this.#stride = isLoad ? store.stride : store.arity;
    this.#rows = isLoad ? rows : range(0, rows.length);
    this.#data = isLoad ? store.lend(this) : idsOf(store, rows);
    this.#table = interner.table;
  }

  /** The rows as values. */
  tuples(): readonly Tuple[] {
    if (this.#tuples !== undefined) return this.#tuples;
    const tuples: Tuple[] = [];
    const { items, length } = this.#rows;
    for (let i = 0; i < length; i++) {
      const base = (items[i] as number) * this.#stride;
      const tuple: Value[] = [];
      for (let column = 0; column < this.#arity; column++) tuple.push(valueIn(this.#table, this.#data[base + column] as number));
      tuples.push(tuple);
    }
    this.#rows = range(0, 0);
    this.#data = new Int32Array(0);
    this.#table = [];
    this.#tuples = tuples.sort(compareTuples);
    return tuples;
  }
}

function idsOf({ arity, stride, data }: RowStore, { items, length }: IntList): Int32Array {
  const ids = new Int32Array(length * arity);
  let to = 0;
  for (let i = 0; i < length; i++) {
    const base = (items[i] as number) * stride;
    for (let column = 0; column < arity; column++) ids[to++] = data[base + column] as number;
  }
  return ids;
}
