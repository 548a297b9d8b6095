/** Reads columns of Open_vSwitch rows, whatever an old or foreign server left out. */
import { isMap, isSet, keysOf, type Row } from "@tenet/ovsdb";
import type { Work } from "../../turns.ts";

/** A string column, optional ones too; `""` when absent. */
export function textOf(row: Row, column: string): string {
  const [value] = keysOf(row[column] ?? []);
  return typeof value === "string" ? value : "";
}

/** An integer column, optional ones too. */
export function numberOf(row: Row, column: string): number | undefined {
  const [value] = keysOf(row[column] ?? []);
  return typeof value === "number" ? value : undefined;
}

/** The strings (uuids) of a set column. */
export function textsOf(row: Row, column: string): string[] {
  return keysOf(row[column] ?? []).filter((value) => typeof value === "string");
}

/** The integers of a set column. */
export function numbersOf(row: Row, column: string): number[] {
  const datum = row[column];
  return isSet(datum) ? datum.filter((value) => typeof value === "number") : [];
}

/** The value of a key of a map column of strings. */
export function optionOf(row: Row, column: string, key: string): string | undefined {
  const datum = row[column];
  const value = isMap(datum) ? datum.get(key) : undefined;
  return typeof value === "string" ? value : undefined;
}

interface Named {
  readonly row: Row;
  readonly name: string;
}

/** So many rows are sorted between two chances for others, before they are merged with more. */
const RUN_LENGTH = 32;

/** The rows of a table with these uuids that are there, by name. */
export function* rowsByName(rows: ReadonlyMap<string, Row>, uuids: readonly string[]): Work<Row[]> {
  const named: Named[] = [];
  for (const uuid of uuids) {
    const row = rows.get(uuid);
    if (row !== undefined) named.push({ row, name: textOf(row, "name") });
    yield;
  }
  return (yield* sorting(named)).map(({ row }) => row);
}

/** Sorts runs, and merges two at a time until there is one. */
function* sorting(named: readonly Named[]): Work<readonly Named[]> {
  let runs: Named[][] = [];
  for (let i = 0; i < named.length; i += RUN_LENGTH) {
    runs.push(named.slice(i, i + RUN_LENGTH).sort((a, b) => (a.name < b.name ? -1 : 1)));
    yield;
  }
  while (runs.length > 1) {
    const merged: Named[][] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(yield* merging(runs[i] ?? [], runs[i + 1] ?? []));
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merging(some: readonly Named[], others: readonly Named[]): Work<Named[]> {
  const merged: Named[] = [];
  let n = 0;
  for (const each of some) {
    for (let other = others[n]; other !== undefined && other.name < each.name; other = others[++n]) merged.push(other);
    merged.push(each);
    if (merged.length % RUN_LENGTH === 0) yield;
  }
  return merged.concat(others.slice(n));
}
