/** The difference between two evaluations that share an interner. */
import { compareTuples, type Tuple } from "../value.ts";
import { compareNames, type Delta, readTuple, type RelationDelta } from "./delta.ts";
import type { Evaluation } from "./evaluation.ts";
import type { RowStore } from "./row-store.ts";
import { OLD } from "./views.ts";

/** What changed between the state of one program and that of another. */
export function diffEvaluations(before: Evaluation, after: Evaluation): Delta {
  const delta = new Map<string, RelationDelta>();
  for (const name of [...new Set([...before.stores.keys(), ...after.stores.keys()])].sort(compareNames)) {
    if (name.startsWith("$")) continue;
    const [old, now] = [before.stores.get(name), after.stores.get(name)];
    const inserted = rowsMissingFrom(old, now, after);
    const deleted = rowsMissingFrom(now, old, before);
    if (inserted.length > 0 || deleted.length > 0) delta.set(name, { inserted, deleted });
  }
  return delta;
}

function rowsMissingFrom(store: RowStore | undefined, from: RowStore | undefined, owner: Evaluation): Tuple[] {
  if (from === undefined) return [];
  const missing: Tuple[] = [];
  for (let row = 0; row < from.end; row++) {
    if (((from.flags[row] as number) & OLD) === 0) continue;
    if (store === undefined || store.arity !== from.arity || !hasRow(store, from, row))
      missing.push(readTuple(from, row, owner.interner));
  }
  return missing.sort(compareTuples);
}

function hasRow(store: RowStore, from: RowStore, row: number): boolean {
  const found = store.find(from.data.subarray(row * from.stride, row * from.stride + from.arity));
  return found >= 0 && ((store.flags[found] as number) & OLD) !== 0;
}
