/**
 * A live copy of (a part of) a database on a server, own or original.
 *
 * It connects, monitors by the best method the server knows (`monitor_cond_since`, `monitor_cond`,
 * `monitor`), applies updates, and reconnects by itself when the connection is lost: with
 * `monitor_cond_since` it then receives only what it missed, otherwise it compares the new content with
 * what it had. Listeners hear differences only, in every case.
 */
import { AppError, type Json, type Logger, messageOf, ProtocolError, silentLogger } from "@tenet/kit";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { parseSchema } from "../model/parse-schema.ts";
import type { Row, RowChange } from "../model/row.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { isJsonArray, isJsonObject } from "../model/sorted-json.ts";
import { ConnectionLostError, JsonRpcConnection, RpcError } from "../rpc/json-rpc-connection.ts";
import { parseConnectRemote } from "../rpc/remote.ts";
import { type ConnectOptions, Follow } from "./follow.ts";
import { openSocket, sleep } from "./open-socket.ts";
import type { Operations } from "./operations.ts";
import { type HistoryEntry, isHistoryEntry, operationResult, type OperationResult, toOvsdbError } from "./results.ts";

const FIRST_BACKOFF_MS = 50;

/**
 * Connects to a server and follows a database.
 *
 * The first connection is tried until it succeeds or `signal` aborts, so that programs may start in any order.
 *
 * @param remote - `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`
 * @returns a replica that holds the initial content
 * @throws BadRemoteError; OvsdbError when the server has no such database; the signal's reason
 * @example
 * const nb = await connect("unix:/run/nb.sock", { database: "OVN_Northbound", tables: ["ACL"] }, signal);
 * nb.onChange((changes) => console.log(changes.length, nb.table("ACL").size));
 */
export async function connect(remote: string, options: ConnectOptions, signal: AbortSignal): Promise<Replica> {
  const replica = await Replica.open(remote, options, signal);
  return replica;
}

/** A live copy of a database; made by {@link connect}. */
export class Replica implements AsyncDisposable {
  readonly #remote: string;
  readonly #options: ConnectOptions;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(changes: readonly RowChange[]) => void>();
  #connection: JsonRpcConnection | undefined;
  #follow: Follow | undefined;
  #running: Promise<void> = Promise.resolve();

  private constructor(remote: string, options: ConnectOptions) {
    this.#remote = remote;
    this.#options = options;
    this.#log = (options.log ?? silentLogger).child({ remote, database: options.database, replica: options.name });
  }

  /** See {@link connect}. */
  static async open(remote: string, options: ConnectOptions, signal: AbortSignal): Promise<Replica> {
    parseConnectRemote(remote);
    const replica = new Replica(remote, options);
    const stop = () => replica.#closing.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    await replica.#connectUntilDone();
    replica.#running = replica.#keepConnected();
    return replica;
  }

  /** The server's schema of the database. */
  get schema(): DatabaseSchema {
    return this.#state.schema;
  }

  /** Builds operations for {@link transact} against the server's schema. */
  get operations(): Operations {
    return this.#state.operations;
  }

  /** Whether the replica is connected at this moment. */
  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** The rows of a table by uuid: a live view; rows hold the replicated columns and defaults for the others. */
  table(name: string): ReadonlyMap<string, Row> {
    return this.#state.tables.rows(name);
  }

  /** The first row of a table that satisfies `test`. */
  find(table: string, test: (row: Row) => boolean): Row | undefined {
    for (const row of this.table(table).values()) if (test(row)) return row;
    return undefined;
  }

  /** Calls `listener` after each update was applied, with the rows that changed. @returns stops it */
  onChange(listener: (changes: readonly RowChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves with what `look` finds, as soon as it finds something: now or after a change.
   *
   * @throws the signal's reason when it aborts first; ConnectionLostError when the replica is closed
   */
  async waitFor<T>(look: (replica: this) => T | undefined, signal?: AbortSignal): Promise<T> {
    const found = look(this);
    if (found !== undefined) return found;
    const both = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    return new Promise<T>((resolve, reject) => {
      const stop = () => {
        both.removeEventListener("abort", abort);
        unsubscribe();
      };
      const abort = () => {
        stop();
        reject(both.reason instanceof Error ? both.reason : new ConnectionLostError("The replica was closed"));
      };
      const unsubscribe = this.onChange(() => {
        const value = look(this);
        if (value === undefined) return;
        stop();
        resolve(value);
      });
      both.addEventListener("abort", abort, { once: true });
      if (both.aborted) abort();
    });
  }

  /**
   * Executes a transaction on the server.
   *
   * With a Tenet or an original server the replica already holds the changes when this resolves.
   *
   * @param operations - operation objects; see {@link operations} for builders
   * @throws OvsdbError the first error among the results; ConnectionLostError when the outcome is unknown
   */
  async transact(operations: readonly Json[]): Promise<OperationResult[]> {
    const reply = await this.request("transact", [this.#options.database, ...operations]);
    if (!isJsonArray(reply)) throw new ProtocolError("Reply to transact is not an array");
    return reply.map((result) => operationResult(result));
  }

  /** The history of rows whose uuid begins with `uuid`, oldest first; empty from servers that keep none. */
  async history(uuid: string): Promise<HistoryEntry[]> {
    try {
      const reply = await this.request("tenet_history", [this.#options.database, uuid]);
      return isJsonArray(reply) ? reply.flatMap((entry) => (isHistoryEntry(entry) ? [entry] : [])) : [];
    } catch (error) {
      if (error instanceof RpcError && error.error === "unknown method") return [];
      throw error;
    }
  }

  /** Sends any request; waits for the connection when it is being re-established. */
  async request(method: string, params: readonly Json[]): Promise<Json> {
    const connection = this.#connection ?? (await this.#whenConnected());
    try {
      return await connection.request(method, params);
    } catch (error) {
      throw error instanceof RpcError && isJsonObject(error.error) ? toOvsdbError(error.error) : error;
    }
  }

  /** Ends the connection and stops reconnecting. */
  async close(): Promise<void> {
    this.#closing.abort(new ConnectionLostError("The replica was closed"));
    this.#connection?.close();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #state(): Follow {
    if (this.#follow === undefined) throw new AppError("The replica is not connected yet");
    return this.#follow;
  }

  async #keepConnected(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const connection = this.#connection;
      if (connection !== undefined) await connectionEnd(connection, signal);
      this.#connection = undefined;
      if (signal.aborted) break;
      this.#log.info({}, "connection lost, reconnecting");
      await this.#connectUntilDone().catch((error: unknown) => {
        if (!signal.aborted) this.#log.error({ err: messageOf(error) }, "cannot reconnect");
      });
    }
    this.#connection?.close();
  }

  async #connectUntilDone(): Promise<void> {
    const { signal } = this.#closing;
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, this.#options.maxBackoffMs ?? 2000)) {
      signal.throwIfAborted();
      try {
        return await this.#connectOnce();
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof OvsdbError && this.#follow === undefined) throw error;
        this.#log.debug({ err: messageOf(error), backoffMs }, "cannot connect");
        await sleep(backoffMs, signal);
      }
    }
  }

  async #connectOnce(): Promise<void> {
    const socket = await openSocket(this.#remote, this.#options.tls, this.#closing.signal);
    let onNotification: (method: string, params: Json) => void = () => undefined;
    const handler = {
      request: (_method: string, _params: Json, id: Json) => connection.replyError(id, "unknown method"),
      notification: (method: string, params: Json) => onNotification(method, params),
      closed: () => undefined,
    };
    const options = { probeIntervalMs: this.#options.probeIntervalMs ?? 10_000 };
    const connection = new JsonRpcConnection(socket, handler, this.#log, options);
    try {
      const follow = this.#follow ?? new Follow(await fetchSchema(connection, this.#options.database), this.#options);
      // Updates may arrive in the same read as the reply, before its promise runs: keep them in order.
      const early: [string, Json][] = [];
      onNotification = (method, params) => early.push([method, params]);
      const changes = await follow.start(connection);
      this.#follow = follow;
      this.#connection = connection;
      this.#tell(changes);
      onNotification = (method, params) => this.#receive(connection, method, params);
      for (const [method, params] of early) onNotification(method, params);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #receive(connection: JsonRpcConnection, method: string, params: Json): void {
    try {
      this.#tell(this.#state.update(method, params));
    } catch (error) {
      this.#log.warn({ err: messageOf(error) }, "bad update, reconnecting");
      this.#state.forget();
      connection.close();
    }
  }

  #tell(changes: readonly RowChange[]): void {
    if (changes.length === 0) return;
    const listeners = [...this.#listeners];
    for (const listener of listeners) {
      try {
        listener(changes);
      } catch (error) {
        this.#log.error({ err: messageOf(error) }, "change listener failed");
      }
    }
  }

  async #whenConnected(): Promise<JsonRpcConnection> {
    const { signal } = this.#closing;
    while (this.#connection === undefined) {
      signal.throwIfAborted();
      await sleep(10, signal);
    }
    return this.#connection;
  }
}

async function fetchSchema(connection: JsonRpcConnection, database: string): Promise<DatabaseSchema> {
  try {
    return parseSchema(await connection.request("get_schema", [database]));
  } catch (error) {
    throw error instanceof RpcError && isJsonObject(error.error) ? toOvsdbError(error.error) : error;
  }
}

/** Resolves when the connection has ended; the signal ends it. */
function connectionEnd(connection: JsonRpcConnection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => connection.close();
    signal.addEventListener("abort", end, { once: true });
    const done = () => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    if (signal.aborted) end();
    if (connection.socket.destroyed) done();
    else connection.socket.once("close", done);
  });
}
