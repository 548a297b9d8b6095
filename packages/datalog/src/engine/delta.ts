/** What a transaction changed, relation by relation, as values. */
import { compareTuples, formatAtom, type Tuple, type Value } from "../value.ts";
import type { Evaluation, Step } from "./evaluate/evaluation.ts";
import type { IntList } from "./rows/int-list.ts";
import type { Interner } from "./rows/interner.ts";
import type { Changes, RowStore } from "./rows/row-store.ts";
import { Snapshot } from "./snapshot.ts";

const FEW = 256;
const NO_ROWS: readonly Tuple[] = Object.freeze([]);

/** An input row to put in (`1`) or take out (`-1`). Inputs are sets: what is there already is not put in twice. */
export interface Change {
  readonly relation: string;
  readonly tuple: Tuple;
  readonly weight: 1 | -1;
}

/** Rows that came and went, each list in the order of values (`compareValues`, column by column). */
export interface RelationDelta {
  readonly inserted: readonly Tuple[];
  readonly deleted: readonly Tuple[];
}

/**
 * Exact changes by relation: only real ones, no row on both sides, relations without change absent. Inputs are included.
 *
 * Relations come in the order of their names, rows in that of their values: equal changes give equal deltas, whatever indexes and plans
 * an engine happens to have, and however many evaluations a transaction took.
 */
export type Delta = ReadonlyMap<string, RelationDelta>;

/** The values of a row. */
export function readTuple(store: RowStore, row: number, interner: Interner): Tuple {
  const { arity, stride, data } = store;
  const tuple: Value[] = [];
  const base = row * stride;
  for (let i = 0; i < arity; i++) tuple.push(interner.valueOf(data[base + i] as number));
  return tuple;
}

/** The sum of consecutive steps: a row that came and went is in neither list. */
export function deltaOf(steps: readonly Step[], evaluation: Evaluation): Delta {
  const [only] = steps;
  if (only === undefined || steps.length > 1) return sumOf(steps.map((step) => deltaOf([step], evaluation)));
  const delta = new Map<string, RelationDelta>();
  const changes = only.changes.filter(
    ({ store, added, deleted }) => !store.name.startsWith("$") && (added.length > 0 || deleted.length > 0),
  );
  for (const change of changes.sort((a, b) => compareNames(a.store.name, b.store.name))) {
    delta.set(change.store.name, relationDelta(change.store, change, evaluation.interner));
  }
  return delta;
}

/** Few rows are made at once: objects that know how to make them would outlive most collections of the heap. */
function relationDelta(store: RowStore, { journal, added, deleted }: Changes, interner: Interner): RelationDelta {
  if (added.length + deleted.length > FEW) {
    return new LargeDelta(new Snapshot(store, added, interner, journal.isFresh), new Snapshot(store, deleted, interner, false));
  }
  return { inserted: tuplesOf(store, added, interner), deleted: tuplesOf(store, deleted, interner) };
}

function tuplesOf(store: RowStore, rows: IntList, interner: Interner): readonly Tuple[] {
  if (rows.length === 0) return NO_ROWS;
  const tuples: Tuple[] = [];
  for (let i = 0; i < rows.length; i++) tuples.push(readTuple(store, rows.items[i] as number, interner));
  return tuples.sort(compareTuples);
}

/** The order of relations in a delta. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Its rows are made when they are looked at. */
export class LargeDelta implements RelationDelta {
  readonly #inserted: Pick<Snapshot, "tuples">;
  readonly #deleted: Pick<Snapshot, "tuples">;

  constructor(inserted: Pick<Snapshot, "tuples">, deleted: Pick<Snapshot, "tuples">) {
    this.#inserted = inserted;
    this.#deleted = deleted;
  }

  get inserted(): readonly Tuple[] {
    return this.#inserted.tuples();
  }

  get deleted(): readonly Tuple[] {
    return this.#deleted.tuples();
  }
}

function sumOf(deltas: readonly Delta[]): Delta {
  const byRelation = new Map<string, Map<string, { tuple: Tuple; weight: number }>>();
  const add = (relation: string, tuples: readonly Tuple[], weight: number): void => {
    const rows = byRelation.get(relation) ?? new Map<string, { tuple: Tuple; weight: number }>();
    byRelation.set(relation, rows);
    for (const tuple of tuples) {
      const key = formatAtom("", tuple);
      const row = rows.get(key) ?? { tuple, weight: 0 };
      row.weight += weight;
      rows.set(key, row);
    }
  };
  for (const delta of deltas) {
    for (const [relation, { inserted, deleted }] of delta) {
      add(relation, inserted, 1);
      add(relation, deleted, -1);
    }
  }
  const sum = new Map<string, RelationDelta>();
  for (const [relation, rows] of [...byRelation].sort(([a], [b]) => compareNames(a, b))) {
    const pick = (weight: number): Tuple[] =>
      [...rows.values()].flatMap((row) => (row.weight === weight ? [row.tuple] : [])).sort(compareTuples);
    const [inserted, deleted] = [pick(1), pick(-1)];
    if (inserted.length > 0 || deleted.length > 0) sum.set(relation, { inserted, deleted });
  }
  return sum;
}
