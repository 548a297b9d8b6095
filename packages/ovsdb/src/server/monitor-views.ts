/**
 * The monitors of one database. Monitors that see the same share a view, and each commit is turned into
 * text once per view, however many clients look through it.
 */
import type { Json } from "@tenet/kit";
import type { Commit } from "../engine/commit.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import type { RowChange } from "../model/row.ts";
import type { MonitorSpec } from "./monitor-spec.ts";
import { updatesOf } from "./monitor-update.ts";

/** One client's monitor. */
export interface Monitor {
  readonly database: DatabaseEngine;
  readonly method: "update" | "update2" | "update3";
  /** The client's name for the monitor; `monitor_cond_change` may change it. */
  id: Json;
  spec: MonitorSpec;
  readonly send: (text: string) => void;
}

/** All monitors of one database. */
export class MonitorViews {
  readonly #views = new Map<string, Set<Monitor>>();

  constructor(database: DatabaseEngine) {
    database.onCommit((commit) => this.#tell(commit));
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
      const text = JSON.stringify(updates);
      for (const monitor of view) monitor.send(notification(monitor, version, text));
    }
  }
}

/** The text of an update notification; `updates` is JSON text. */
export function notification({ method, id }: Monitor, version: string, updates: string): string {
  const transaction = method === "update3" ? `"${version}",` : "";
  return `{"id":null,"method":"${method}","params":[${JSON.stringify(id)},${transaction}${updates}]}`;
}

/** Several commits as one: what a client that slept through them has to know. */
export function netChanges(commits: readonly Commit[]): RowChange[] {
  const net = new Map<string, RowChange>();
  for (const { changes } of commits) {
    for (const change of changes) {
      const key = `${change.table}/${change.uuid}`;
      const earlier = net.get(key);
      net.set(key, earlier === undefined ? change : { ...change, old: earlier.old });
    }
  }
  return [...net.values()].filter((change) => change.old !== undefined || change.new !== undefined);
}
