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

/** Makes rows of one table, all with the same columns in the same order, so that the engine lays them out alike. */
export class RowMaker {
  readonly #make: (uuid: string, version: string, columns: PartialRow) => Row;
  readonly #change: (row: Row, version: string, changes: PartialRow) => Row;

  constructor(table: Pick<TableSchema, "columns">) {
    const columns = [...table.columns.values()];
    const { make, change } = compiledMakers(columns) ?? plainMakers(columns);
    this.#make = make;
    this.#change = change;
  }

  /** A row with the given columns and defaults for the others. */
  make(uuid: string, version: string, columns: PartialRow): Row {
    return this.#make(uuid, version, columns);
  }

  /** The row with some columns changed. */
  change(row: Row, changes: PartialRow, version: string = row._version): Row {
    return this.#change(row, version, changes);
  }
}

interface Makers {
  readonly make: (uuid: string, version: string, columns: PartialRow) => Row;
  readonly change: (row: Row, version: string, changes: PartialRow) => Row;
}

function plainMakers(columns: readonly ColumnSchema[]): Makers {
  const template: { [column: string]: Datum } = { _uuid: ZERO_UUID, _version: ZERO_UUID };
  for (const column of columns) template[column.name] = column.defaultDatum;
  return {
    make: (uuid, version, given) => ({ ...template, ...given, _uuid: uuid, _version: version }),
    change: (row, version, changes) => ({ ...row, ...changes, _version: version }),
  };
}

/**
 * Object literals with all columns: a row then takes no more memory than its values, and is made at the cost of a copy.
 *
 * @returns `undefined` where code may not be made from text, as a page's policy can say
 */
function compiledMakers(columns: readonly ColumnSchema[]): Makers | undefined {
  const values = (otherwise: (name: string, i: number) => string): string =>
    columns.map(({ name }, i) => `"${name}": ${valueOf(name)} === undefined ? ${otherwise(name, i)} : c["${name}"]`).join(", ");
  const source = `return {
    make: (u, v, c) => ({ _uuid: u, _version: v, ${values((_, i) => `d[${i}]`)} }),
    change: (r, v, c) => ({ _uuid: r._uuid, _version: v, ${values((name) => `r["${name}"]`)} }),
  };`;
  try {
    return new Function("d", source)(columns.map(({ defaultDatum }) => defaultDatum)) as Makers;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

/** What every object inherits is no value of a column. */
function valueOf(name: string): string {
  return name in Object.prototype ? `(Object.hasOwn(c, "${name}") ? c["${name}"] : undefined)` : `c["${name}"]`;
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
    const x = datumOf(a, column);
    const y = datumOf(b, column);
    if (x !== y && !datumsEqual(x, y)) changed.push(column);
  }
  return changed;
}

/** Whether two versions of a row are equal but for the synthetic columns. */
export function rowsEqual(table: TableSchema, a: Row, b: Row): boolean {
  for (const column of table.columns.values()) {
    const x = datumOf(a, column);
    const y = datumOf(b, column);
    if (x !== y && !datumsEqual(x, y)) return false;
  }
  return true;
}

/** A change of one row: inserted when `old` is absent, deleted when `new` is. */
export interface RowChange {
  readonly table: string;
  readonly uuid: string;
  readonly old: Row | undefined;
  readonly new: Row | undefined;
}
