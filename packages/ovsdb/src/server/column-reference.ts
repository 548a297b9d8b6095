/** Columns that settings are read from: `db:DATABASE,TABLE,COLUMN`. @see ovsdb-server(1) */
import type { DatabaseEngine } from "../engine/database.ts";
import { keysOf } from "../model/datum.ts";
import type { ColumnType } from "../model/schema.ts";
import { BadRemoteError } from "../rpc/bad-remote-error.ts";

/** Where databases are found by name. */
export type FindDatabase = (name: string) => DatabaseEngine | undefined;

/** A column of a database. */
export interface ColumnReference {
  readonly database: DatabaseEngine;
  readonly table: string;
  readonly column: string;
}

/** Finds the column of `db:DATABASE,TABLE,COLUMN`. @throws BadRemoteError when there is none that `isFit` */
export function parseColumnReference(
  reference: string,
  find: FindDatabase,
  isFit: (type: ColumnType) => boolean,
): ColumnReference {
  const [, name = "", table = "", column = ""] = /^db:([^,]+),([^,]+),([^,]+)$/.exec(reference) ?? [];
  const fail = (problem: string): BadRemoteError =>
    new BadRemoteError(`"${reference}": ${problem}`, { hint: "Use db:DATABASE,TABLE,COLUMN with a column of the right type" });
  if (name === "") throw fail("invalid syntax");
  const database = find(name);
  if (database === undefined) throw fail(`no database named ${name}`);
  if (database.status.isJoining === true) return { database, table, column }; // what it has is still to come
  const columns = database.schema.tables.get(table)?.columns;
  if (columns === undefined) throw fail(`no table named ${table}`);
  const type = columns.get(column)?.type;
  if (type === undefined) throw fail(`table "${table}" has no column "${column}"`);
  if (!isFit(type)) throw fail(`column "${column}" has another type than is needed here`);
  return { database, table, column };
}

/**
 * The first text that is not empty in a column of texts, `undefined` when there is none.
 *
 * @throws BadRemoteError when there is no such column
 */
export function readTextColumn(reference: string, find: FindDatabase): string | undefined {
  const isFit = ({ key, value }: ColumnType) => value === undefined && key.type === "string";
  const { database, table, column } = parseColumnReference(reference, find, isFit);
  for (const row of database.table(table).values()) {
    const text = keysOf(row[column] ?? []).find((atom) => atom !== "");
    if (text !== undefined) return String(text);
  }
  return undefined;
}
