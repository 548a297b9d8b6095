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

/** The rows of a table with these uuids that are there, by name. */
export function* rowsByName(rows: ReadonlyMap<string, Row>, uuids: readonly string[]): Work<Row[]> {
  const named: { readonly row: Row; readonly name: string }[] = [];
  for (const uuid of uuids) {
    const row = rows.get(uuid);
    if (row !== undefined) named.push({ row, name: textOf(row, "name") });
    yield;
  }
  return named.sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ row }) => row);
}
