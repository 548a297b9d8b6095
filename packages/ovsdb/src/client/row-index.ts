/**
 * Finds the rows of a replica's table by the values of some columns without looking at the others.
 *
 * A row with a set stands under each element, one with a map under each key (`external_ids`) or under the value of one
 * key (`external_ids:iface-id`); a row with an empty set stands nowhere. Rows move as updates are applied.
 *
 * Cost: a lookup one probe and the rows found; a change of a row what its indexed columns hold.
 */
import { didYouMean } from "@tenet/kit";
import type { Atom } from "../model/atom.ts";
import { type Datum, isMap, keysOf } from "../model/datum.ts";
import type { Row } from "../model/row.ts";
import type { TableSchema } from "../model/schema.ts";
import { UnknownColumnError } from "./operations.ts";
import type { ColumnName, TableForms } from "./table-forms.ts";

type MapColumn<F extends TableForms> = {
  [C in ColumnName<F>]: F["row"][C & keyof F["row"]] extends ReadonlyMap<unknown, unknown> ? C : never;
}[ColumnName<F>];

/** What an index may be over: a column, or one key of a map as `column:key`. */
export type IndexColumn<F extends TableForms> =
  string extends ColumnName<F> ? string : ColumnName<F> | `${MapColumn<F>}:${string}`;

type ElementOf<R> = R extends ReadonlyMap<infer K, unknown> ? K : R extends readonly (infer A)[] ? A : R;

type IndexValue<F extends TableForms, C> =
  string extends ColumnName<F>
    ? Atom
    : C extends keyof F["row"]
      ? ElementOf<F["row"][C]>
      : C extends `${infer M}:${string}`
        ? M extends keyof F["row"]
          ? F["row"][M] extends ReadonlyMap<unknown, infer V>
            ? V
            : never
          : never
        : never;

/** The values to look for, one for each column of an index. */
export type IndexValues<F extends TableForms, C extends readonly string[]> = { readonly [I in keyof C]: IndexValue<F, C[I]> };

/** An index as a replica gives it. */
export interface ReplicaIndex<F extends TableForms, C extends readonly string[]> {
  /** The rows with these values. */
  get(...values: IndexValues<F, C>): readonly F["row"][];
  /** One of them. */
  first(...values: IndexValues<F, C>): F["row"] | undefined;
}

/** No text holds it. */
const BETWEEN = "\0";

/** An index over rows of which only the schema knows more. */
export class RowIndex {
  readonly #columns: readonly string[];
  readonly #elements: readonly ((row: Row) => readonly Atom[])[];
  readonly #rows: ReadonlyMap<string, Row>;
  /** Most keys have one row: a set is only made for the second. */
  readonly #uuids = new Map<string, string | Set<string>>();

  /** @param rows - the table's, whose present content is indexed @throws UnknownColumnError */
  constructor(table: TableSchema, columns: readonly string[], rows: ReadonlyMap<string, Row>) {
    this.#columns = columns;
    this.#elements = columns.map((name) => elementsOf(table, name));
    this.#rows = rows;
    for (const row of rows.values()) this.#add(row);
  }

  /** Whether it is over these columns in this order. */
  isOver(columns: readonly string[]): boolean {
    return columns.length === this.#columns.length && columns.every((name, i) => name === this.#columns[i]);
  }

  /** The rows with these values, one for each column. */
  get(...values: readonly Atom[]): readonly Row[] {
    const found = this.#uuids.get(values.join(BETWEEN));
    if (found === undefined) return [];
    return (typeof found === "string" ? [found] : [...found]).flatMap((uuid) => this.#rows.get(uuid) ?? []);
  }

  /** One of them. */
  first(...values: readonly Atom[]): Row | undefined {
    return this.get(...values)[0];
  }

  /** A row came, changed or went. */
  move(old: Row | undefined, row: Row | undefined): void {
    if (old !== undefined) this.#remove(old);
    if (row !== undefined) this.#add(row);
  }

  /** All rows went. */
  clear(): void {
    this.#uuids.clear();
  }

  #add(row: Row): void {
    for (const key of this.#keysOf(row)) {
      const found = this.#uuids.get(key);
      if (found === undefined) this.#uuids.set(key, row._uuid);
      else if (typeof found === "string") this.#uuids.set(key, new Set([found, row._uuid]));
      else found.add(row._uuid);
    }
  }

  #remove(row: Row): void {
    for (const key of this.#keysOf(row)) {
      const found = this.#uuids.get(key);
      if (found === row._uuid) this.#uuids.delete(key);
      else if (typeof found === "object" && found.delete(row._uuid) && found.size === 0) this.#uuids.delete(key);
    }
  }

  #keysOf(row: Row): readonly string[] {
    let keys: readonly string[] | undefined;
    for (const elements of this.#elements) {
      const parts = elements(row).map(String);
      keys = keys === undefined ? parts : keys.flatMap((key) => parts.map((part) => key + BETWEEN + part));
    }
    return keys ?? [];
  }
}

function elementsOf({ name: table, allColumns }: TableSchema, name: string): (row: Row) => readonly Atom[] {
  if (allColumns.has(name)) return (row) => atomsOf(row[name]);
  const colon = name.indexOf(":");
  const column = colon < 0 ? undefined : allColumns.get(name.slice(0, colon));
  if (column?.kind !== "map") {
    throw new UnknownColumnError(`No column "${name}" in table "${table}"`, { hint: didYouMean(name, allColumns.keys()) });
  }
  const key = name.slice(colon + 1);
  return (row) => {
    const map = row[column.name];
    return atomsOf(isMap(map) ? map.get(key) : undefined);
  };
}

function atomsOf(datum: Datum | undefined): readonly Atom[] {
  return datum === undefined ? [] : keysOf(datum);
}
