/** The sum of consecutive commits: a row that came and went is not in it. */
import type { Change, Delta } from "../engine/delta.ts";
import type { Tuple } from "../value.ts";
import type { LoggedCommit } from "./history-log.ts";
import type { Part } from "./record.ts";
import { keyOf } from "./value-json.ts";

/** Adds up parts in the order of their commits. Parts are exact: what they put in was not there, what they take out was. */
export class NetChanges {
  /** Relations that were emptied before the changes below. */
  readonly cleared: Set<string> = new Set();
  readonly #byRelation = new Map<string, Map<string, { readonly tuple: Tuple; weight: number }>>();

  add({ relation, weight, tuples }: Part): void {
    const rows = this.#byRelation.get(relation) ?? new Map<string, { readonly tuple: Tuple; weight: number }>();
    this.#byRelation.set(relation, rows);
    for (const tuple of tuples) {
      const key = keyOf(tuple);
      const row = rows.get(key);
      if (row === undefined) rows.set(key, { tuple, weight });
      else if (row.weight + weight === 0) rows.delete(key);
      else row.weight += weight;
    }
  }

  /** All rows of a relation go. */
  clear(relation: string): void {
    this.cleared.add(relation);
    this.#byRelation.delete(relation);
  }

  /** What is left of them, relation by relation. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [relation, rows] of this.#byRelation) {
      for (const { tuple, weight } of rows.values()) changes.push({ relation, tuple, weight: weight > 0 ? 1 : -1 });
    }
    return changes;
  }
}

/** The sum of commits. */
export function netOf(commits: Iterable<LoggedCommit>): NetChanges {
  const net = new NetChanges();
  for (const { closing, parts } of commits) {
    for (const relation of closing.dropped ?? []) net.clear(relation);
    for (const part of parts) net.add(part);
  }
  return net;
}

/** Exact changes by relation. */
export function deltaOf(changes: readonly Change[]): Delta {
  const delta = new Map<string, { inserted: Tuple[]; deleted: Tuple[] }>();
  for (const { relation, tuple, weight } of changes) {
    const rows = delta.get(relation) ?? { inserted: [], deleted: [] };
    delta.set(relation, rows);
    (weight > 0 ? rows.inserted : rows.deleted).push(tuple);
  }
  return delta;
}
