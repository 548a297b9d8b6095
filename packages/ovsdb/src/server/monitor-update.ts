/**
 * Turns row changes into `<table-updates>` (RFC 7047) and `<table-updates2>` (ovsdb-server(7)).
 *
 * @see RFC 7047, section 4.1.6 and ovsdb-server(7), section 4.1.14
 */
import type { Json } from "@tenet/kit";
import { matchesAny } from "../engine/condition.ts";
import { datumsEqual, toJson } from "../model/datum.ts";
import { diffDatum } from "../model/difference.ts";
import { datumOf, type Row, type RowChange } from "../model/row.ts";
import type { MonitoredColumn, MonitoredTable, MonitorSelect, MonitorSpec } from "./monitor-spec.ts";

/** Updates by table and uuid. */
export type TableUpdates = { readonly [table: string]: { readonly [uuid: string]: Json } };

type Rows = { [uuid: string]: Json };
type Columns = { [column: string]: Json };

/** What a monitor's client is told about these changes; `undefined` when it sees none of them. */
export function updatesOf(spec: MonitorSpec, changes: readonly RowChange[]): TableUpdates | undefined {
  const updates: { [table: string]: Rows } = {};
  let isEmpty = true;
  for (const { table: name, uuid, old, new: row } of changes) {
    const table = spec.tables.get(name);
    const update = table === undefined ? undefined : rowUpdate(spec, table, old, row);
    if (update === undefined) continue;
    put(updates, name, uuid, update);
    isEmpty = false;
  }
  return isEmpty ? undefined : updates;
}

function put(updates: { [table: string]: Rows }, table: string, uuid: string, update: Json): void {
  const rows = updates[table] ?? {};
  updates[table] = rows;
  rows[uuid] = update;
}

function rowUpdate(spec: MonitorSpec, table: MonitoredTable, old: Row | undefined, row: Row | undefined): Json | undefined {
  const before = old !== undefined && matchesAny(table.condition, old) ? old : undefined;
  const after = row !== undefined && matchesAny(table.condition, row) ? row : undefined;
  if (before === undefined && after === undefined) return undefined;
  if (before === undefined) return after === undefined ? undefined : insertUpdate(spec, table, after);
  if (after === undefined) return deleteUpdate(spec, table, before);
  return spec.notation === 1 ? modifyUpdate1(table, before, after) : modifyUpdate2(table, before, after);
}

function selected(table: MonitoredTable, kind: keyof MonitorSelect): readonly MonitoredColumn[] {
  return table.columns.filter(({ select }) => select[kind]);
}

/** What is told of a row that comes into sight. A table of which no column is named still tells of rows that come and go. */
export function insertUpdate({ notation }: MonitorSpec, table: MonitoredTable, row: Row): Json | undefined {
  const columns = selected(table, "insert");
  if (columns.length === 0 && table.columns.length > 0) return undefined;
  const json: Columns = {};
  for (const { column } of columns) {
    const datum = datumOf(row, column);
    if (notation === 1 || !datumsEqual(datum, column.defaultDatum)) json[column.name] = toJson(column.type, datum);
  }
  return notation === 1 ? { new: json } : { insert: json };
}

/** What is told of a row that goes out of sight. */
export function deleteUpdate({ notation }: MonitorSpec, table: MonitoredTable, row: Row): Json | undefined {
  const columns = selected(table, "delete");
  if (columns.length === 0 && table.columns.length > 0) return undefined;
  if (notation === 2) return { delete: null };
  return { old: Object.fromEntries(columns.map(({ column }) => [column.name, toJson(column.type, datumOf(row, column))])) };
}

function modifyUpdate1(table: MonitoredTable, old: Row, row: Row): Json | undefined {
  const before: Columns = {};
  const after: Columns = {};
  for (const { column } of selected(table, "modify")) {
    const from = datumOf(old, column);
    const to = datumOf(row, column);
    after[column.name] = toJson(column.type, to);
    if (!datumsEqual(from, to)) before[column.name] = toJson(column.type, from);
  }
  return Object.keys(before).length === 0 ? undefined : { old: before, new: after };
}

function modifyUpdate2(table: MonitoredTable, old: Row, row: Row): Json | undefined {
  const diff: Columns = {};
  for (const { column } of selected(table, "modify")) {
    const from = datumOf(old, column);
    const to = datumOf(row, column);
    if (!datumsEqual(from, to)) diff[column.name] = toJson(column.type, diffDatum(column.type, from, to));
  }
  return Object.keys(diff).length === 0 ? undefined : { modify: diff };
}
