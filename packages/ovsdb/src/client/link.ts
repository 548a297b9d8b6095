/**
 * Keeps one connection to the server of the list that is of use: it serves the database, it is the leader when one is
 * wanted, and it is not behind what was seen before.
 *
 * Servers are tried in turn, at once while the list lasts, then after a pause that doubles. A connection that ends, or
 * whose server loses its standing, is followed by one to the next server.
 */
import { type Json, type Logger, messageOf } from "@tenet/kit";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { ConnectionLostError, JsonRpcConnection } from "../rpc/json-rpc-connection.ts";
import { SERVER_JSON_LIMITS } from "../rpc/json-stream.ts";
import type { Dial, RpcSocket } from "../rpc/rpc-socket.ts";
import type { Turns, Work } from "../rpc/work.ts";
import { sleep } from "./sleep.ts";
import { Horizon, Standing } from "./standing.ts";

/** How a link is kept. */
export interface LinkOptions {
  /** At least one. */
  readonly remotes: readonly string[];
  readonly dial: Dial;
  readonly database: string;
  readonly onlyLeader: boolean;
  readonly maxBackoffMs: number;
  readonly probeIntervalMs: number;
  readonly dialTimeoutMs: number;
  readonly turns?: Turns | undefined;
}

/** Who uses the connection. */
export interface LinkUser {
  /** Makes a new connection ready; nobody else uses it before. @returns what to do as soon as it is in use */
  join(connection: JsonRpcConnection): Promise<() => void>;
  notified(method: string, params: Json, connection: JsonRpcConnection): Work | undefined;
  /** The connection in use has ended; another is tried. */
  left?(): void;
}

interface Current {
  readonly connection: JsonRpcConnection;
  readonly remote: string;
}

const FIRST_BACKOFF_MS = 50;
/** A connection that ended before was of no use, and the next is not tried at once. */
const SHORT_LIFE_MS = 1000;

/** A connection that is renewed; made by {@link Link.open}. */
export class Link {
  readonly #options: LinkOptions;
  readonly #user: LinkUser;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #horizon = new Horizon();
  #waiting: { resolve: (connection: JsonRpcConnection) => void; reject: (reason: unknown) => void }[] = [];
  #current: Current | undefined;
  #ended: Promise<void> = Promise.resolve();
  #next = 0;
  #nFailures = 0;
  #hasJoined = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: LinkOptions, user: LinkUser, log: Logger) {
    this.#options = options;
    this.#user = user;
    this.#log = log;
  }

  /** Resolves when the first connection is ready; from then on it is renewed. @throws OvsdbError when the only server has no such database */
  async open(): Promise<void> {
    await this.#connectUntilDone();
    this.#running = this.#keepConnected();
  }

  /** Aborts when the link is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The connection and the server it leads to, while there is one. */
  get current(): Current | undefined {
    return this.#current;
  }

  /** The connection, as soon as there is one. @throws the reason for which the link was closed */
  async connected(): Promise<Current> {
    while (this.#current === undefined) {
      this.closing.throwIfAborted();
      await new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    return this.#current;
  }

  /** Ends it for ever; resolves when nothing of it runs any more. */
  async close(reason: unknown): Promise<void> {
    this.#closing.abort(reason);
    this.#current?.connection.close();
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
    await this.#running;
  }

  async #keepConnected(): Promise<void> {
    while (!this.closing.aborted) {
      await this.#ended;
      if (this.closing.aborted) return;
      this.#log.info({}, "connection lost, reconnecting");
      await this.#connectUntilDone().catch((error: unknown) => {
        if (!this.closing.aborted) this.#log.error({ err: messageOf(error) }, "cannot reconnect");
      });
    }
  }

  async #connectUntilDone(): Promise<void> {
    const { remotes, maxBackoffMs } = this.#options;
    for (;;) {
      const nRounds = Math.floor(this.#nFailures / remotes.length);
      if (nRounds > 0 && this.#nFailures % remotes.length === 0) {
        await sleep(Math.min(FIRST_BACKOFF_MS * 2 ** (nRounds - 1), maxBackoffMs), this.closing);
      }
      this.closing.throwIfAborted();
      const remote = remotes[this.#next++ % remotes.length] ?? "";
      try {
        return await this.#connectTo(remote);
      } catch (error) {
        this.closing.throwIfAborted();
        if (error instanceof OvsdbError && !this.#hasJoined && remotes.length === 1) throw error;
        this.#nFailures++;
        this.#log.debug({ remote, err: messageOf(error) }, "cannot use server");
      }
    }
  }

  async #connectTo(remote: string): Promise<void> {
    const { probeIntervalMs, database, onlyLeader, turns } = this.#options;
    const socket = await this.#dial(remote);
    const standing = new Standing(database, onlyLeader, this.#horizon);
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const handler = {
      request: (_method: string, _params: Json, id: Json) => connection.replyError(id, "unknown method"),
      notification: (method: string, params: Json) => {
        if (!standing.update(method, params)) return this.#user.notified(method, params, connection);
        this.#judge(standing, connection, remote);
        return undefined;
      },
      closed: () => {
        const wasInUse = this.#current?.connection === connection;
        if (wasInUse) this.#current = undefined;
        end();
        if (wasInUse) this.#user.left?.();
      },
    };
    const options = { probeIntervalMs, limits: SERVER_JSON_LIMITS, ...(turns === undefined ? {} : { turns }) };
    const connection = new JsonRpcConnection(socket, handler, this.#log, options);
    const stop = (): void => connection.close();
    this.closing.addEventListener("abort", stop, { once: true });
    try {
      await standing.start(connection);
      const reason = standing.whyNot();
      if (reason !== undefined) throw new ConnectionLostError(`Server "${remote}" ${reason}`);
      const inUse = await this.#user.join(connection);
      if (connection.isClosed) throw new ConnectionLostError(`The connection to "${remote}" ended at once`);
      this.#begin({ connection, remote }, ended);
      inUse();
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      this.closing.removeEventListener("abort", stop);
    }
  }

  async #dial(remote: string): Promise<RpcSocket> {
    const { dial, dialTimeoutMs } = this.#options;
    const attempt = new AbortController();
    const stop = (): void => attempt.abort(this.closing.reason);
    const giveUp = (): void => attempt.abort(new ConnectionLostError(`Server "${remote}" does not take the connection`));
    this.closing.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(giveUp, dialTimeoutMs);
    try {
      return await dial(remote, attempt.signal);
    } finally {
      clearTimeout(timer);
      this.closing.removeEventListener("abort", stop);
    }
  }

  #begin(current: Current, ended: Promise<void>): void {
    const start = performance.now();
    this.#hasJoined = true;
    this.#current = current;
    this.#ended = ended.then(() => {
      this.#nFailures = performance.now() - start < SHORT_LIFE_MS ? this.#nFailures + 1 : 0;
    });
    this.#log.debug({ to: current.remote }, "connected");
    if (this.closing.aborted) return current.connection.close();
    for (const { resolve } of this.#waiting.splice(0)) resolve(current.connection);
  }

  #judge(standing: Standing, connection: JsonRpcConnection, remote: string): void {
    const reason = standing.whyNot();
    if (reason === undefined || connection.isClosed) return;
    this.#log.info({ from: remote, reason }, "leaving server");
    connection.close(new ConnectionLostError(`Server "${remote}" ${reason}`));
  }
}
