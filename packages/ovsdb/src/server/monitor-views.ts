/**
 * The monitors of one database. Monitors that see the same share a view, and each commit is turned into
 * text once per view, however many clients look through it.
 *
 * A client that does not read keeps nobody's memory: what it misses is added up row by row, and told as one
 * update when it has read what it was sent.
 */
import type { Json } from "@tenet/kit";
import type { Commit } from "../engine/commit.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import { stringifyExact } from "../model/exact-json.ts";
import type { RowChange } from "../model/row.ts";
import type { MonitorSpec } from "./monitor-spec.ts";
import { updatesOf } from "./monitor-update.ts";
import { NetChanges } from "./net-changes.ts";

/** One client's monitor. */
export interface Monitor {
  readonly database: DatabaseEngine;
  readonly method: "update" | "update2" | "update3";
  /** The client's name for the monitor; `monitor_cond_change` may change it. */
  id: Json;
  spec: MonitorSpec;
  readonly send: (text: string) => void;
  /** Whether the client has yet to read what it was sent. */
  readonly isBehind: () => boolean;
  /** What the client has not been told, and the version after it. */
  missed: { readonly net: NetChanges; version: string } | undefined;
}

/** All monitors of one database. */
export class MonitorViews {
  readonly #views = new Map<string, Set<Monitor>>();

  /** Follows the database no more. */
  readonly close: () => void;

  constructor(database: DatabaseEngine) {
    this.close = database.onCommit((commit) => this.#tell(commit));
  }

  add(monitor: Monitor): void {
    const view = this.#views.get(monitor.spec.key) ?? new Set<Monitor>();
    this.#views.set(monitor.spec.key, view.add(monitor));
  }

  remove(monitor: Monitor): void {
    const view = this.#views.get(monitor.spec.key);
    view?.delete(monitor);
    if (view?.size === 0) this.#views.delete(monitor.spec.key);
  }

  #tell({ version, changes }: Commit): void {
    for (const view of this.#views.values()) {
      const [first] = view;
      const updates = first === undefined ? undefined : updatesOf(first.spec, changes);
      if (updates === undefined) continue;
      const text = stringifyExact(updates);
      for (const monitor of view) {
        if (monitor.missed === undefined && !monitor.isBehind()) monitor.send(notification(monitor, version, text));
        else miss(monitor, changes, version);
      }
    }
  }
}

/** Tells a client what it missed. */
export function catchUp(monitor: Monitor): void {
  const { missed } = monitor;
  if (missed === undefined) return;
  monitor.missed = undefined;
  const updates = updatesOf(monitor.spec, missed.net.changes());
  if (updates !== undefined) monitor.send(notification(monitor, missed.version, stringifyExact(updates)));
}

function miss(monitor: Monitor, changes: readonly RowChange[], version: string): void {
  const missed = monitor.missed ?? { net: new NetChanges(), version };
  missed.net.add(changes.filter(({ table }) => monitor.spec.tables.has(table)));
  missed.version = version;
  monitor.missed = missed;
}

/** What stands before the updates in a notification, and behind them. */
export function notificationEnds({ method, id }: Monitor, version: string): readonly [start: string, end: string] {
  const transaction = method === "update3" ? `"${version}",` : "";
  return [`{"id":null,"method":"${method}","params":[${stringifyExact(id)},${transaction}`, "]}"];
}

/** The text of a notification; `updates` is JSON text. */
function notification(monitor: Monitor, version: string, updates: string): string {
  const [start, end] = notificationEnds(monitor, version);
  return start + updates + end;
}
