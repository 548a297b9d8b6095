/** Checks the hidden relation of an aggregate: one row for each group of its body, with the value that the group's rows give. */
import type { CoreAggregate } from "../../check/core.ts";
import { compareValues, formatValue, type Tuple, type Value } from "../../value.ts";
import { readTuple } from "../delta.ts";
import type { Evaluation } from "../evaluation.ts";
import type { RowStore } from "../row-store.ts";
import { ALIVE } from "../views.ts";
import { wrongRow, wrongStore } from "./invariant-error.ts";

interface Group {
  /** What the aggregate is taken of, ascending. */
  readonly values: Value[];
}

/** Throws an `InvariantError` at the first group that is wrong. Only between transactions. */
export function checkGroups({ relation, body, fn, nGroup }: CoreAggregate, evaluation: Evaluation): void {
  const { interner } = evaluation;
  const store = evaluation.store(relation);
  const groups = new Map<string, Group>();
  for (const { tuple } of aliveRows(evaluation.store(body), evaluation)) {
    const key = keyOf(tuple, nGroup);
    const group = groups.get(key) ?? { values: [] };
    groups.set(key, group);
    group.values.push(tuple[nGroup] ?? null);
  }
  for (const { row, tuple } of aliveRows(store, evaluation)) {
    const key = keyOf(tuple, nGroup);
    const values = groups.get(key)?.values.sort(compareValues);
    const value = tuple[nGroup] ?? null;
    if (values === undefined) throw wrongRow(store, row, interner, "is of a group that is empty, or has a row already");
    if (!isValueOf(value, fn, values)) {
      const shown = values.length > 20 ? `${values.length} rows` : values.map(formatValue).join(", ");
      throw wrongRow(store, row, interner, `is not the ${fn} of ${shown}`);
    }
    groups.delete(key);
  }
  for (const [key, { values }] of groups) {
    // Sums that no number holds have no row.
    if (fn === "sum" && !Number.isFinite(sumOf(values))) continue;
    throw wrongStore(store, `lacks the group ${key}`);
  }
}

function isValueOf(value: Value, fn: CoreAggregate["fn"], values: readonly Value[]): boolean {
  switch (fn) {
    case "count":
      return value === values.length;
    case "sum": {
      const sum = sumOf(values);
      if (value === sum) return true;
      // How fractions and numbers beyond the exact ones are rounded is up to the order in which they are added.
      const size = sumOf(values.map((item) => Math.abs(numberOf(item))));
      return !Number.isSafeInteger(sum) && Math.abs(numberOf(value) - sum) <= size * Number.EPSILON * values.length;
    }
    case "min":
      return compareValues(value, values[0] ?? null) === 0;
    case "max":
      return compareValues(value, values.at(-1) ?? null) === 0;
    case "collect":
      return compareValues(value, values) === 0;
  }
}

function sumOf(values: readonly Value[]): number {
  return values.reduce<number>((sum, value) => sum + numberOf(value), 0);
}

function numberOf(value: Value): number {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : 0;
}

function* aliveRows(store: RowStore, { interner }: Evaluation): Generator<{ row: number; tuple: Tuple }> {
  for (let row = 0; row < store.end; row++) {
    if (((store.flags[row] as number) & ALIVE) !== 0) yield { row, tuple: readTuple(store, row, interner) };
  }
}

function keyOf(tuple: Tuple, nGroup: number): string {
  return tuple.slice(0, nGroup).map(formatValue).join();
}
