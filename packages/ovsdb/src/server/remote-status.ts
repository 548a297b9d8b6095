/**
 * How a remote is doing, and the columns of its row that tell clients so: `is_connected` and `status`.
 *
 * @see ovs-vswitchd.conf.db(5), table Manager, and ovn-nb(5), table Connection
 */
import type { Json } from "@tenet/kit";
import type { DatabaseEngine } from "../engine/database.ts";
import { type Datum, datumsEqual, parseDatum } from "../model/datum.ts";
import { datumOf } from "../model/row.ts";
import type { LockNames } from "./locks.ts";

/** The state of a remote; what does not apply to its form is absent. */
export interface RemoteStatus {
  readonly isConnected: boolean;
  /** Of a remote that the server connects to. */
  readonly state?: "ACTIVE" | "BACKOFF" | "CONNECTING";
  /** Seconds since the last success, and since the last end; 0 of remotes to listen on. */
  readonly secSinceConnect?: number;
  readonly secSinceDisconnect?: number;
  /** Why the last connection ended, if not in peace. */
  readonly lastError?: string;
  readonly locks?: LockNames;
  readonly nConnections?: number;
  readonly boundPort?: number;
}

/**
 * Writes the states of remotes into the rows that describe them, where they have the columns for it and say otherwise.
 *
 * @param statuses - by the uuid of the row
 */
export async function writeStatuses(
  database: DatabaseEngine,
  table: string,
  statuses: ReadonlyMap<string, RemoteStatus>,
): Promise<void> {
  const operations = Array.from(statuses, ([uuid, status]) => statusUpdate(database, table, uuid, status));
  const needed = operations.filter((operation) => operation !== undefined);
  if (needed.length > 0) await database.transact(needed, { remote: "internal" });
}

function statusUpdate(database: DatabaseEngine, table: string, uuid: string, status: RemoteStatus): Json | undefined {
  const columns = database.schema.tables.get(table)?.columns;
  const row = database.table(table).get(uuid);
  if (columns === undefined || row === undefined) return undefined;
  const wanted = { is_connected: status.isConnected, status: ["map", statusPairs(status)] };
  const changed: { [column: string]: Json } = {};
  for (const [name, json] of Object.entries(wanted)) {
    const column = columns.get(name);
    const isFit = name === "status" ? column?.type.value?.type === "string" : column?.type.key.type === "boolean";
    if (column === undefined || !isFit) continue;
    const datum: Datum = parseDatum(column.type, json);
    if (!datumsEqual(datumOf(row, column), datum)) changed[name] = json;
  }
  if (Object.keys(changed).length === 0) return undefined;
  return { op: "update", table, where: [["_uuid", "==", ["uuid", uuid]]], row: changed };
}

/** The column `status`; values are text, in the original's keys. */
function statusPairs(status: RemoteStatus): [string, string][] {
  const { state, secSinceConnect, secSinceDisconnect, lastError, locks, nConnections = 0, boundPort } = status;
  const pairs: readonly [string, string | number | undefined][] = [
    ["state", state],
    ["sec_since_connect", secSinceConnect],
    ["sec_since_disconnect", secSinceDisconnect],
    ["last_error", lastError],
    ["locks_held", locks?.held.join(" ")],
    ["locks_waiting", locks?.waiting.join(" ")],
    ["locks_lost", locks?.lost.join(" ")],
    ["n_connections", nConnections > 1 ? nConnections : undefined],
    ["bound_port", boundPort],
  ];
  return pairs.flatMap(([key, value]) => (value === undefined || value === "" ? [] : [[key, String(value)]]));
}
