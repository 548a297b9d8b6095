/**
 * What a database daemon serves, and how that is changed while it runs: database files, remotes, a configuration file.
 *
 * Errors have the original's words, because scripts look for them.
 */
import { resolve } from "node:path";
import { AppError, errnoOf, type Logger, messageOf } from "@tenet/kit";
import {
  Database,
  type DatabaseEngine,
  DatabaseLockedError,
  isRelay,
  NotALogError,
  OvsdbError,
  type OvsdbServer,
  parseRelay,
  RelayDatabase,
  type RemoteSettings,
  type TlsSource,
} from "@tenet/ovsdb";
import { describeErrno } from "../daemon/errno-text.ts";
import { Backups } from "./backups.ts";
import { type ConfiguredDatabase, readConfigFile, type SourceSettings } from "./config-file.ts";

/** Something that the daemon was told and cannot do. */
export class DaemonError extends AppError {
  static override readonly code: string = "OVSDB_SERVER";
}

/** A database that is served, and where from. */
interface ServedFile {
  readonly database: DatabaseEngine;
  /** What it was added as; absent when somebody else opened it, who closes it too. */
  readonly source?: string;
  /** The same with the whole path of a file. */
  readonly path?: string;
  /** How a relay was told to connect. */
  readonly settings?: SourceSettings;
  readonly close: () => void;
}

/** How a daemon runs. */
export interface DaemonOptions {
  /** What says which databases and remotes there are; then none can be added by hand. */
  readonly configFile?: string | undefined;
  /** Called after each commit. */
  readonly onCommit?: () => void;
  /** For relays from `ssl:` remotes. */
  readonly tls?: TlsSource;
}

/** A server, its databases and its remotes. */
export class DatabaseDaemon {
  readonly server: OvsdbServer;
  readonly #log: Logger;
  readonly #options: DaemonOptions;
  readonly #files = new Map<string, ServedFile>();
  readonly #remotes = new Set<string>();
  readonly #backups: Backups;

  constructor(server: OvsdbServer, log: Logger, options: DaemonOptions = {}) {
    this.server = server;
    this.#log = log;
    this.#options = options;
    this.#backups = new Backups(server, log, options.tls);
  }

  /** Finds a served database, the built-in one too. */
  readonly find = (name: string): DatabaseEngine | undefined => this.server.database(name);

  /** The names of all that is served, sorted. */
  get databaseNames(): readonly string[] {
    return this.server.databaseNames;
  }

  /** The remotes that were given, sorted; those that stand in databases are not among them. */
  get remotes(): readonly string[] {
    return [...this.#remotes].toSorted();
  }

  /** The files and relays, with whole paths, as {@link addFile} takes them. */
  get sources(): readonly string[] {
    return [...this.#files.values()].flatMap(({ path }) => path ?? []);
  }

  /** Serves a database that somebody else opened, and closes. */
  async adopt(database: DatabaseEngine): Promise<void> {
    await this.server.addDatabase(database);
    this.#keep({ database, close: () => undefined });
  }

  /** Opens a file, or begins to relay for `relay:DATABASE:REMOTE`, and serves it. @throws DaemonError */
  async addFile(file: string, settings: SourceSettings = {}): Promise<void> {
    if ([...this.#files.values()].some(({ source }) => source === file))
      throw new DaemonError(`ovsdb error: ${file}: already open`);
    const database = isRelay(file) ? this.#openRelay(file, settings) : await this.#openFile(file);
    const { name } = database.schema;
    if (this.find(name) !== undefined) {
      database.close();
      throw new DaemonError(
        `ovsdb error: ${isRelay(file) ? name : file}: duplicate database name${isRelay(file) ? "" : ` ${name}`}`,
      );
    }
    await this.server.addDatabase(database);
    const path = isRelay(file) ? file : resolve(file);
    this.#keep({ database, source: file, path, settings, close: () => database.close() });
  }

  /** Serves a database no longer, and closes its file. @throws DaemonError */
  async removeDatabase(name: string): Promise<void> {
    if (name.startsWith("_")) throw new DaemonError("Cannot remove reserved database.");
    const file = this.#files.get(name);
    if (file === undefined) throw new DaemonError("Failed to find the database.");
    await this.#backups.remove(name);
    await this.server.removeDatabase(name);
    this.#files.delete(name);
    file.close();
  }

  /** Serves a remote, now or as soon as that is possible. @throws BadRemoteError when it names a column that there is not */
  async addRemote(remote: string, settings: RemoteSettings = {}): Promise<void> {
    try {
      await this.server.keepRemote(remote, settings);
    } catch (error) {
      throw new DaemonError(messageOf(error), { cause: error });
    }
    this.#remotes.add(remote);
  }

  /** Serves a remote no longer. @throws DaemonError */
  async removeRemote(remote: string): Promise<void> {
    if (!this.#remotes.delete(remote)) throw new DaemonError("no such remote");
    await this.server.removeRemote(remote);
  }

  /** Compacts the file of a database, or of all. @throws DaemonError, IoError */
  async compact(name: string | undefined): Promise<void> {
    if (name?.startsWith("_") === true) throw new DaemonError("cannot compact built-in databases");
    const chosen = [...this.#files].flatMap(([known, file]) => (name === undefined || known === name ? [file] : []));
    if (chosen.length === 0 && name !== undefined) throw new DaemonError("no database by that name");
    for (const { database } of chosen) await database.compact();
  }

  /** Refuses to change by hand what a configuration file says. @throws DaemonError */
  checkChangeable(): void {
    const { configFile } = this.#options;
    if (configFile === undefined) return;
    throw new DaemonError(`databases and remotes are those of ${configFile}: change that, then ovsdb-server/reload`);
  }

  /** Serves what the configuration file says now; what it said before and says still is left alone. @throws DaemonError */
  async reload(): Promise<void> {
    const { configFile } = this.#options;
    if (configFile === undefined) throw new DaemonError("no configuration file was given: start with --config-file");
    const { databases, remotes } = readConfigFile(configFile);
    for (const [name, file] of this.#files) {
      if (file.source !== undefined && !databases.some((one) => isServedAs(file, one))) await this.removeDatabase(name);
    }
    for (const one of databases) {
      const files = () => [...this.#files.values()];
      if (!files().some((file) => isServedAs(file, one))) await this.addFile(one.argument, one.source);
      for (const file of files()) if (isServedAs(file, one)) await this.#backups.set(file.database, one.backup);
    }
    for (const remote of this.remotes) if (!remotes.has(remote)) await this.removeRemote(remote);
    for (const [remote, settings] of remotes) await this.addRemote(remote, settings);
  }

  /** What there is to say of databases that a configuration file makes backups. */
  get backupStatus(): string | undefined {
    return this.#backups.status;
  }

  /** Ends the sessions, then closes the files. */
  async close(): Promise<void> {
    await this.#backups.close();
    await this.server.close();
    for (const { close } of this.#files.values()) close();
  }

  #keep(file: ServedFile): void {
    const { onCommit } = this.#options;
    if (onCommit !== undefined) file.database.onCommit(onCommit);
    this.#files.set(file.database.schema.name, file);
  }

  #openRelay(name: string, settings: SourceSettings): RelayDatabase {
    const { tls } = this.#options;
    try {
      return new RelayDatabase(parseRelay(name), { ...settings, log: this.#log, ...(tls === undefined ? {} : { tls }) });
    } catch (error) {
      throw new DaemonError(`ovsdb error: ${name}: invalid syntax`, { cause: error });
    }
  }

  async #openFile(file: string): Promise<Database> {
    try {
      return await Database.openFile(resolve(file), { log: this.#log });
    } catch (error) {
      throw new DaemonError(describeOpenError(file, error), { cause: error });
    }
  }
}

/** Whether a served file is what a configuration says. */
function isServedAs({ source, settings }: ServedFile, configured: ConfiguredDatabase): boolean {
  return source === configured.argument && JSON.stringify(settings) === JSON.stringify(configured.source);
}

function describeOpenError(file: string, error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  if (error instanceof DatabaseLockedError) {
    return `I/O error: ${file}: failed to lock lockfile (Resource temporarily unavailable)`;
  }
  if (error instanceof NotALogError) return `ovsdb error: ${file}: unexpected file format`;
  if (error instanceof OvsdbError) return messageOf(error);
  if (errnoOf(cause) !== undefined) return `I/O error: ${file}: open failed (${describeErrno(cause)})`;
  return messageOf(error);
}
