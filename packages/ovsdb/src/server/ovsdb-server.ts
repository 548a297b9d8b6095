/**
 * Serves databases to OVSDB clients over unix, TCP and TLS sockets.
 *
 * @see RFC 7047, section 4 and ovsdb-server(7)
 */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type Json, type Logger, messageOf } from "@tenet/kit";
import type { ClientIdentity } from "../engine/commit.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import { stringifySorted } from "../model/sorted-json.ts";
import { type ConnectionOptions, JsonRpcConnection } from "../rpc/json-rpc-connection.ts";
import { parseListenRemote, type SocketAddress } from "../rpc/remote.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";
import { Database } from "../storage/open-database.ts";
import { Locks } from "./locks.ts";
import { MonitorViews } from "./monitor-views.ts";
import { Remotes } from "./remotes.ts";
import { SERVER_SCHEMA } from "./server-schema.ts";
import { type ServedDatabase, Session, type SessionContext } from "./session.ts";
import type { RemoteSettings } from "./table-remotes.ts";

/** Unsent bytes above which a client is waited for. */
const PAUSE_BYTES = 1024 * 1024;

/** How a server treats its clients. */
export interface OvsdbServerOptions extends Omit<ConnectionOptions, "probeIntervalMs"> {
  /** Tells who is behind a socket; by default its address alone. */
  readonly identify?: (socket: Socket) => ClientIdentity;
  /** For `pssl:` remotes. */
  readonly tls?: TlsFiles;
  /** Idle TCP clients are probed after this time; 0 is never. Default 5 s. */
  readonly probeIntervalMs?: number;
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
  readonly #context: SessionContext;
  readonly #remotes: Remotes;
  readonly #sessions = new Set<Session>();
  /** The database `_Server`. */
  readonly #about: Database;
  readonly #stopFollowing: (() => void)[] = [];
  readonly #ready: Promise<unknown>;
  #nConnections = 0;

  constructor(databases: readonly Database[], log: Logger, options: OvsdbServerOptions = {}) {
    this.#options = options;
    this.#log = log;
    this.#about = Database.inMemory({ schema: SERVER_SCHEMA, log });
    const about = this.#about;
    const served = new Map<string, ServedDatabase>();
    for (const database of [...databases, about]) {
      const views = new MonitorViews(database);
      served.set(database.schema.name, { database, views, isReserved: database === about });
      this.#stopFollowing.push(database.onConvert(() => this.#tellConverted(database)));
    }
    this.#remotes = new Remotes({
      tls: options.tls,
      log,
      database: (name) => served.get(name)?.database,
      accept: (socket, address, settings) => this.#accept(socket, address, settings),
    });
    this.#context = { databases: served, locks: new Locks(), serverId: randomUUID(), log, isReadOnly: false };
    this.#ready = about.transact(
      [...served.values()].map(({ database }) => describeDatabase(database)),
      { remote: "internal" },
    );
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

  /** Serves a remote no longer and ends the sessions of its clients. */
  removeRemote(remote: string): Promise<void> {
    return this.#remotes.remove(remote);
  }

  /** The remotes as they were added. */
  get remotes(): readonly string[] {
    return this.#remotes.names();
  }

  /** Ends all sessions and remotes; the databases stay open. */
  async close(): Promise<void> {
    for (const stop of this.#stopFollowing) stop();
    await this.#remotes.close();
  }

  #tellConverted(database: Database): void {
    const { schema } = database;
    for (const session of this.#sessions) session.databaseChanged(database);
    this.#log.info({ database: schema.name, version: schema.version }, "database converted");
    const row = { schema: stringifySorted(schema.json) };
    const operation = { op: "update", table: "Database", where: [["name", "==", schema.name]], row };
    void this.#about.transact([operation], { remote: "internal" });
  }

  #accept(socket: Socket, address: SocketAddress, settings: RemoteSettings): () => void {
    const n = this.#nConnections++;
    const remote = clientAddress(socket, address, n);
    const identity = this.#identify(socket, remote);
    const log = this.#log.child({ remote });
    const session = new Session({ ...this.#context, log, isReadOnly: settings.isReadOnly === true }, identity, () => {
      this.#sessions.delete(session);
      log.debug({ nSessions: this.#sessions.size }, "session closed");
    });
    this.#sessions.add(session);
    const probeIntervalMs = settings.probeIntervalMs ?? ("path" in address ? 0 : (this.#options.probeIntervalMs ?? 5000));
    session.attach(new JsonRpcConnection(socket, session, log, { pauseBytes: PAUSE_BYTES, ...this.#options, probeIntervalMs }));
    log.debug({ ...identity, nSessions: this.#sessions.size }, "session opened");
    return () => session.close();
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

function describeDatabase(database: DatabaseEngine): Json {
  const row = {
    name: database.schema.name,
    model: "standalone",
    connected: true,
    leader: true,
    schema: stringifySorted(database.schema.json),
  };
  return { op: "insert", table: "Database", row };
}
