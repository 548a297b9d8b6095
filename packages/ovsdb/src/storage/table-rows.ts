/** The rows of a database at an earlier moment, for snapshots that leave the latest commits beside them. */
import type { Commit } from "../engine/commit.ts";
import { noteReplaced, rowsBefore } from "../engine/past-rows.ts";
import type { Tables } from "../engine/references.ts";
import type { Row } from "../model/row.ts";
import type { TableSchema } from "../model/schema.ts";

/** Rows of one table at one moment. */
export interface TableRows {
  readonly table: TableSchema;
  /** Finds the rows, step by step, between which others may have their turn; to be done for all tables before `rows`. */
  readonly find?: (() => Iterable<unknown>) | undefined;
  /** Goes through them, later too. */
  readonly rows: () => Iterable<Row>;
}

/** So many rows are found in a step. */
const STEP_ROWS = 256;

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

/**
 * The same, without a copy of all rows at once: they are found while more is committed, and what that replaces is noted.
 *
 * A row may be found twice, when a transaction that deleted it was taken back meanwhile; it is the same row then.
 *
 * @param follow - calls its argument after each commit from now on, until what it returns is called
 */
export function tablesBeforeInSteps(
  tables: Tables,
  commits: readonly Commit[],
  follow: (listener: (commit: Commit) => void) => () => void,
): { readonly tables: TableRows[]; readonly stop: () => void } {
  const before = rowsBefore(commits);
  const stop = follow((commit) => noteReplaced(before, commit));
  const last = [...tables.values()].at(-1);
  const found = Array.from(tables.values(), (state): TableRows => {
    const now: Row[] = [];
    return {
      table: state.schema,
      *find() {
        for (const row of state.rows.values()) if (now.push(row) % STEP_ROWS === 0) yield;
        if (state === last) stop();
      },
      rows: () => rowsThen(now, before.get(state.schema.name)),
    };
  });
  return { tables: found, stop };
}

function* rowsThen(now: readonly Row[], instead: ReadonlyMap<string, Row | undefined> | undefined): Generator<Row> {
  for (const row of now) if (instead?.has(row._uuid) !== true) yield row;
  for (const row of instead?.values() ?? []) if (row !== undefined) yield row;
}
