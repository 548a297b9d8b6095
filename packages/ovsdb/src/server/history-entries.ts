/** The history of rows as the `tenet_history` request answers it. */
import type { Json } from "@tenet/kit";
import type { Commit } from "../engine/commit.ts";
import { datumsEqual, toJson } from "../model/datum.ts";
import { changedColumns, datumOf, type Row, type RowChange } from "../model/row.ts";
import type { DatabaseSchema, TableSchema } from "../model/schema.ts";

/**
 * One entry per changed row, oldest first.
 *
 * `row` holds, for an insert or delete, the columns that differ from their default; for a modify, each
 * changed column as `{old, new}`.
 *
 * @param prefix - the beginning of a uuid; empty for all rows
 */
export function historyEntries(schema: DatabaseSchema, commits: readonly Commit[], prefix: string): Json[] {
  const wanted = prefix.toLowerCase();
  return commits.flatMap((commit) =>
    commit.changes.filter((change) => change.uuid.startsWith(wanted)).flatMap((change) => entryOf(schema, commit, change)),
  );
}

function entryOf(schema: DatabaseSchema, commit: Commit, change: RowChange): Json[] {
  const table = schema.tables.get(change.table);
  if (table === undefined) return [];
  const { old, new: row } = change;
  return [
    {
      txn: commit.version,
      date: new Date(commit.at).toISOString(),
      comment: commit.comment ?? null,
      client: { ...commit.by },
      table: change.table,
      uuid: change.uuid,
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
