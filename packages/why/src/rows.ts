/** Columns of rows as the kinds that their schema gives them. */
import { type Atom, type Datum, isMap, isSet, type Row } from "@tenet/ovsdb";

/** A string column; of an optional one its only element, or the empty string. */
export function textOf(row: Row, column: string): string {
  const first = firstOf(row[column]);
  return typeof first === "string" ? first : "";
}

/** An integer column; `undefined` when an optional one is empty. */
export function numberOf(row: Row, column: string): number | undefined {
  const first = firstOf(row[column]);
  return typeof first === "number" ? first : undefined;
}

/** The elements of a set of strings or uuids. */
export function textsOf(row: Row, column: string): string[] {
  const datum = row[column];
  const atoms: readonly Atom[] = isSet(datum) ? datum : datum === undefined || isMap(datum) ? [] : [datum];
  return atoms.filter((atom) => typeof atom === "string");
}

/** The value of a key in a map of strings. */
export function entryOf(row: Row, column: string, key: string): string | undefined {
  const datum = row[column];
  const value = isMap(datum) ? datum.get(key) : undefined;
  return typeof value === "string" ? value : undefined;
}

function firstOf(datum: Datum | undefined): Atom | undefined {
  return isSet(datum) ? datum[0] : isMap(datum) ? undefined : datum;
}
