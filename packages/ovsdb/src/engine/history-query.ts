/** Questions to the history of a database: which commits, and which of their changes. */
import { nameOfRow } from "../model/row-name.ts";
import type { Row, RowChange } from "../model/row.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import type { ClientIdentity, Commit } from "./commit.ts";

/** What is asked for; what is absent does not matter. */
export interface HistoryFilter {
  readonly table?: string;
  /** A row by its name, or by the first 8 or more digits of its uuid. */
  readonly row?: string;
  /** The beginning of a row's uuid. */
  readonly uuid?: string;
  /** Ms since 1970-01-01 UTC, inclusive. */
  readonly since?: number;
  readonly until?: number;
  /** A part of the client's process name, remote or certificate's name, or its pid. */
  readonly by?: string;
  /** Only so many commits, the newest. */
  readonly last?: number;
}

/** The commits that match, oldest first, with those of their changes that match. Cost: the changes that are looked at. */
export function selectCommits(schema: DatabaseSchema, commits: readonly Commit[], filter: HistoryFilter): Commit[] {
  const { table, row, uuid = "", since = -Infinity, until = Infinity, by, last = Infinity } = filter;
  const selected: Commit[] = [];
  for (let i = commits.length - 1; i >= 0 && selected.length < last; i--) {
    const commit = commits[i];
    if (commit === undefined || commit.at < since || commit.at > until) continue;
    if (by !== undefined && !isBy(commit.by, by)) continue;
    const changes = commit.changes.filter(
      (change) =>
        (table === undefined || change.table === table) &&
        change.uuid.startsWith(uuid) &&
        (row === undefined || isOf(schema, change, row)),
    );
    if (changes.length > 0) selected.push({ ...commit, changes });
  }
  return selected.reverse();
}

function isBy({ remote, process, subject, pid }: ClientIdentity, text: string): boolean {
  return String(pid) === text || [remote, process, subject].some((name) => name?.includes(text) === true);
}

function isOf(schema: DatabaseSchema, { table, uuid, old, new: row }: RowChange, text: string): boolean {
  const columns = schema.tables.get(table);
  const isNamed = (version: Row | undefined) =>
    columns !== undefined && version !== undefined && nameOfRow(columns, version) === text;
  return (text.length >= 8 && uuid.startsWith(text.toLowerCase())) || isNamed(row) || isNamed(old);
}
