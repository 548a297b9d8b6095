/** What a database held at an earlier moment, as the `tenet_rows_at` request answers it. */
import type { Json } from "@tenet/kit";
import type { Commit } from "../engine/commit.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import { rowsBefore } from "../engine/past-rows.ts";
import { OvsdbError, syntaxError } from "../model/ovsdb-error.ts";
import { datumsEqual, toJson } from "../model/datum.ts";
import { datumOf, type Row } from "../model/row.ts";
import type { TableSchema } from "../model/schema.ts";

/**
 * All rows after the commit of a version, or after the last commit at or before a time.
 *
 * @param moment - the beginning of a version, or ms since 1970-01-01 UTC
 * @returns `{version, date, rows: {table: {uuid: {column: value}}}}`; columns that have their default are left out
 * @throws OvsdbError "unknown version" when the history does not reach back to there
 */
export function rowsAt(database: DatabaseEngine, moment: Json | undefined): Json {
  const commits = database.history();
  const isNow = typeof moment === "string" && moment !== "" && database.version.startsWith(moment.toLowerCase());
  const n = isNow ? commits.length : momentIndex(commits, moment) + 1;
  const { version, at } = commits[n - 1] ?? { version: database.version, at: 0 };
  const before = rowsBefore(commits.slice(n));
  const tables = Array.from(database.schema.tables.values(), (table) => {
    const rows = pastRows(database.table(table.name), before.get(table.name));
    return [table.name, Object.fromEntries(rows.map((row) => [row._uuid, columnsOf(table, row)]))] as const;
  });
  return { version, date: new Date(at).toISOString(), rows: Object.fromEntries(tables) };
}

/** The commit that made the state that is asked for. */
function momentIndex(commits: readonly Commit[], moment: Json | undefined): number {
  const isWanted = (commit: Commit): boolean => {
    if (typeof moment === "number") return commit.at <= moment;
    if (typeof moment === "string" && moment !== "") return commit.version.startsWith(moment.toLowerCase());
    throw syntaxError(moment ?? null, "time or version expected");
  };
  const index = commits.findLastIndex(isWanted);
  if (index >= 0) return index;
  const [first] = commits;
  const reach = first === undefined ? "there is no history" : `the history begins at ${new Date(first.at).toISOString()}`;
  throw new OvsdbError("unknown version", `${reach}, with version ${first?.version ?? "none"}`);
}

function pastRows(now: ReadonlyMap<string, Row>, instead: ReadonlyMap<string, Row | undefined> | undefined): Row[] {
  if (instead === undefined) return [...now.values()];
  const unchanged = [...now.values()].filter((row) => !instead.has(row._uuid));
  return [...unchanged, ...[...instead.values()].filter((row) => row !== undefined)];
}

function columnsOf(table: TableSchema, row: Row): Json {
  const columns = [...table.columns.values()].filter((column) => !datumsEqual(datumOf(row, column), column.defaultDatum));
  return Object.fromEntries(columns.map((column) => [column.name, toJson(column.type, datumOf(row, column))]));
}
