/**
 * The order of the rows of a recursion that keeps the least or the greatest values.
 *
 * The better value comes first, of equal ones the lower rank. A derivation whose rows all come before its head proves the head without a
 * cycle, because no row comes before itself; and as long as values only get worse on the way, each row has one.
 */
import type { CoreRelation } from "../../../check/core.ts";
import type { Interner } from "../../rows/interner.ts";
import type { RowStore } from "../../rows/row-store.ts";

/** The rank of rows that have no place in the order. */
export const OUTSIDE = 0;

/** A relation of such a recursion. */
export interface Kept {
  readonly store: RowStore;
  /** The column that holds the value. */
  readonly column: number;
  readonly isMin: boolean;
}

/** A relation that keeps extremes; `undefined` for others. */
export function keptIn(store: RowStore, extreme: CoreRelation["extreme"]): Kept | undefined {
  return extreme && { store, column: extreme.column, isMin: extreme.fn === "min" };
}

/** The id of a row's value. */
export function valueIdIn({ store, column }: Kept, row: number): number {
  return store.data[row * store.stride + column] as number;
}

/** Negative if the first value is the better one. */
export function compareKept({ isMin }: Kept, a: number, b: number, interner: Interner): number {
  const order = interner.compare(a, b);
  return isMin ? order : -order;
}

/** True if a row comes before another. */
export function isBefore(a: Kept, rowA: number, b: Kept, rowB: number, interner: Interner): boolean {
  const order = compareKept(a, valueIdIn(a, rowA), valueIdIn(b, rowB), interner);
  return order < 0 || (order === 0 && a.store.rankOf(rowA) < b.store.rankOf(rowB));
}
