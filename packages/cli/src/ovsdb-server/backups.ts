/**
 * Databases that a configuration file makes backups: each is kept equal to that of its own active server, and its clients may
 * read only, while other databases of the same process are written to.
 */
import type { Logger } from "@tenet/kit";
import { type DatabaseEngine, type OvsdbServer, Replication, type TlsSource } from "@tenet/ovsdb";
import type { BackupSettings } from "./config-file.ts";

interface Backup {
  readonly settings: BackupSettings;
  readonly replication: Replication;
}

/** The backups of one server, by database. */
export class Backups {
  readonly #server: OvsdbServer;
  readonly #log: Logger;
  readonly #tls: TlsSource | undefined;
  readonly #backups = new Map<string, Backup>();

  constructor(server: OvsdbServer, log: Logger, tls: TlsSource | undefined) {
    this.#server = server;
    this.#log = log;
    this.#tls = tls;
  }

  /** Makes a database a backup, or one of another server, or ends that, whichever the settings say; the same again is nothing. */
  async set(database: DatabaseEngine, settings: BackupSettings | undefined): Promise<void> {
    const { name } = database.schema;
    const present = this.#backups.get(name);
    if (JSON.stringify(present?.settings) === JSON.stringify(settings)) return;
    await this.#end(name, (replication) => (settings === undefined ? replication.disconnect() : replication.close()));
    if (settings !== undefined) await this.#begin(database, settings);
  }

  /** The database is served no more. */
  remove(name: string): Promise<void> {
    return this.#end(name, (replication) => replication.close());
  }

  /** What `ovsdb-server/sync-status` says of each; `undefined` when there is none. */
  get status(): string | undefined {
    const parts = Array.from(this.#backups, ([name, { replication }]) => `${name}\n${replication.status}`);
    return parts.length === 0 ? undefined : parts.join("\n\n");
  }

  async close(): Promise<void> {
    for (const name of this.#backups.keys()) await this.remove(name);
  }

  async #begin(database: DatabaseEngine, settings: BackupSettings): Promise<void> {
    const { name } = database.schema;
    const server = this.#server;
    const { probeIntervalMs, maxBackoffMs } = settings.connection;
    const replication = new Replication(
      {
        serverId: server.serverId,
        databases: [database],
        setReadOnly: (isBackup) => {
          if (database.isBackup === isBackup) return;
          database.isBackup = isBackup;
          server.reconnect(`making ${name} ${isBackup ? "read-only" : "read/write"}`);
        },
        onDatabases: () => () => undefined, // there is but this one
      },
      {
        log: this.#log,
        ...(this.#tls === undefined ? {} : { tls: this.#tls }),
        ...(maxBackoffMs === undefined ? {} : { maxBackoffMs }),
      },
    );
    this.#backups.set(name, { settings, replication });
    replication.activeServer = settings.remote;
    if (probeIntervalMs !== undefined) replication.setProbeInterval(probeIntervalMs);
    await replication.setExcludedTables(settings.excludedTables.map((table) => `${name}:${table}`).join(","));
    await replication.connect();
  }

  async #end(name: string, how: (replication: Replication) => Promise<void>): Promise<void> {
    const backup = this.#backups.get(name);
    if (backup === undefined) return;
    this.#backups.delete(name);
    await how(backup.replication);
    await backup.replication.close();
  }
}
