/** The difference between what rules derive and what a database holds, in the shape of an engine's delta. */
import type { Delta, Tuple } from "@tenet/datalog";

/** Tuples with the relation they belong to. */
export type Tuples = Iterable<readonly [relation: string, tuple: Tuple]>;

/** What to insert and delete so that `actual` becomes `desired`. Cost: linear in both. */
export function tupleDifference(desired: Tuples, actual: Tuples): Delta {
  const missing = new Map<string, readonly [string, Tuple]>();
  for (const entry of desired) missing.set(JSON.stringify(entry), entry);
  const delta = new Map<string, { inserted: Tuple[]; deleted: Tuple[] }>();
  const changesOf = (relation: string): { inserted: Tuple[]; deleted: Tuple[] } => {
    const changes = delta.get(relation) ?? { inserted: [], deleted: [] };
    delta.set(relation, changes);
    return changes;
  };
  for (const entry of actual) {
    if (!missing.delete(JSON.stringify(entry))) changesOf(entry[0]).deleted.push(entry[1]);
  }
  for (const [relation, tuple] of missing.values()) changesOf(relation).inserted.push(tuple);
  return delta;
}
