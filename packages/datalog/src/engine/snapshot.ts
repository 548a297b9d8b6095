/**
 * Rows of a delta as ids, made into values when someone looks.
 *
 * A load derives millions of rows that nobody reads one by one; making arrays of values for them costs more than deriving them. Few
 * rows are made at once. Ids of a snapshot that is still wanted are not forgotten.
 */
import type { Tuple, Value } from "../value.ts";
import type { IntList } from "./int-list.ts";
import type { Interner } from "./interner.ts";
import type { RowStore } from "./row-store.ts";

const FEW = 256;

/** Copied rows of one relation. */
export class Snapshot {
  readonly #interner: Interner;
  readonly #arity: number;
  readonly #nRows: number;
  #ids: Int32Array;
  #tuples: readonly Tuple[] | undefined;

  /** @param hold - told of this snapshot if its rows are not made at once */
  constructor(store: RowStore, rows: IntList, interner: Interner, hold: (snapshot: Snapshot) => void) {
    const { arity, stride, data } = store;
    this.#interner = interner;
    this.#arity = arity;
    this.#nRows = rows.length;
    this.#ids = new Int32Array(rows.length * arity);
    let to = 0;
    for (let i = 0; i < rows.length; i++) {
      const base = (rows.items[i] as number) * stride;
      for (let column = 0; column < arity; column++) this.#ids[to++] = data[base + column] as number;
    }
    if (rows.length <= FEW) this.tuples();
    else hold(this);
  }

  /** The rows as values. */
  tuples(): readonly Tuple[] {
    if (this.#tuples !== undefined) return this.#tuples;
    const tuples: Tuple[] = [];
    for (let row = 0; row < this.#nRows; row++) {
      const tuple: Value[] = [];
      for (let i = 0; i < this.#arity; i++) tuple.push(this.#interner.valueOf(this.#ids[row * this.#arity + i] as number));
      tuples.push(tuple);
    }
    this.#ids = new Int32Array(0);
    this.#tuples = tuples;
    return tuples;
  }

  /** Visits the ids that are still needed. */
  visitIds(visit: (id: number) => void): void {
    for (const id of this.#ids) visit(id);
  }
}
