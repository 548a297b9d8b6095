/** The conversation of a backup with the active server, over one connection. */
import { type Json, type Logger, messageOf } from "@tenet/kit";
import { openSocket } from "../client/open-socket.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import { parseSchema } from "../model/parse-schema.ts";
import { isJsonArray } from "../model/sorted-json.ts";
import { ConnectionLostError, JsonRpcConnection } from "../rpc/json-rpc-connection.ts";
import { SERVER_JSON_LIMITS } from "../rpc/json-stream.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";
import { DatabaseFeed } from "./database-feed.ts";
import type { ExcludedTables } from "./excluded-tables.ts";
import { ReplicationError } from "./replication-error.ts";

const DIAL_TIMEOUT_MS = 5000;

/** What is replicated, and for whom. */
export interface Replicated {
  readonly remote: string;
  readonly excluded: ExcludedTables;
  /** Of this server, which must not be the active one. */
  readonly serverId: string;
  readonly tls: TlsFiles | undefined;
  readonly probeIntervalMs: number;
}

/** A connection to the active server. */
export class ActiveServer {
  readonly #what: Replicated;
  readonly #log: Logger;
  readonly #connection: JsonRpcConnection;
  readonly #feeds = new Map<string, DatabaseFeed>();
  readonly #ended: Promise<void>;
  #failure: Error | undefined;

  /** Connects. @throws BadRemoteError, IoError */
  static async connect(what: Replicated, log: Logger, signal: AbortSignal): Promise<ActiveServer> {
    const socket = await openSocket(what.remote, what.tls, AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]));
    return new ActiveServer(what, log, (handler) => {
      return new JsonRpcConnection(socket, handler, log, { probeIntervalMs: what.probeIntervalMs, limits: SERVER_JSON_LIMITS });
    });
  }

  private constructor(
    what: Replicated,
    log: Logger,
    open: (handler: ConstructorParameters<typeof JsonRpcConnection>[1]) => JsonRpcConnection,
  ) {
    this.#what = what;
    this.#log = log;
    let end: () => void = () => undefined;
    this.#ended = new Promise((resolve) => (end = resolve));
    this.#connection = open({
      request: (_method, _params, id) => this.#connection.replyError(id, "unknown method"),
      notification: (method, params) => this.#told(method, params),
      closed: (error) => {
        this.#failure ??= error;
        end();
      },
    });
  }

  /**
   * Fetches the content of all databases that can be replicated and commits it; from then on they follow.
   *
   * @param databases - those that the active server has, too, are replicated
   * @returns their names, sorted
   * @throws ReplicationError when that is none, or the active server is this one; RpcError, ConnectionLostError
   */
  async begin(databases: readonly DatabaseEngine[]): Promise<string[]> {
    if ((await this.#connection.request("get_server_id", [])) === this.#what.serverId) {
      throw new ReplicationError("Self replicating is not allowed", { hint: "Set another active server" });
    }
    const names = await this.#connection.request("list_dbs", []);
    const shared = databases.filter(({ schema }) => isJsonArray(names) && names.includes(schema.name));
    for (const database of shared) await this.#makeFeed(database);
    if (this.#feeds.size === 0) {
      throw new ReplicationError("Nothing to replicate", {
        hint: "The active server has none of the databases in a form that fits",
      });
    }
    for (const [name, feed] of this.#feeds) {
      await feed.begin(await this.#connection.request("monitor", [name, name, feed.requests]));
      if (this.#failure !== undefined) throw this.#failure;
    }
    return [...this.#feeds.keys()].toSorted();
  }

  /** Resolves when the connection has ended and what came over it is committed. @throws ReplicationError when it could not be */
  async ended(): Promise<void> {
    await this.#ended;
    for (const feed of this.#feeds.values()) await feed.settled();
    if (this.#failure instanceof ReplicationError) throw this.#failure;
  }

  /** Probes the active server when it is idle for so long. */
  setProbeInterval(probeIntervalMs: number): void {
    this.#connection.setProbeInterval(probeIntervalMs);
  }

  close(): void {
    this.#connection.close();
  }

  async #makeFeed(database: DatabaseEngine): Promise<void> {
    const { name } = database.schema;
    const { excluded, remote } = this.#what;
    const schema = parseSchema(await this.#connection.request("get_schema", [name]));
    try {
      this.#feeds.set(name, new DatabaseFeed(database, schema, excluded, remote, (error) => this.#fail(error)));
    } catch (error) {
      if (!(error instanceof ReplicationError)) throw error;
      this.#log.warn({ database: name, err: error.message }, "database cannot be replicated");
    }
  }

  #told(method: string, params: Json): undefined {
    const [name, updates = null] = isJsonArray(params) ? params : [];
    if (method !== "update" || typeof name !== "string") return;
    try {
      this.#feeds.get(name)?.update(updates);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new ReplicationError(messageOf(error)));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#connection.close(new ConnectionLostError("The backup cannot follow", { cause: error }));
  }
}
