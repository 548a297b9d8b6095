/**
 * What servers of one database tell each other: transactions, conversions and snapshots, as JSON.
 *
 * Transactions are as in the log file, with their versions and with ephemeral columns, which all servers must agree on too.
 */
import type { Json } from "@tenet/kit";
import { stringifyExact } from "../model/exact-json.ts";
import type { Commit } from "../engine/commit.ts";
import { convertTables } from "../engine/convert-tables.ts";
import { moveReferences, type Tables } from "../engine/references.ts";
import { TableState } from "../engine/table-state.ts";
import { parseSchema } from "../model/parse-schema.ts";
import type { RowChange } from "../model/row.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { isJsonArray, isJsonObject } from "../model/sorted-json.ts";
import { signComment } from "../storage/signature.ts";
import type { TableRows } from "../storage/table-rows.ts";
import { applyRowRecord, readTransactionRecord, rowRecord } from "../storage/transaction-record.ts";
import { type LockStep, type LockTable, lockTableAfter, lockTableToJson, parseLockStep, parseLockTable } from "./lock-table.ts";
import type { LogStart } from "./shared-log.ts";

/** A database at one moment. */
export interface SharedState {
  readonly schema: DatabaseSchema;
  readonly tables: Tables;
  readonly version: string;
  readonly locks: LockTable;
}

/** A transaction as it goes into the log. */
export function transactionOf(schema: DatabaseSchema, commit: Commit): Json {
  const tables: { [table: string]: { [uuid: string]: Json } } = {};
  for (const change of commit.changes) {
    const table = schema.tables.get(change.table);
    const row = table === undefined ? undefined : rowRecord(table, change, true);
    if (row === undefined) continue;
    const rows = tables[change.table] ?? {};
    tables[change.table] = rows;
    rows[change.uuid] = row;
  }
  const { version: _id, at, comment, by } = commit;
  return { _id, _date: Math.round(at), _comment: signComment(comment, by), _is_diff: true, ...tables };
}

/** An entry of transactions. */
export function transactionsEntry(transactions: readonly Json[]): Json {
  return { transactions };
}

/** An entry that changes the schema; `version` is that of the state after it. */
export function conversionEntry(schema: DatabaseSchema, version: string): Json {
  return { schema: schema.json, version };
}

/** An entry that changes who has locks. */
export function lockEntry(step: Json): Json {
  return { locks: step };
}

/** What an entry does to locks; `undefined` when it is about rows. @throws TypeError */
export function lockStepIn(payload: Json): LockStep | undefined {
  const { locks } = objectOf(payload);
  return locks === undefined ? undefined : parseLockStep(locks);
}

/** The schema and version of a conversion; `undefined` when the entry is of transactions. */
export function conversionOf(payload: Json): { readonly schema: DatabaseSchema; readonly version: string } | undefined {
  const { schema, version } = objectOf(payload);
  if (schema === undefined) return undefined;
  return { schema: parseSchema(schema), version: textOf(version, "version") };
}

/** The transactions of an entry. @throws TypeError */
export function transactionsIn(payload: Json): readonly Json[] {
  const { transactions } = objectOf(payload);
  if (isJsonArray(transactions)) return transactions;
  throw new TypeError("an entry has neither transactions nor a schema");
}

/** The commit that a transaction of the log is on these tables, which stay as they are. */
export function commitOf(tables: Tables, transaction: Json): Commit {
  const { at, comment, by, isDiff, tables: records } = readTransactionRecord(transaction);
  const version = textOf(objectOf(transaction)["_id"], "_id");
  const changes = records.flatMap(([name, rows]) => {
    const table = tables.get(name);
    if (table === undefined) return [];
    return Array.from(rows, ([uuid, json]): RowChange => {
      const old = table.rows.get(uuid);
      return { table: name, uuid, old, new: applyRowRecord(table.schema, table.maker, uuid, old, json, isDiff, version) };
    });
  });
  return { version, at, comment, by, changes };
}

/** Puts the rows of a commit into tables. */
function applyCommit(tables: Tables, { changes }: Commit): void {
  for (const { table: name, uuid, old, new: row } of changes) {
    const table = tables.get(name);
    if (table === undefined) continue;
    table.set(uuid, row);
    moveReferences(tables, table, uuid, old, row);
  }
}

/** The tables under the schema of a conversion: every server gets the same. @throws OvsdbError */
export function convertedTables(tables: Tables, schema: DatabaseSchema, version: string): Tables {
  return convertTables(tables, schema, () => version);
}

/** The text of a snapshot, in pieces of a row. */
export function* snapshotText(
  schema: DatabaseSchema,
  version: string,
  locks: LockTable,
  tables: readonly TableRows[],
): Generator<string> {
  const [schemaText, lockText] = [stringifyExact(schema.json), JSON.stringify(lockTableToJson(locks))];
  yield `{"schema":${schemaText},"version":"${version}","locks":${lockText},"tables":{`;
  let comma = "";
  for (const { table, rows } of tables) {
    yield `${comma}${JSON.stringify(table.name)}:{`;
    let separator = "";
    for (const row of rows()) {
      const columns = rowRecord(table, { old: undefined, new: row }, true);
      yield `${separator}"${row._uuid}":["${row._version}",${stringifyExact(columns ?? null)}]`;
      separator = ",";
    }
    yield "}";
    comma = ",";
  }
  yield "}}";
}

/** The state that a snapshot tells. @throws OvsdbError, TypeError */
export function stateOfSnapshot(snapshot: Json): SharedState {
  const { schema: schemaJson = null, version, locks, tables: tableJsons = null } = objectOf(snapshot);
  const schema = parseSchema(schemaJson);
  const tables = new Map(Array.from(schema.tables.values(), (table) => [table.name, new TableState(table)]));
  for (const table of tables.values()) {
    for (const [uuid, json] of Object.entries(objectOf(objectOf(tableJsons)[table.schema.name] ?? {}))) {
      const [rowVersion, columns = null] = isJsonArray(json) ? json : [];
      const made = textOf(rowVersion, "row version");
      const row = applyRowRecord(table.schema, table.maker, uuid, undefined, columns, false, made);
      table.set(uuid, row);
      moveReferences(tables, table, uuid, undefined, row);
    }
  }
  return { schema, tables, version: textOf(version, "version"), locks: parseLockTable(locks) };
}

/** The state after a snapshot and all that came after it. @throws OvsdbError, TypeError */
export function stateAfter({ snapshot, entries }: LogStart): SharedState {
  return entries.reduce((state, { payload }) => stateWith(state, payload), stateOfSnapshot(snapshot));
}

function stateWith(state: SharedState, payload: Json): SharedState {
  const step = lockStepIn(payload);
  if (step !== undefined) return { ...state, locks: lockTableAfter(state.locks, step) };
  const conversion = conversionOf(payload);
  if (conversion !== undefined) {
    const { schema, version } = conversion;
    return { ...state, schema, version, tables: convertedTables(state.tables, schema, version) };
  }
  let { version } = state;
  for (const transaction of transactionsIn(payload)) {
    const commit = commitOf(state.tables, transaction);
    applyCommit(state.tables, commit);
    ({ version } = commit);
  }
  return { ...state, version };
}

function objectOf(json: Json): { readonly [key: string]: Json | undefined } {
  if (isJsonObject(json)) return json;
  throw new TypeError("an object was expected");
}

function textOf(json: Json | undefined, what: string): string {
  if (typeof json === "string") return json;
  throw new TypeError(`${what} is missing`);
}
