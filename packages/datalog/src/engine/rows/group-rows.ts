/**
 * Puts the rows of a batch in an order that is kind to the processor's cache.
 *
 * Rules make rows that agree in their first columns from rows that do. Where a batch is grouped by these, what it looks up lies close
 * together, and so does what the next batch, made in this order, will look up.
 */
import { IntList, range } from "./int-list.ts";
import type { RowStore } from "./row-store.ts";

/** Batches below fit the cache as they are. */
const LARGE = 1024;
/** Neighbours that are looked at to tell whether a batch is grouped. */
const SAMPLE = 4096;

/** The rows from `from` to `to`, grouped by all columns but the last unless they are nearly so. */
export function groupedRows({ data, stride, arity }: RowStore, from: number, to: number): IntList {
  const length = to - from;
  if (length < LARGE || arity < 2) return range(from, to);
  const step = Math.max(1, Math.floor(length / SAMPLE));
  let nDescents = 0;
  for (let i = 1; i < length; i += step) {
    const [a, b] = [(from + i - 1) * stride, (from + i) * stride];
    let column = 0;
    while (column < arity - 2 && data[a + column] === data[b + column]) column++;
    if ((data[a + column] as number) > (data[b + column] as number)) nDescents++;
  }
  if (nDescents * 8 * step < length) return range(from, to);
  const rows = new IntList(new Int32Array(length));
  for (let i = 0; i < length; i++) rows.items[i] = from + i;
  for (let column = arity - 2; column >= 0; column--) sortByColumn(data, stride, column, rows);
  return rows;
}

/** Sorts by one column; rows that agree in it keep their order. Columns whose ids lie far apart are left as they are. */
function sortByColumn(data: Int32Array, stride: number, column: number, rows: IntList): void {
  const { items, length } = rows;
  let [least, greatest] = [2 ** 31, -(2 ** 31)];
  for (let i = 0; i < length; i++) {
    const id = data[(items[i] as number) * stride + column] as number;
    if (id < least) least = id;
    if (id > greatest) greatest = id;
  }
  const width = greatest - least + 1;
  if (width > 8 * length + 65_536) return;
  const starts = new Int32Array(width + 1);
  for (let i = 0; i < length; i++) {
    const at = (data[(items[i] as number) * stride + column] as number) - least + 1;
    starts[at] = (starts[at] as number) + 1;
  }
  for (let at = 1; at < width; at++) starts[at] = (starts[at] as number) + (starts[at - 1] as number);
  const sorted = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const row = items[i] as number;
    const at = (data[row * stride + column] as number) - least;
    const to = starts[at] as number;
    starts[at] = to + 1;
    sorted[to] = row;
  }
  items.set(sorted);
}
