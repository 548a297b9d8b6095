/** Checks the hidden relation of an aggregate: one row for each group of its body, with the value that the group's rows give. */
import type { CoreAggregate } from "../../check/core.ts";
import { compareValues, formatValue, isList, type Tuple, type Value } from "../../value.ts";
import { addTo, type ExactSum, nearest } from "../evaluate/aggregate/exact-sum.ts";
import { readTuple } from "../delta.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import type { RowStore } from "../rows/row-store.ts";
import { ALIVE } from "../rows/views.ts";
import { wrongRow, wrongStore } from "./invariant-error.ts";

interface Group {
  /** What the aggregate is taken of, ascending. */
  readonly values: Value[];
}

/** Throws an `InvariantError` at the first group that is wrong. Only between transactions. */
export function checkGroups(aggregate: CoreAggregate, evaluation: Evaluation): void {
  const { relation, body, fn, nGroup, nParts } = aggregate;
  const { interner } = evaluation;
  const store = evaluation.store(relation);
  const groups = new Map<string, Group>();
  for (const { tuple } of aliveRows(evaluation.store(body), evaluation)) {
    const key = keyOf(tuple, nGroup);
    const group = groups.get(key) ?? { values: [] };
    groups.set(key, group);
    group.values.push(nParts === undefined ? (tuple[nGroup] ?? null) : tuple.slice(nGroup, nGroup + nParts));
  }
  for (const { row, tuple } of aliveRows(store, evaluation)) {
    const key = keyOf(tuple, nGroup);
    const values = groups.get(key)?.values.sort(compareValues);
    const value = tuple[nGroup] ?? null;
    if (values === undefined) throw wrongRow(store, row, interner, "is of a group that is empty, or has a row already");
    if (!isValueOf(value, aggregate, values)) {
      const shown = values.length > 20 ? `${values.length} rows` : values.map(formatValue).join(", ");
      throw wrongRow(store, row, interner, `is not the ${fn} of ${shown}`);
    }
    groups.delete(key);
  }
  for (const key of groups.keys()) throw wrongStore(store, `lacks the group ${key}`);
}

function isValueOf(value: Value, { fn, limit = 0 }: CoreAggregate, values: readonly Value[]): boolean {
  switch (fn) {
    case "count":
      return value === values.length;
    case "sum":
      return value === nearest(values.reduce<ExactSum>((sum, item) => (isNumber(item) ? addTo(sum, item, 1) : sum), 0));
    case "min":
      return compareValues(value, values[0] ?? null) === 0;
    case "max":
      return compareValues(value, values.at(-1) ?? null) === 0;
    case "collect":
      return compareValues(value, values) === 0;
    case "top": {
      const best = values.slice(-limit).reverse();
      return (
        compareValues(
          value,
          best.map((pair) => (isList(pair) ? (pair[1] ?? null) : null)),
        ) === 0
      );
    }
  }
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function* aliveRows(store: RowStore, { interner }: Evaluation): Generator<{ row: number; tuple: Tuple }> {
  for (let row = 0; row < store.end; row++) {
    if (((store.flags[row] as number) & ALIVE) !== 0) yield { row, tuple: readTuple(store, row, interner) };
  }
}

function keyOf(tuple: Tuple, nGroup: number): string {
  return tuple.slice(0, nGroup).map(formatValue).join();
}
