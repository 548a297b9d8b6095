/**
 * Transactions as records of the log file, and back.
 *
 * `{"Table": {"<uuid>": {column: value} | null}, "_date": ms, "_comment": text, "_is_diff": true}`: a new
 * row gives its columns that differ from the default, a modified row the difference of each changed
 * column, a deleted row `null`. Ephemeral columns do not appear.
 */
import type { Json } from "@tenet/kit";
import type { ClientIdentity, Commit } from "../engine/commit.ts";
import { type Datum, datumsEqual, parseDatum, toJson } from "../model/datum.ts";
import { applyDiff, diffDatum } from "../model/difference.ts";
import { datumOf, type Row, type RowChange, type RowMaker } from "../model/row.ts";
import type { ColumnType, DatabaseSchema, TableSchema } from "../model/schema.ts";
import { isJsonObject } from "../model/sorted-json.ts";
import { signComment, splitComment } from "./signature.ts";
import type { TableRows } from "./table-rows.ts";

/** A commit as a record, or `undefined` when nothing of it has to be kept. */
export function recordOf(schema: DatabaseSchema, commit: Omit<Commit, "version">): Json | undefined {
  const tables: { [table: string]: { [uuid: string]: Json } } = {};
  for (const change of commit.changes) {
    const table = schema.tables.get(change.table);
    const row = table === undefined ? undefined : rowRecord(table, change);
    if (row === undefined) continue;
    const rows = tables[change.table] ?? {};
    tables[change.table] = rows;
    rows[change.uuid] = row;
  }
  if (Object.keys(tables).length === 0) return undefined;
  return { ...tables, _date: Math.round(commit.at), _comment: signComment(commit.comment, commit.by), _is_diff: true };
}

/** A change of a row; `undefined` when nothing of it has to be kept. */
export function rowRecord(table: TableSchema, { old, new: row }: RowChange, keepsEphemeral = false): Json | undefined {
  if (row === undefined) return null;
  const columns: { [column: string]: Json } = {};
  let isEmpty = true;
  for (const column of table.columns.values()) {
    const from = old === undefined ? column.defaultDatum : datumOf(old, column);
    const to = datumOf(row, column);
    if ((column.isEphemeral && !keepsEphemeral) || datumsEqual(from, to)) continue;
    columns[column.name] = toJson(column.type, old === undefined ? to : diffDatum(column.type, from, to));
    isEmpty = false;
  }
  return old !== undefined && isEmpty ? undefined : columns;
}

/** The text of a record that inserts rows, in pieces of a row. */
export function* snapshotRecord(tables: readonly TableRows[], at: number, comment: string): Generator<string> {
  yield "{";
  for (const { table, rows } of tables) {
    const start = `${JSON.stringify(table.name)}:{`;
    let separator = start;
    for (const row of rows()) {
      yield `${separator}${rowText(table, row)}`;
      separator = ",";
    }
    if (separator !== start) yield "},";
  }
  yield `"_date":${Math.round(at)},"_comment":${JSON.stringify(comment)}}\n`;
}

function rowText(table: TableSchema, row: Row): string {
  const record = rowRecord(table, { table: table.name, uuid: row._uuid, old: undefined, new: row });
  return `"${row._uuid}":${JSON.stringify(record)}`;
}

/** Whether a commit changes columns that a restart forgets. */
export function touchesEphemeral(schema: DatabaseSchema, commit: Omit<Commit, "version">): boolean {
  return commit.changes.some(({ table: name, old, new: row }) => {
    const columns = [...(schema.tables.get(name)?.columns.values() ?? [])].filter((column) => column.isEphemeral);
    return columns.some((column) => {
      const from = old === undefined ? column.defaultDatum : datumOf(old, column);
      return !datumsEqual(from, row === undefined ? column.defaultDatum : datumOf(row, column));
    });
  });
}

/** A record as it was read, with the changes not yet applied. */
export interface TransactionRecord {
  readonly at: number;
  readonly comment: string | undefined;
  readonly by: ClientIdentity;
  readonly isDiff: boolean;
  readonly tables: readonly (readonly [table: string, rows: { readonly [uuid: string]: Json | undefined }])[];
}

/** Reads a record's outer form. */
export function readTransactionRecord(json: Json): TransactionRecord {
  const object = isJsonObject(json) ? json : {};
  const at = typeof object["_date"] === "number" ? object["_date"] : 0;
  const signed = typeof object["_comment"] === "string" ? object["_comment"] : undefined;
  const tables = Object.entries(object).flatMap(([name, rows]) =>
    name.startsWith("_") || !isJsonObject(rows) ? [] : [[name, rows] as const],
  );
  return { at, ...splitComment(signed), isDiff: object["_is_diff"] === true, tables };
}

/**
 * The row after applying a row's record; columns the schema does not know are left out.
 *
 * @param newVersion - makes the row's `_version`
 */
export function applyRowRecord(
  table: TableSchema,
  maker: RowMaker,
  uuid: string,
  old: Row | undefined,
  json: Json,
  isDiff: boolean,
  version: string,
): Row | undefined {
  if (!isJsonObject(json)) return undefined;
  const columns: { [column: string]: Datum } = {};
  for (const [name, value] of Object.entries(json)) {
    const column = table.columns.get(name);
    if (column === undefined || value === undefined) continue;
    const type = isDiff ? unbounded(column.type) : column.type;
    const datum = parseDatum(type, value);
    columns[name] = isDiff && old !== undefined ? applyDiff(column.type, datumOf(old, column), datum) : datum;
  }
  return old === undefined ? maker.make(uuid, version, columns) : { ...old, ...columns, _version: version };
}

/** A difference may have more (or fewer) elements than the column allows. */
function unbounded(type: ColumnType): ColumnType {
  return type.value === undefined && type.max === 1 ? type : { ...type, min: 0, max: Infinity };
}
