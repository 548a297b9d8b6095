/** The rows of a database at an earlier moment, for snapshots that leave the latest commits beside them. */
import type { Commit } from "../engine/commit.ts";
import { rowsBefore } from "../engine/past-rows.ts";
import type { Tables } from "../engine/references.ts";
import type { Row } from "../model/row.ts";
import type { TableSchema } from "../model/schema.ts";

/** Rows of one table at one moment. */
export interface TableRows {
  readonly table: TableSchema;
  /** Goes through them, later too. */
  readonly rows: () => Iterable<Row>;
}

/**
 * The tables before some commits.
 *
 * @param commits - the latest, oldest first
 */
export function tablesBefore(tables: Tables, commits: readonly Commit[]): TableRows[] {
  const before = rowsBefore(commits);
  return Array.from(tables.values(), ({ schema: table, rows }) => {
    const [now, instead] = [[...rows.values()], before.get(table.name)];
    return { table, rows: () => rowsThen(now, instead) };
  });
}

function* rowsThen(now: readonly Row[], instead: ReadonlyMap<string, Row | undefined> | undefined): Generator<Row> {
  for (const row of now) if (instead?.has(row._uuid) !== true) yield row;
  for (const row of instead?.values() ?? []) if (row !== undefined) yield row;
}
