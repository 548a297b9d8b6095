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
import { datumText } from "../model/datum-text.ts";
import { applyDiff, diffDatum } from "../model/difference.ts";
import { datumOf, type Row, type RowChange, type RowMaker } from "../model/row.ts";
import type { ColumnSchema, ColumnType, DatabaseSchema, TableSchema } from "../model/schema.ts";
import { isJsonObject } from "../model/sorted-json.ts";
import type { DatumSharing } from "./datum-sharing.ts";
import type { RecordRows, ScannedRecord } from "./record-scan.ts";
import { type Signatures, splitComment } from "./signature.ts";
import type { TableRows } from "./table-rows.ts";

/** A commit as the text of a record, or `undefined` when nothing of it has to be kept. */
export function recordText(schema: DatabaseSchema, commit: Omit<Commit, "version">, signatures: Signatures): string | undefined {
  const names: string[] = [];
  const rowsOf: string[] = [];
  for (const change of commit.changes) {
    const table = schema.tables.get(change.table);
    const row = table === undefined ? undefined : rowText(table, change);
    if (row === undefined) continue;
    const at = names.indexOf(change.table);
    if (at >= 0) rowsOf[at] += `,"${change.uuid}":${row}`;
    else {
      names.push(change.table);
      rowsOf.push(`"${change.uuid}":${row}`);
    }
  }
  if (names.length === 0) return undefined;
  let text = "{";
  for (const [i, name] of names.entries()) text += `"${name}":{${rowsOf[i]}},`;
  const comment = JSON.stringify(signatures.sign(commit.comment, commit.by));
  return `${text}"_date":${Math.round(commit.at)},"_comment":${comment},"_is_diff":true}`;
}

/** A change of a row; `undefined` when nothing of it has to be kept. */
export function rowRecord(table: TableSchema, change: RowVersions, keepsEphemeral = false): Json | undefined {
  if (change.new === undefined) return null;
  const columns: { [column: string]: Json } = {};
  let n = 0;
  for (const column of table.columns.values()) {
    const kept = keptDatum(column, change, keepsEphemeral);
    if (kept === undefined) continue;
    columns[column.name] = toJson(column.type, kept);
    n++;
  }
  return change.old !== undefined && n === 0 ? undefined : columns;
}

/** The text of {@link rowRecord}. */
function rowText(table: TableSchema, change: RowVersions): string | undefined {
  if (change.new === undefined) return "null";
  let columns = "";
  for (const column of table.columns.values()) {
    const kept = keptDatum(column, change, false);
    if (kept !== undefined) columns += `${columns === "" ? "" : ","}"${column.name}":${datumText(column.type, kept)}`;
  }
  return change.old !== undefined && columns === "" ? undefined : `{${columns}}`;
}

/** A row before and after. */
type RowVersions = Pick<RowChange, "old" | "new">;

/** What a record says of a column, if it has to say something. */
function keptDatum(column: ColumnSchema, { old, new: row }: RowVersions, keepsEphemeral: boolean): Datum | undefined {
  const from = old === undefined ? column.defaultDatum : datumOf(old, column);
  const to = row === undefined ? column.defaultDatum : datumOf(row, column);
  if (from === to || (column.isEphemeral && !keepsEphemeral) || datumsEqual(from, to)) return undefined;
  return old === undefined ? to : diffDatum(column.type, from, to);
}

/** The text of a record that inserts rows, in pieces of a row. */
export function* snapshotRecord(tables: readonly TableRows[], at: number, comment: string): Generator<string> {
  for (const { find } of tables) for (const _ of find?.() ?? []) yield "";
  yield "{";
  for (const { table, rows } of tables) {
    const start = `${JSON.stringify(table.name)}:{`;
    let separator = start;
    for (const row of rows()) {
      yield `${separator}"${row._uuid}":${rowText(table, { old: undefined, new: row })}`;
      separator = ",";
    }
    if (separator !== start) yield "},";
  }
  yield `"_date":${Math.round(at)},"_comment":${JSON.stringify(comment)}}\n`;
}

/** Whether a commit changes columns that a restart forgets. */
export function touchesEphemeral(schema: DatabaseSchema, commit: Omit<Commit, "version">): boolean {
  return commit.changes.some(({ table: name, old, new: row }) => {
    return schema.tables.get(name)?.ephemeralColumns.some((column) => {
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
  readonly tables: readonly (readonly [table: string, rows: RecordRows])[];
}

/** Reads a record's outer form. */
export function readTransactionRecord(json: Json): TransactionRecord {
  const members = new Map<string, Json>();
  const tables: [string, RecordRows][] = [];
  for (const [name, value = null] of Object.entries(isJsonObject(json) ? json : {})) {
    if (name.startsWith("_") || !isJsonObject(value)) members.set(name, value);
    else tables.push([name, Object.entries(value).map(([uuid, row = null]) => [uuid, row] as const)]);
  }
  return readScannedRecord({ members, tables });
}

/** The same of a record whose rows are not parsed yet. */
export function readScannedRecord({ members, tables }: ScannedRecord): TransactionRecord {
  const [date, signed] = [members.get("_date"), members.get("_comment")];
  const comment = splitComment(typeof signed === "string" ? signed : undefined);
  return { at: typeof date === "number" ? date : 0, ...comment, isDiff: members.get("_is_diff") === true, tables };
}

/**
 * The row after applying a row's record; columns the schema does not know are left out.
 *
 * @param version - the row's `_version`
 * @param sharing - finds equal values of other rows
 */
export function applyRowRecord(
  table: TableSchema,
  maker: RowMaker,
  uuid: string,
  old: Row | undefined,
  json: Json,
  isDiff: boolean,
  version: string,
  sharing?: DatumSharing,
): Row | undefined {
  if (!isJsonObject(json)) return undefined;
  const columns: { [column: string]: Datum } = {};
  for (const name of Object.keys(json)) {
    const [column, value] = [table.columns.get(name), json[name]];
    if (column === undefined || value === undefined) continue;
    const given = parseDatum(isDiff ? unbounded(column.type) : column.type, value);
    const datum = isDiff && old !== undefined ? applyDiff(column.type, datumOf(old, column), given) : given;
    columns[name] = sharing === undefined ? datum : sharing.share(column, datum);
  }
  if (old !== undefined) return maker.change(old, columns, version);
  return maker.make(sharing === undefined ? uuid : sharing.uuid(uuid), version, columns);
}

/** A difference may have more (or fewer) elements than the column allows. */
function unbounded(type: ColumnType): ColumnType {
  return type.value === undefined && type.max === 1 ? type : { ...type, min: 0, max: Infinity };
}
