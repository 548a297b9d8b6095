/** Rows as they live in memory, and their JSON form. */
import type { Json } from "@tenet/kit";
import { ZERO_UUID } from "./atom.ts";
import { type Datum, datumsEqual, toJson } from "./datum.ts";
import type { ColumnSchema, TableSchema } from "./schema.ts";

/**
 * A row: its columns by name. Rows are immutable; a change makes a new object.
 *
 * `_version` changes with every change of the row; replicas that do not receive it hold the zero uuid.
 */
export interface Row {
  readonly _uuid: string;
  readonly _version: string;
  readonly [column: string]: Datum;
}

/** Some columns of a row. */
export interface PartialRow {
  readonly [column: string]: Datum | undefined;
}

/** Makes rows of one table, all with the same columns in the same order. */
export class RowMaker {
  readonly #template: PartialRow;

  constructor(table: Pick<TableSchema, "columns">) {
    const template: { [column: string]: Datum } = { _uuid: ZERO_UUID, _version: ZERO_UUID };
    for (const column of table.columns.values()) template[column.name] = column.defaultDatum;
    this.#template = template;
  }

  /** A row with the given columns and defaults for the others. */
  make(uuid: string, version: string, columns: PartialRow): Row {
    return { ...this.#template, ...columns, _uuid: uuid, _version: version };
  }
}

/** The value of a column; every row has every column of its table. */
export function datumOf(row: Row, column: ColumnSchema): Datum {
  return row[column.name] ?? column.defaultDatum;
}

/** A row as JSON with the given columns. */
export function rowToJson(row: Row, columns: Iterable<ColumnSchema>): { [column: string]: Json } {
  const json: { [column: string]: Json } = {};
  for (const column of columns) json[column.name] = toJson(column.type, datumOf(row, column));
  return json;
}

/** The columns (without the synthetic ones) in which two versions of a row differ. */
export function changedColumns(table: TableSchema, a: Row, b: Row): ColumnSchema[] {
  const changed: ColumnSchema[] = [];
  for (const column of table.columns.values()) {
    if (!datumsEqual(datumOf(a, column), datumOf(b, column))) changed.push(column);
  }
  return changed;
}

/** A change of one row: inserted when `old` is absent, deleted when `new` is. */
export interface RowChange {
  readonly table: string;
  readonly uuid: string;
  readonly old: Row | undefined;
  readonly new: Row | undefined;
}
