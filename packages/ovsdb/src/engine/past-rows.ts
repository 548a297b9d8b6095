/** The rows as they were before some of the latest commits. */
import type { Row } from "../model/row.ts";
import type { Commit } from "./commit.ts";

/** By table and uuid, rows that are others now; `undefined` where there was none. */
export type PastRows = Map<string, Map<string, Row | undefined>>;

/** What the commits, oldest first and up to the newest there is, have replaced. Cost: the number of their changes. */
export function rowsBefore(commits: readonly Commit[]): PastRows {
  const before: PastRows = new Map();
  for (const commit of commits) noteReplaced(before, commit);
  return before;
}

/** Adds what one more commit has replaced. */
export function noteReplaced(before: PastRows, { changes }: Pick<Commit, "changes">): void {
  for (const { table, uuid, old } of changes) {
    const rows = before.get(table) ?? new Map<string, Row | undefined>();
    before.set(table, rows);
    if (!rows.has(uuid)) rows.set(uuid, old);
  }
}
