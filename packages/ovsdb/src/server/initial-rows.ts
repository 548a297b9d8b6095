/**
 * The rows that a monitor's client is told at the beginning, as JSON text in parts of a row.
 *
 * A database may have a million of them, so no object stands for the whole; rows never change, so the parts can be made
 * later, while transactions go on, and tell of the moment at which they were asked for.
 */
import { matchesAny } from "../engine/condition.ts";
import { datumsEqual } from "../model/datum.ts";
import { datumText } from "../model/datum-text.ts";
import { datumOf, type Row } from "../model/row.ts";
import type { ColumnSchema } from "../model/schema.ts";
import type { MonitoredTable, MonitorSpec } from "./monitor-spec.ts";

/** The text of `<table-updates>` or `<table-updates2>`, of the rows that there are now. */
export function initialRows(spec: MonitorSpec, rowsOf: (table: string) => ReadonlyMap<string, Row>): Iterable<string> {
  const tables = Array.from(spec.tables, ([name, table]) => ({ name, table, rows: [...rowsOf(name).values()] }));
  return textOf(spec, tables);
}

interface TableNow {
  readonly name: string;
  readonly table: MonitoredTable;
  readonly rows: readonly Row[];
}

function* textOf(spec: MonitorSpec, tables: readonly TableNow[]): Generator<string> {
  let beforeTable = "{";
  for (const { name, table, rows } of tables) {
    const columns = table.columns.filter(({ select }) => select.initial).map(({ column }) => column);
    // A table of which no column is named still tells of its rows.
    if (columns.length === 0 && table.columns.length > 0) continue;
    const start = `${beforeTable}"${name}":{`;
    let before = start;
    for (const row of rows) {
      if (!matchesAny(table.condition, row)) yield "";
      else {
        yield `${before}"${row._uuid}":${rowText(spec, columns, row)}`;
        before = ",";
      }
    }
    if (before === start) continue;
    yield "}";
    beforeTable = ",";
  }
  yield beforeTable === "{" ? "{}" : "}";
}

function rowText({ notation }: MonitorSpec, columns: readonly ColumnSchema[], row: Row): string {
  let text = "";
  for (const column of columns) {
    const datum = datumOf(row, column);
    if (notation === 2 && (datum === column.defaultDatum || datumsEqual(datum, column.defaultDatum))) continue;
    text += `${text === "" ? "" : ","}"${column.name}":${datumText(column.type, datum)}`;
  }
  return notation === 1 ? `{"new":{${text}}}` : `{"initial":{${text}}}`;
}
