/** What a relay is told of its source, as changes of its own rows. */
import { type Json, ProtocolError } from "@tenet/kit";
import { ZERO_UUID } from "../model/atom.ts";
import { membersOf, rowAfter } from "../client/row-updates.ts";
import { moveReferences, type Tables } from "../engine/references.ts";
import { TableState } from "../engine/table-state.ts";
import { changedColumns, type RowChange } from "../model/row.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { isJsonArray } from "../model/sorted-json.ts";
import { type JsonRpcConnection, RpcError } from "../rpc/json-rpc-connection.ts";

/** The answer to the request for a monitor. */
export interface Fetched {
  /** The whole content, or what came after the version that was given. */
  readonly isWhole: boolean;
  /** The source's version, when it has versions. */
  readonly version: string | undefined;
  readonly updates: Json;
}

/**
 * Monitors all of a database, by the best method that the server knows.
 *
 * @param since - the version to go on from, if that is remembered
 * @throws RpcError, ConnectionLostError, ProtocolError
 */
export async function fetchContent(
  connection: JsonRpcConnection,
  schema: DatabaseSchema,
  monitorId: string,
  since: string | undefined,
): Promise<Fetched> {
  const requests = Object.fromEntries(
    Array.from(schema.tables, ([name, { columns }]) => [name, [{ columns: [...columns.keys()] }]]),
  );
  const params = [schema.name, monitorId, requests];
  try {
    const reply = await connection.request("monitor_cond_since", [...params, since ?? ZERO_UUID]);
    if (!isJsonArray(reply)) throw new ProtocolError("Reply to monitor_cond_since is not an array");
    const [isFound, version, updates = null] = reply;
    return { isWhole: isFound !== true, version: versionOf(version), updates };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
  }
  const updates = await connection
    .request("monitor_cond", params)
    .catch((error: unknown) => (error instanceof RpcError ? connection.request("monitor", params) : Promise.reject(error)));
  return { isWhole: true, version: undefined, updates };
}

/** Servers without versions give zeros. */
export function versionOf(json: Json | undefined): string | undefined {
  return typeof json === "string" && json !== ZERO_UUID ? json : undefined;
}

/**
 * The changes that updates make to these tables, which stay as they are.
 *
 * @param newVersion - makes the `_version` of each row
 * @throws ProtocolError
 */
export function changesOfUpdates(tables: Tables, updates: Json, newVersion: () => string): RowChange[] {
  const changes: RowChange[] = [];
  for (const [name, rows] of membersOf(updates)) {
    const table = tables.get(name);
    if (table === undefined) throw new ProtocolError(`Update for unknown table "${name}"`);
    for (const [uuid, update] of membersOf(rows)) {
      const old = table.rows.get(uuid);
      const row = rowAfter(table, uuid, old, update, newVersion());
      const isSame = old !== undefined && row !== undefined && changedColumns(table.schema, old, row).length === 0;
      if (!isSame && (old !== undefined || row !== undefined)) changes.push({ table: name, uuid, old, new: row });
    }
  }
  return changes;
}

/** The changes that make these tables hold what the updates insert, and nothing else. */
export function changesToContent(tables: Tables, updates: Json, newVersion: () => string): RowChange[] {
  const changes = changesOfUpdates(tables, updates, newVersion);
  const told = new Map(membersOf(updates).map(([name, rows]) => [name, new Set(membersOf(rows).map(([uuid]) => uuid))]));
  for (const [name, { rows }] of tables) {
    for (const [uuid, old] of rows) {
      if (told.get(name)?.has(uuid) !== true) changes.push({ table: name, uuid, old, new: undefined });
    }
  }
  return changes;
}

/** New tables with what the updates insert. */
export function tablesOf(schema: DatabaseSchema, updates: Json, newVersion: () => string): Tables {
  const tables = new Map(Array.from(schema.tables, ([name, table]) => [name, new TableState(table)]));
  for (const { table: name, uuid, new: row } of changesOfUpdates(tables, updates, newVersion)) {
    const table = tables.get(name);
    table?.set(uuid, row);
    if (table !== undefined) moveReferences(tables, table, uuid, undefined, row);
  }
  return tables;
}
