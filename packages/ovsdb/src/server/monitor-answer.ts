/** The answers to requests for monitors, as JSON text in parts. */
import type { Json } from "@tenet/kit";
import type { DatabaseEngine } from "../engine/database.ts";
import { isUuid, ZERO_UUID } from "../model/atom.ts";
import { stringifyExact } from "../model/exact-json.ts";
import { syntaxError } from "../model/ovsdb-error.ts";
import { initialRows } from "./initial-rows.ts";
import type { MonitorSpec } from "./monitor-spec.ts";
import { updatesOf } from "./monitor-update.ts";
import { NetChanges } from "./net-changes.ts";

/** All rows that the monitor shows. */
export function initialAnswer(database: DatabaseEngine, spec: MonitorSpec): Iterable<string> {
  return initialRows(spec, (name) => database.table(name));
}

/** The text of `[found, version, updates]`: what changed since a version, or everything. */
export function sinceAnswer(database: DatabaseEngine, spec: MonitorSpec, since: Json | undefined): Iterable<string> {
  if (typeof since !== "string") throw syntaxError(since ?? null, "last-txn-id must be string");
  if (!isUuid(since)) throw syntaxError(since, "last-txn-id must be UUID format.");
  const commits = since === ZERO_UUID ? undefined : database.historySince(since.toLowerCase());
  if (commits === undefined) return enclosed(`[false,"${database.version}",`, initialAnswer(database, spec), "]");
  const net = new NetChanges();
  for (const { changes } of commits) net.add(changes);
  return [stringifyExact([true, database.version, updatesOf(spec, net.changes()) ?? {}])];
}

/** A reply with a result that comes in parts. */
export function replyParts(id: Json, result: Iterable<string>): Iterator<string> {
  return enclosed(`{"id":${stringifyExact(id)},"result":`, result, ',"error":null}');
}

/** Notifications, and the empty reply of the request that they come of. */
export function* withReply(notifications: Iterable<string>, id: Json): Generator<string> {
  yield* notifications;
  yield `{"id":${stringifyExact(id)},"result":{},"error":null}`;
}

function* enclosed(before: string, parts: Iterable<string>, after: string): Generator<string> {
  yield before;
  yield* parts;
  yield after;
}
