/** Checks that one store agrees with itself: state bits, the set of all rows, every index, and the free row numbers. */
import type { Interner } from "../rows/interner.ts";
import type { KeyIndex } from "../rows/key-index.ts";
import { BLOCK_HEADER, decoded } from "../rows/key-slot.ts";
import type { RowStore } from "../rows/row-store.ts";
import { ALIVE, COUNT, FREE, LINKED, OLD } from "../rows/views.ts";
import { wrongRow, wrongStore } from "./invariant-error.ts";

/** Throws an `InvariantError` at the first fault. Only between transactions. */
export function checkStore(store: RowStore, interner: Interner): void {
  const fail = (row: number, what: string): never => {
    throw row < 0 ? wrongStore(store, what) : wrongRow(store, row, interner, what);
  };
  let nLinked = 0;
  let nFree = 0;
  for (let row = 0; row < store.end; row++) {
    const state = (store.flags[row] as number) & ~COUNT;
    if (state === FREE) nFree++;
    else if (state === (ALIVE | OLD | LINKED)) nLinked++;
    else fail(row, `has the state bits ${state} between transactions`);
    if (state === FREE) continue;
    const base = row * store.stride;
    if (store.find(store.data.slice(base, base + store.arity)) !== row) fail(row, "is not what the set finds for its values");
  }
  const { table, nest, keyed, size } = store.set;
  const sizes = {
    "size of the store": store.size,
    "size of the set": size,
    "slots of the set":
      keyed === undefined
        ? (nest?.tables ?? [table]).reduce((n, slots) => n + slots.filter((slot) => slot !== 0).length, 0)
        : size,
    "counts of the leaves": nest?.counts.reduce((sum, count) => sum + count, 0) ?? size,
  };
  for (const [what, n] of Object.entries(sizes)) if (n !== nLinked) fail(-1, `has ${nLinked} rows, but ${n} by the ${what}`);
  if (new Set(store.freeRows).size !== nFree || store.freeRows.length !== nFree)
    fail(-1, "has row numbers that are lost, or free twice");
  if (store.journal.rows.length > 0 || store.isFresh) fail(-1, "has an unfinished journal");
  for (const index of store.indexes.byKey()) checkIndex(store, index, nLinked, fail);
}

function checkIndex(store: RowStore, index: KeyIndex, nRows: number, fail: (row: number, what: string) => never): void {
  const name = `index on columns ${index.columns.join(", ")}`;
  const seen = new Uint8Array(store.end);
  let nKeys = 0;
  for (const slot of index.slots) {
    const entry = decoded(slot);
    if (entry === 0) continue;
    nKeys++;
    const first = BLOCK_HEADER - entry;
    const rows = entry > 0 ? [entry - 1] : index.arena.subarray(first, first + (index.arena[-entry] as number));
    for (const row of rows) {
      if (row >= store.end || ((store.flags[row] as number) & LINKED) === 0)
        fail(-1, `has the row number ${row} in its ${name}, which is no row`);
      if (seen[row] === 1) fail(row, `is twice in the ${name}`);
      seen[row] = 1;
      const key = Int32Array.from(index.columns, (column) => store.data[row * store.stride + column] as number);
      if (index.rowsOf(key)[0] !== rows[0]) fail(row, `is not found by the ${name}`);
    }
  }
  const n = seen.reduce((sum, one) => sum + one, 0);
  if (n !== nRows) fail(-1, `has ${nRows} rows, but ${n} in its ${name}`);
  if (nKeys !== index.nKeys) fail(-1, `has ${nKeys} keys in its ${name}, which says ${index.nKeys}`);
}
