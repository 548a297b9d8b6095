/** `tenet db dump`: the rows of tables. */
import type { Json } from "@tenet/kit";
import {
  type DatabaseSchema,
  datumOf,
  datumsEqual,
  type Row,
  type RowChange,
  type RowSource,
  stringifyExact,
  toJson,
} from "@tenet/ovsdb";
import { formatTable } from "../up/table.ts";
import { columnsOf, formatDatum } from "./format-row.ts";
import { tablesOf } from "./source.ts";

/**
 * The rows of these tables, or of all that have any; as text without the columns that have defaults in all rows.
 *
 * @throws DbArgumentError on a table that there is not
 */
export function dump(rows: RowSource, names: readonly string[], format: "text" | "json"): string {
  const tables = tablesOf(rows.schema, names).filter((name) => names.length > 0 || rows.table(name).size > 0);
  if (format === "text") {
    return tables.length === 0 ? `${rows.schema.name} has no rows\n` : tables.map((name) => dumpTable(rows, name)).join("\n");
  }
  const entries = tables.map((name) => [name, Array.from(rows.table(name).values(), (row) => jsonRow(rows.schema, name, row))]);
  return `${stringifyExact(Object.fromEntries(entries), 2)}\n`;
}

function dumpTable(source: RowSource, name: string): string {
  const rows = [...source.table(name).values()];
  const columns = columnsOf(source.schema, name).filter((column) =>
    rows.some((row) => !datumsEqual(datumOf(row, column), column.defaultDatum)),
  );
  const lines = rows.map((row) => [row._uuid.slice(0, 8), ...columns.map((column) => formatDatum(datumOf(row, column)))]);
  const head = `${name}: ${rows.length} row${rows.length === 1 ? "" : "s"}\n`;
  return rows.length === 0 ? head : `${head}${formatTable([["_uuid", ...columns.map((column) => column.name)], ...lines])}\n`;
}

/** A row with all its columns, as RFC 7047 writes values. */
function jsonRow(schema: DatabaseSchema, table: string, row: Row): { readonly [column: string]: Json } {
  const columns = columnsOf(schema, table).map((column) => [column.name, toJson(column.type, datumOf(row, column))] as const);
  return { _uuid: row._uuid, ...Object.fromEntries(columns) };
}

/** A change with the rows before and after. */
export function jsonChange(schema: DatabaseSchema, { table, uuid, old, new: row }: RowChange): Json {
  const before = old === undefined ? {} : { old: jsonRow(schema, table, old) };
  return { table, uuid, ...before, ...(row === undefined ? {} : { new: jsonRow(schema, table, row) }) };
}
