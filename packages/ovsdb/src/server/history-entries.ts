/** The history of rows as the `tenet_history` request answers it. */
import type { Json } from "@tenet/kit";
import type { Commit } from "../engine/commit.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import { type HistoryFilter, selectCommits } from "../engine/history-query.ts";
import { datumsEqual, toJson } from "../model/datum.ts";
import { syntaxError } from "../model/ovsdb-error.ts";
import { nameOfRow } from "../model/row-name.ts";
import { changedColumns, datumOf, type Row, type RowChange } from "../model/row.ts";
import type { DatabaseSchema, TableSchema } from "../model/schema.ts";
import { isJsonObject } from "../model/sorted-json.ts";

/** Reads what is asked for: the beginning of a uuid, or an object. @throws OvsdbError "syntax error" */
export function parseHistoryFilter(json: Json): HistoryFilter {
  if (typeof json === "string") return { uuid: json.toLowerCase() };
  if (!isJsonObject(json)) throw syntaxError(json, "tenet_history request params must be [<db-name>, <uuid prefix> or <filter>]");
  for (const [name, value] of Object.entries(json)) {
    const type = MEMBERS.get(name);
    if (type === undefined) throw syntaxError(json, `Member '${name}' is not one of ${[...MEMBERS.keys()].join(", ")}.`);
    if (typeof value !== type) throw syntaxError(json, `Type mismatch for member '${name}'.`);
  }
  return json;
}

const MEMBERS = new Map<string, "string" | "number">([
  ["table", "string"],
  ["row", "string"],
  ["uuid", "string"],
  ["since", "number"],
  ["until", "number"],
  ["by", "string"],
  ["last", "number"],
] satisfies [keyof HistoryFilter, "string" | "number"][]);

/**
 * The changes of rows that are asked for: an entry per changed row, oldest first.
 *
 * `row` holds, for an insert or delete, the columns that differ from their default; for a modify, each
 * changed column as `{old, new}`. `name` is what people call the row, when it has a name.
 *
 * @returns JSON of the form of {@link HistoryEntry}
 */
export function historyEntries(database: DatabaseEngine, filter: HistoryFilter): Json[] {
  const { schema } = database;
  return selectCommits(schema, database.history(), filter).flatMap((commit) =>
    commit.changes.flatMap((change) => entryOf(schema, commit, change)),
  );
}

function entryOf(schema: DatabaseSchema, commit: Commit, change: RowChange): Json[] {
  const table = schema.tables.get(change.table);
  if (table === undefined) return [];
  const { old, new: row } = change;
  const named = row ?? old;
  const name = named === undefined ? undefined : nameOfRow(table, named);
  return [
    {
      txn: commit.version,
      date: new Date(commit.at).toISOString(),
      comment: commit.comment ?? null,
      client: { ...commit.by },
      table: change.table,
      uuid: change.uuid,
      ...(name === undefined ? {} : { name }),
      op: old === undefined ? "insert" : row === undefined ? "delete" : "modify",
      row: old !== undefined && row !== undefined ? modifiedColumns(table, old, row) : setColumns(table, old ?? row),
    },
  ];
}

function modifiedColumns(table: TableSchema, old: Row, row: Row): Json {
  const columns = changedColumns(table, old, row).map((column): [string, Json] => {
    return [column.name, { old: toJson(column.type, datumOf(old, column)), new: toJson(column.type, datumOf(row, column)) }];
  });
  return Object.fromEntries(columns);
}

function setColumns(table: TableSchema, row: Row | undefined): Json {
  if (row === undefined) return {};
  const columns = [...table.columns.values()].filter((column) => !datumsEqual(datumOf(row, column), column.defaultDatum));
  return Object.fromEntries(columns.map((column): [string, Json] => [column.name, toJson(column.type, datumOf(row, column))]));
}
