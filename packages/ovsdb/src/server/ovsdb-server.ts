/**
 * Serves databases to OVSDB clients over unix and TCP sockets.
 *
 * @see RFC 7047, section 4 and ovsdb-server(7)
 */
import { randomUUID } from "node:crypto";
import { statSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { IoError, type Json, type Logger, messageOf } from "@tenet/kit";
import type { ClientIdentity } from "../engine/commit.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import { stringifySorted } from "../model/sorted-json.ts";
import { type ConnectionOptions, JsonRpcConnection } from "../rpc/json-rpc-connection.ts";
import { type ListenAddress, parseListenRemote } from "../rpc/remote.ts";
import { Database } from "../storage/open-database.ts";
import { Locks } from "./locks.ts";
import { MonitorViews } from "./monitor-views.ts";
import { SERVER_SCHEMA } from "./server-schema.ts";
import { type ServedDatabase, Session, type SessionContext } from "./session.ts";

/** Unsent bytes above which a client is waited for. */
const PAUSE_BYTES = 1024 * 1024;

/** How a server treats its clients. */
export interface OvsdbServerOptions extends Omit<ConnectionOptions, "probeIntervalMs"> {
  /** Tells who is behind a socket; by default its address alone. */
  readonly identify?: (socket: Socket) => ClientIdentity;
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
  readonly #listeners = new Set<Server>();
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
    this.#context = { databases: served, locks: new Locks(), serverId: randomUUID(), log };
    this.#ready = about.transact(
      [...served.values()].map(({ database }) => describeDatabase(database)),
      { remote: "internal" },
    );
  }

  /**
   * Accepts clients on `punix:PATH` or `ptcp:PORT[:IP]` (loopback unless an address is given).
   *
   * A socket file that nobody listens on any more is replaced.
   *
   * @returns the address to connect to: `unix:PATH` or `tcp:IP:PORT`, the port filled in when 0 was asked
   * @throws BadRemoteError, IoError
   */
  async listen(remote: string): Promise<string> {
    const address = parseListenRemote(remote);
    await this.#ready;
    if ("path" in address) await removeDeadSocket(address.path);
    const listener = createServer((socket) => this.#accept(socket, address));
    await listenOn(listener, address, remote);
    this.#listeners.add(listener);
    const bound = listener.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const connectTo = "path" in address ? `unix:${address.path}` : `tcp:${address.host}:${port}`;
    this.#log.info({ remote, connectTo }, "listening");
    return connectTo;
  }

  /** Ends all sessions and listeners; the databases stay open. */
  async close(): Promise<void> {
    const closing = [...this.#listeners].map((listener) => new Promise((resolve) => listener.close(resolve)));
    this.#listeners.clear();
    for (const stop of this.#stopFollowing) stop();
    for (const session of this.#sessions) session.close();
    await Promise.all(closing);
  }

  #tellConverted(database: Database): void {
    const { schema } = database;
    for (const session of this.#sessions) session.databaseChanged(database);
    this.#log.info({ database: schema.name, version: schema.version }, "database converted");
    const row = { schema: stringifySorted(schema.json) };
    const operation = { op: "update", table: "Database", where: [["name", "==", schema.name]], row };
    void this.#about.transact([operation], { remote: "internal" });
  }

  #accept(socket: Socket, address: ListenAddress): void {
    const n = this.#nConnections++;
    const remote = "path" in address ? `unix:${address.path}#${n}` : `tcp:${socket.remoteAddress}:${socket.remotePort}`;
    const identity = this.#identify(socket, remote);
    const log = this.#log.child({ remote });
    const session = new Session({ ...this.#context, log }, identity, () => {
      this.#sessions.delete(session);
      log.debug({ nSessions: this.#sessions.size }, "session closed");
    });
    this.#sessions.add(session);
    const probeIntervalMs = "path" in address ? 0 : (this.#options.probeIntervalMs ?? 5000);
    session.attach(new JsonRpcConnection(socket, session, log, { pauseBytes: PAUSE_BYTES, ...this.#options, probeIntervalMs }));
    log.debug({ ...identity, nSessions: this.#sessions.size }, "session opened");
  }

  #identify(socket: Socket, remote: string): ClientIdentity {
    try {
      const identity = this.#options.identify?.(socket);
      return identity === undefined ? { remote } : { ...identity, remote: identity.remote === "" ? remote : identity.remote };
    } catch (error) {
      this.#log.warn({ remote, err: messageOf(error) }, "client not identified");
      return { remote };
    }
  }
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

function listenOn(listener: Server, address: ListenAddress, remote: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(
        new IoError(`Cannot listen on "${remote}": ${error.message}`, {
          hint: "Free the address or choose another",
          cause: error,
        }),
      );
    };
    listener.once("error", fail);
    listener.listen(address, () => {
      listener.off("error", fail);
      resolve();
    });
  });
}

/** Removes a socket file whose listener is gone; what answers, or is no socket, is left, so that listening fails. */
function removeDeadSocket(path: string): Promise<void> {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return Promise.resolve();
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.on("connect", () => {
      probe.destroy();
      resolve();
    });
    probe.on("error", () => {
      unlinkSync(path);
      resolve();
    });
  });
}
