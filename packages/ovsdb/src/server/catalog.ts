/**
 * The databases that a server has, by name, and `_Server`, the built-in one that tells clients about them.
 *
 * @see ovsdb-server(5)
 */
import type { Json, Logger } from "@tenet/kit";
import type { DatabaseEngine } from "../engine/database.ts";
import { stringifySorted } from "../model/sorted-json.ts";
import { Database } from "../storage/open-database.ts";
import { MonitorViews } from "./monitor-views.ts";
import { SERVER_SCHEMA } from "./server-schema.ts";

/** A database as the server holds it. */
export interface ServedDatabase {
  readonly database: DatabaseEngine;
  readonly views: MonitorViews;
  /** Clients may read but not write. */
  readonly isReserved: boolean;
}

/** What is added, and what follows it. */
interface Entry extends ServedDatabase {
  readonly stopFollowing: () => void;
}

/** The databases of one server. */
export class Catalog {
  readonly #entries = new Map<string, Entry>();
  /** The database `_Server`. */
  readonly #about: Database;
  readonly #onConvert: (database: DatabaseEngine) => void;

  /** @param onConvert - told after the schema of one has changed */
  constructor(log: Logger, onConvert: (database: DatabaseEngine) => void) {
    this.#onConvert = onConvert;
    this.#about = Database.inMemory({ schema: SERVER_SCHEMA, log });
    this.#enter(this.#about, true);
  }

  /** All of them, `_Server` too. */
  get served(): ReadonlyMap<string, ServedDatabase> {
    return this.#entries;
  }

  /** Adds databases; resolves when `_Server` tells of them. Each name is free. */
  async add(databases: readonly DatabaseEngine[]): Promise<void> {
    const isFirst = this.#about.table("Database").size === 0;
    for (const database of databases) this.#enter(database, false);
    const added = isFirst ? [...databases, this.#about] : databases;
    await this.#tell(added.map((database) => describeDatabase(database)));
  }

  /** Forgets a database that was added; resolves when `_Server` tells of it no more. */
  async remove(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.isReserved) return;
    this.#entries.delete(name);
    entry.stopFollowing();
    await this.#tell([{ op: "delete", table: "Database", where: [["name", "==", name]] }]);
  }

  /** Follows none any more. */
  close(): void {
    for (const { stopFollowing } of this.#entries.values()) stopFollowing();
    this.#about.close();
  }

  #enter(database: DatabaseEngine, isReserved: boolean): void {
    const views = new MonitorViews(database);
    const stopConvert = database.onConvert(() => this.#converted(database));
    const stopStatus = database.onStatus(() => this.#update(database, statusColumns(database)));
    const stopFollowing = (): void => {
      stopConvert();
      stopStatus();
      views.close();
    };
    this.#entries.set(database.schema.name, { database, views, isReserved, stopFollowing });
  }

  #converted(database: DatabaseEngine): void {
    this.#onConvert(database);
    this.#update(database, { schema: stringifySorted(database.schema.json) });
  }

  #update(database: DatabaseEngine, row: Json): void {
    void this.#tell([{ op: "update", table: "Database", where: [["name", "==", database.schema.name]], row }]);
  }

  #tell(operations: readonly Json[]): Promise<unknown> {
    return this.#about.transact(operations, { remote: "internal" });
  }
}

function describeDatabase(database: DatabaseEngine): Json {
  const { schema, status } = database;
  const schemaText = status.isJoining === true ? ["set", []] : stringifySorted(schema.json);
  const row = { name: schema.name, schema: schemaText, ...statusColumns(database) };
  return { op: "insert", table: "Database", row };
}

function statusColumns({ status }: DatabaseEngine): { readonly [column: string]: Json } {
  const { model, isConnected, clusterId, index } = status;
  return {
    model,
    connected: isConnected,
    leader: model !== "relay",
    cid: clusterId === undefined ? ["set", []] : ["uuid", clusterId],
    index: index ?? ["set", []],
  };
}
