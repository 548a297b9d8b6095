/**
 * Remotes that stand in a table, `db:DATABASE,TABLE,COLUMN`: the column has them as text, or refers to rows that
 * describe one each (`target`, `inactivity_probe`, `max_backoff`, `read_only`, `role`).
 *
 * @see ovsdb-server(1), option `--remote`
 */
import { type Datum, keysOf } from "../model/datum.ts";
import type { Row } from "../model/row.ts";
import { type ColumnReference, type FindDatabase, parseColumnReference } from "./column-reference.ts";

/** How clients of a remote are treated; what is absent has the server's default. */
export interface RemoteSettings {
  /** Idle clients are probed after this time; 0 is never. */
  readonly probeIntervalMs?: number;
  /** Longest pause between two attempts of the server to connect. */
  readonly maxBackoffMs?: number;
  /** Clients may read but not write. */
  readonly isReadOnly?: boolean;
  /** What the clients are allowed depends on this name, see `RBAC_Role`. */
  readonly role?: string;
}

/** Finds the column of `db:DATABASE,TABLE,COLUMN`. @throws BadRemoteError */
export function parseRemoteColumn(remote: string, find: FindDatabase): ColumnReference {
  return parseColumnReference(
    remote,
    find,
    ({ key, value }) => value === undefined && (key.type === "string" || key.refTable !== undefined),
  );
}

/** A remote that stands in a column. */
export interface RemoteRow {
  readonly settings: RemoteSettings;
  /** The row that describes it, if one does. */
  readonly row: Row | undefined;
}

/** The remotes that the column has now, by target. */
export function remoteRowsIn({ database, table, column }: ColumnReference): Map<string, RemoteRow> {
  const key = database.schema.tables.get(table)?.columns.get(column)?.type.key;
  const remotes = new Map<string, RemoteRow>();
  for (const row of database.table(table).values()) {
    for (const atom of keysOf(row[column] ?? [])) {
      const target = key?.refTable === undefined ? undefined : database.table(key.refTable).get(String(atom));
      if (target !== undefined) remotes.set(String(first(target, "target") ?? ""), { settings: settingsOf(target), row: target });
      else if (key?.type === "string") remotes.set(String(atom), { settings: {}, row: undefined });
    }
  }
  remotes.delete("");
  return remotes;
}

/** Whether a change of this table may change the remotes. */
export function concernsRemotes({ database, table, column }: ColumnReference, changed: string): boolean {
  return changed === table || changed === database.schema.tables.get(table)?.columns.get(column)?.type.key.refTable;
}

function settingsOf(row: Row): RemoteSettings {
  const probeIntervalMs = first(row, "inactivity_probe");
  const maxBackoffMs = first(row, "max_backoff");
  const role = first(row, "role");
  return {
    ...(typeof probeIntervalMs === "number" ? { probeIntervalMs } : {}),
    ...(typeof maxBackoffMs === "number" ? { maxBackoffMs } : {}),
    ...(first(row, "read_only") === true ? { isReadOnly: true } : {}),
    ...(typeof role === "string" && role !== "" ? { role } : {}),
  };
}

function first(row: Row, column: string): Datum | undefined {
  const datum = row[column];
  return datum === undefined ? undefined : keysOf(datum)[0];
}
