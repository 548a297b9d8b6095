/** How far long work on rows is. */
import type { TableRows } from "./table-rows.ts";

/**
 * Told now and then, while everything else waits: should be quick.
 *
 * @param nRows - so many are done
 * @param nTotal - of so many
 */
export type RowProgress = (work: "reading" | "writing", nRows: number, nTotal: number) => void;

/** So many rows from one call to the next. */
export const PROGRESS_ROWS = 2000;

/** The same tables; whoever goes through their rows tells how far he is. */
export function countedTables(tables: readonly TableRows[], nTotal: number, onProgress: RowProgress): TableRows[] {
  let nRows = 0;
  return tables.map(({ table, find, rows }) => ({
    table,
    find,
    *rows() {
      for (const row of rows()) {
        yield row;
        if (++nRows % PROGRESS_ROWS === 0) onProgress("writing", nRows, nTotal);
      }
    },
  }));
}
