/**
 * Serves databases to OVSDB clients over unix, TCP and TLS sockets.
 *
 * @see RFC 7047, section 4 and ovsdb-server(7)
 */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { AppError, type Logger, messageOf } from "@tenet/kit";
import type { ClientIdentity } from "../engine/commit.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import { type ConnectionOptions, JsonRpcConnection } from "../rpc/json-rpc-connection.ts";
import type { RpcSocket } from "../rpc/rpc-socket.ts";
import { parseListenRemote, type SocketAddress } from "../rpc/remote.ts";
import { TlsIdentity, type TlsSource } from "../rpc/tls-files.ts";
import { SharedDatabase } from "../shared/shared-database.ts";
import { Catalog } from "./catalog.ts";
import { Remotes } from "./remotes.ts";
import type { RemoteHost, ServedClient } from "./serve-remote.ts";
import { SharedLocks } from "./shared-locks.ts";
import { SendQueue } from "./send-queue.ts";
import { Session, type SessionContext } from "./session.ts";
import type { RemoteSettings } from "./table-remotes.ts";

/** Unsent bytes above which a client is waited for. */
const PAUSE_BYTES = 1024 * 1024;

/** A database that the server has already, or has not. */
export class DatabaseNameError extends AppError {
  static override readonly code: string = "OVSDB_DATABASE_NAME";
}

/** How a server treats its clients. */
export interface OvsdbServerOptions extends Omit<ConnectionOptions, "probeIntervalMs"> {
  /** Tells who is behind a socket; by default its address alone. */
  readonly identify?: (socket: Socket) => ClientIdentity;
  /** For `pssl:` and `ssl:` remotes; looked up for each connection when it is a function. */
  readonly tls?: TlsSource;
  /** Where the sockets of `punix:` and `unix:` are that no folder is given for; the working folder when absent. */
  readonly socketFolder?: string;
  /** Where `ptcp:PORT` and `pssl:PORT` listen without an address; loopback when absent. */
  readonly defaultHost?: string;
  /** Idle TCP clients are probed after this time; 0 is never. Default 5 s. */
  readonly probeIntervalMs?: number;
  /** What `get_server_id` answers; servers of one process should answer the same. By default a new uuid. */
  readonly serverId?: string;
}

/**
 * An OVSDB server for several databases.
 *
 * @example
 * const server = new OvsdbServer([nb, sb], log);
 * await server.listen("punix:/run/nb.sock");
 * await server.listen("ptcp:6641"); // loopback
 */
export class OvsdbServer {
  readonly #options: OvsdbServerOptions;
  readonly #log: Logger;
  #context: SessionContext;
  readonly #remotes: Remotes;
  readonly #sessions = new Set<Session>();
  readonly #catalog: Catalog;
  readonly #locks: SharedLocks;
  readonly #ready: Promise<void>;
  readonly #databaseListeners = new Set<() => void>();
  #nConnections = 0;

  constructor(databases: readonly DatabaseEngine[], log: Logger, options: OvsdbServerOptions = {}) {
    this.#options = options;
    this.#log = log;
    this.#catalog = new Catalog(log, (database) => this.#tellConverted(database));
    const { served } = this.#catalog;
    const tls = new TlsIdentity(options.tls);
    const accept: RemoteHost["accept"] = (...client) => this.#accept(...client);
    const isReadOnly = () => this.#context.isReadOnly;
    const { socketFolder, defaultHost } = options;
    this.#remotes = new Remotes(
      { tls, log, accept, isReadOnly, socketFolder, defaultHost },
      (name) => served.get(name)?.database,
    );
    this.#locks = new SharedLocks(() => Array.from(served.values()).flatMap(({ database }) => sharedOf(database)), log);
    const rights = { isReadOnly: false, mayConvert: true, knowsConditions: true };
    const shared = { databases: served, locks: this.#locks, sendQueue: new SendQueue() };
    this.#context = { ...shared, serverId: options.serverId ?? randomUUID(), log, ...rights };
    this.#ready = this.#catalog.add(databases);
  }

  /**
   * Accepts clients on `punix:PATH`, `ptcp:PORT[:IP]` or `pssl:PORT[:IP]` (loopback unless an address is given).
   *
   * A socket file that nobody listens on any more is replaced.
   *
   * @returns the address to connect to: `unix:PATH`, `tcp:IP:PORT` or `ssl:IP:PORT`, the port filled in when 0 was asked
   * @throws BadRemoteError, IoError
   */
  async listen(remote: string): Promise<string> {
    parseListenRemote(remote);
    return (await this.addRemote(remote)) ?? remote;
  }

  /**
   * Serves a remote of any form: one to listen on, one to connect to (`unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`;
   * again whenever the connection ends), or `db:DATABASE,TABLE,COLUMN`, whose remotes are followed as they change.
   *
   * @returns the address for clients, when it listens
   * @throws BadRemoteError, IoError
   */
  async addRemote(remote: string): Promise<string | undefined> {
    await this.#ready;
    const connectTo = await this.#remotes.add(remote, {});
    this.#log.info({ remote, connectTo }, "remote served");
    return connectTo;
  }

  /**
   * Serves a remote of any form, now or as soon as that is possible: an address that is not free is tried again.
   *
   * @throws BadRemoteError when it names a database or a column that there is not
   */
  async keepRemote(remote: string, settings: RemoteSettings = {}): Promise<void> {
    await this.#ready;
    await this.#remotes.keep(remote, settings);
  }

  /**
   * Serves a client over a stream that somebody else opened, such as a WebSocket of {@link acceptWebSocket}.
   *
   * @param client - how logs and history call it
   * @returns ends its session
   */
  serve(socket: RpcSocket, client: ClientIdentity, settings: RemoteSettings = {}): () => void {
    const { close } = this.#open(socket, client, settings, this.#probeIntervalMs);
    return close;
  }

  /** Serves a remote no longer and ends the sessions of its clients. */
  removeRemote(remote: string): Promise<void> {
    return this.#remotes.remove(remote);
  }

  /** The remotes as they were added. */
  get remotes(): readonly string[] {
    return this.#remotes.names();
  }

  /** The names of the databases that are served, sorted, the built-in `_Server` too. */
  get databaseNames(): readonly string[] {
    return [...this.#catalog.served.keys()].toSorted();
  }

  /** The database of a name, the built-in `_Server` too; `undefined` when none of that name is served. */
  database(name: string): DatabaseEngine | undefined {
    return this.#catalog.served.get(name)?.database;
  }

  /** How many clients are connected, and how many monitors they have. */
  get usage(): { readonly nSessions: number; readonly nMonitors: number } {
    const sessions = [...this.#sessions];
    return { nSessions: sessions.length, nMonitors: sessions.reduce((sum, { nMonitors }) => sum + nMonitors, 0) };
  }

  /**
   * Serves one more database. Clients that did not say that they are aware of changes are disconnected, `_Server`
   * tells the others.
   *
   * @throws DatabaseNameError when one of its name is served
   */
  async addDatabase(database: DatabaseEngine): Promise<void> {
    const { name } = database.schema;
    await this.#ready;
    if (this.#catalog.served.has(name)) {
      throw new DatabaseNameError(`Cannot serve database "${name}": one of that name is served`, {
        hint: "Remove that one first",
        details: { name },
      });
    }
    this.#endUnaware(`adding ${name} database`);
    await this.#catalog.add([database]);
    await this.#databasesChanged();
  }

  /**
   * Serves a database no longer; it stays open. Its monitors end, transactions that wait in it are canceled, and clients
   * are told or disconnected as in {@link addDatabase}.
   *
   * @throws DatabaseNameError when none of that name was given
   */
  async removeDatabase(name: string): Promise<void> {
    await this.#ready;
    const served = this.#catalog.served.get(name);
    if (served === undefined || served.isReserved) {
      throw new DatabaseNameError(`Cannot remove database "${name}": it is ${served === undefined ? "not served" : "built in"}`, {
        hint: `Served are ${this.databaseNames.join(", ")}`,
        details: { name },
      });
    }
    for (const session of this.#sessions) session.databaseChanged(served.database);
    this.#endUnaware(`removing ${name} database`);
    await this.#catalog.remove(name);
    await this.#databasesChanged();
  }

  /** The databases that are served now, without `_Server`. */
  get databases(): readonly DatabaseEngine[] {
    return [...this.#catalog.served.values()].flatMap(({ database, isReserved }) => (isReserved ? [] : [database]));
  }

  /** Calls `listener` after databases came or went. @returns stops it */
  onDatabases(listener: () => void): () => void {
    this.#databaseListeners.add(listener);
    return () => this.#databaseListeners.delete(listener);
  }

  /** What `get_server_id` answers. */
  get serverId(): string {
    return this.#context.serverId;
  }

  /** Lets clients read only, or write again; when that changes they have to connect again. */
  setReadOnly(isReadOnly: boolean): void {
    if (isReadOnly === this.#context.isReadOnly) return;
    this.#context = { ...this.#context, isReadOnly };
    this.reconnect(isReadOnly ? "making server read-only" : "making server read/write");
  }

  /** Ends all sessions; clients and remotes connect again. */
  reconnect(why: string): void {
    for (const session of this.#sessions) this.#end(session, why);
  }

  /** Knows `monitor_cond` and `monitor_cond_since` no more, as a server of long ago; clients have to connect again. */
  disableConditions(): void {
    this.#context = { ...this.#context, knowsConditions: false };
    this.reconnect("conditional monitors disabled");
  }

  /** Ends all sessions and remotes; the databases stay open. */
  async close(): Promise<void> {
    this.#catalog.close();
    this.#locks.close();
    for (const session of this.#sessions) session.close();
    await this.#remotes.close();
  }

  get #probeIntervalMs(): number {
    return this.#options.probeIntervalMs ?? 5000;
  }

  async #databasesChanged(): Promise<void> {
    for (const listener of this.#databaseListeners) listener();
    await this.#remotes.databasesChanged();
  }

  #tellConverted(database: DatabaseEngine): void {
    const { name, version } = database.schema;
    for (const session of this.#sessions) session.databaseChanged(database);
    this.#endUnaware(`database ${name} changed`);
    this.#log.info({ database: name, version }, "database converted");
  }

  #endUnaware(why: string): void {
    for (const session of this.#sessions) if (!session.isChangeAware) this.#end(session, why);
  }

  /** Ends a session after the replies of this moment. */
  #end(session: Session, why: string): void {
    this.#log.info({ remote: session.identity.remote, why }, "disconnecting");
    setImmediate(() => session.close());
  }

  #accept(socket: Socket, address: SocketAddress, settings: RemoteSettings): ServedClient {
    const identity = this.#identify(socket, clientAddress(socket, address, this.#nConnections++));
    return this.#open(socket, identity, settings, "path" in address ? 0 : this.#probeIntervalMs);
  }

  #open(socket: RpcSocket, identity: ClientIdentity, settings: RemoteSettings, defaultMs: number): ServedClient {
    const { probeIntervalMs = defaultMs } = settings;
    const log = this.#log.child({ remote: identity.remote });
    const role = settings.role === undefined ? undefined : { role: settings.role, name: identity.subject };
    const mayConvert = settings.isReadOnly !== true;
    const context = { ...this.#context, log, isReadOnly: this.#context.isReadOnly || !mayConvert, mayConvert, role };
    const session = new Session(context, identity, () => {
      this.#sessions.delete(session);
      log.debug({ nSessions: this.#sessions.size }, "session closed");
    });
    this.#sessions.add(session);
    session.attach(new JsonRpcConnection(socket, session, log, { pauseBytes: PAUSE_BYTES, ...this.#options, probeIntervalMs }));
    log.debug({ ...identity, nSessions: this.#sessions.size }, "session opened");
    return {
      get lockNames() {
        return session.lockNames;
      },
      setProbeInterval: (wantedMs = defaultMs) => session.setProbeInterval(wantedMs),
      close: () => session.close(),
    };
  }

  #identify(socket: Socket, remote: string): ClientIdentity {
    try {
      const given = this.#options.identify?.(socket);
      const subject = subjectOf(socket);
      const known: ClientIdentity = { remote, ...given, ...(subject === undefined ? {} : { subject }) };
      return known.remote === "" ? { ...known, remote } : known;
    } catch (error) {
      this.#log.warn({ remote, err: messageOf(error) }, "client not identified");
      return { remote };
    }
  }
}

function clientAddress(socket: Socket, address: SocketAddress, n: number): string {
  if ("path" in address) return `unix:${address.path}#${n}`;
  return `${address.isTls ? "ssl" : "tcp"}:${socket.remoteAddress}:${socket.remotePort}`;
}

/** The name in the certificate that the client showed. */
function subjectOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { CN } = socket.getPeerCertificate().subject;
  return Array.isArray(CN) ? CN.join(",") : CN;
}

function sharedOf(database: DatabaseEngine): SharedDatabase[] {
  return database instanceof SharedDatabase ? [database] : [];
}
