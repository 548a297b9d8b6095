/**
 * A live copy of (a part of) a database on a server or a cluster, own or original.
 *
 * It connects, monitors by the best method the server knows (`monitor_cond_since`, `monitor_cond`, `monitor`), applies
 * updates, and connects again by itself, to the next server when it must: with `monitor_cond_since` it then receives only
 * what it missed, otherwise it compares the new content with what it had. Another schema of the server is taken over while
 * connected. Listeners hear differences only, in every case.
 */
import { type Json, ProtocolError, silentLogger } from "@tenet/kit";
import type { RowChange } from "../model/row.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { isJsonArray } from "../model/sorted-json.ts";
import { ConnectionLostError, RpcError } from "../rpc/json-rpc-connection.ts";
import type { Dial } from "../rpc/rpc-socket.ts";
import type { ConditionsOf, LinkSettings } from "./connect-options.ts";
import { Content, throwWire } from "./content.ts";
import type { Conditions, Follow, Wanted } from "./follow.ts";
import { Link } from "./link.ts";
import { Operations } from "./operations.ts";
import { OutcomeUnknownError } from "./outcome-unknown-error.ts";
import { type HistoryEntry, isHistoryEntry, operationResult, type OperationResult } from "./results.ts";
import { retry } from "./retry.ts";
import type { IndexColumn, ReplicaIndex } from "./row-index.ts";
import type { AnyTables, ChangeOf, TableMap, TableName } from "./table-forms.ts";
import { type Committed, Transaction } from "./transaction.ts";

/** Where a replica finds its servers. */
export interface Route {
  /** Remotes of the servers, at least one. */
  readonly remotes: readonly string[];
  readonly dial: Dial;
}

/** A live copy of a database; made by `connect`. Its tables have types when the schema given there carries them. */
export class Replica<T extends TableMap = AnyTables> implements AsyncDisposable {
  readonly #database: string;
  readonly #content: Content;
  readonly #link: Link;
  #operations: Operations<T> | undefined;

  private constructor(route: Route, wanted: Wanted, settings: LinkSettings) {
    const { database } = wanted;
    const { member = "leader", maxBackoffMs = 2000, probeIntervalMs = 10_000, dialTimeoutMs = 5000, turns, name, log } = settings;
    const ownLog = (log ?? silentLogger).child({ remote: route.remotes.join(), database, replica: name });
    this.#database = database;
    this.#content = new Content(wanted, ownLog);
    const options = { ...route, database, onlyLeader: member === "leader", maxBackoffMs, probeIntervalMs, dialTimeoutMs, turns };
    this.#link = new Link(options, this.#content, ownLog);
  }

  /** See `connect`. */
  static async open<T extends TableMap>(
    route: Route,
    wanted: Wanted,
    settings: LinkSettings,
    signal: AbortSignal,
  ): Promise<Replica<T>> {
    const replica = new Replica<T>(route, wanted, settings);
    const stop = () => void replica.#link.close(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    replica.#link.closing.addEventListener("abort", () => signal.removeEventListener("abort", stop), { once: true });
    await replica.#link.open();
    return replica;
  }

  /** The server's schema of the database. */
  get schema(): DatabaseSchema {
    return this.#follow.schema;
  }

  /** The tables (`Table`) and columns (`Table.column`) that were asked for and that the server's schema lacks. */
  get missing(): readonly string[] {
    return this.#follow.missing;
  }

  /** Builds operations for {@link transact} against the server's schema. */
  get operations(): Operations<T> {
    const { schema } = this.#follow;
    if (this.#operations?.schema !== schema) this.#operations = new Operations<T>(schema);
    return this.#operations;
  }

  /** Whether the replica is connected at this moment. */
  get isConnected(): boolean {
    return this.#link.current !== undefined;
  }

  /** The server to which it is connected at this moment. */
  get remote(): string | undefined {
    return this.#link.current?.remote;
  }

  /** The rows of a table by uuid: a live view; rows hold the replicated columns and defaults for the others. */
  table<N extends TableName<T>>(name: N): ReadonlyMap<string, T[N]["row"]> {
    return this.#follow.tables.rows(name);
  }

  /**
   * An index over columns of a table, kept current with it; see {@link ReplicaIndex}. Asking again gives the same one.
   *
   * @param columns - a row with a set stands under each element; `column:key` is the value of one key of a map
   * @throws UnknownColumnError
   * @example
   * sb.index("Port_Binding", ["datapath", "tunnel_key"]).first(datapath, 3);
   */
  index<N extends TableName<T>, const C extends readonly IndexColumn<T[N]>[]>(table: N, columns: C): ReplicaIndex<T[N], C> {
    return this.#follow.tables.index(table, columns) as ReplicaIndex<T[N], C>;
  }

  /** The first row of a table that satisfies `test`. */
  find<N extends TableName<T>>(table: N, test: (row: T[N]["row"]) => boolean): T[N]["row"] | undefined {
    for (const row of this.table(table).values()) if (test(row)) return row;
    return undefined;
  }

  /** Calls `listener` after each update was applied, with the rows that changed. @returns stops it */
  onChange(listener: (changes: readonly ChangeOf<T>[]) => void): () => void {
    return this.#content.onChange(listener as (changes: readonly RowChange[]) => void);
  }

  /**
   * Resolves with what `look` finds, as soon as it finds something: now or after a change.
   *
   * @throws the signal's reason when it aborts first; ConnectionLostError when the replica is closed
   */
  async waitFor<Found>(look: (replica: this) => Found | undefined, signal?: AbortSignal): Promise<Found> {
    const found = look(this);
    if (found !== undefined) return found;
    const both = signal === undefined ? this.#link.closing : AbortSignal.any([signal, this.#link.closing]);
    return new Promise<Found>((resolve, reject) => {
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
   * Sees other rows of some tables from now on; of the tables not named the same as before.
   *
   * @returns as soon as the rows are there, over a loss of the connection too
   * @throws AppError for a table that is not followed; OvsdbError when the server refuses a clause, and the old ones hold
   */
  async changeConditions(conditions: ConditionsOf<T>): Promise<void> {
    this.#follow.wantConditions(conditions as Conditions);
    for (;;) {
      const { connection } = await this.#link.connected();
      try {
        return await this.#follow.askConditions(connection);
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) throwWire(error); // else the next connection begins with them
      }
    }
  }

  /** Begins a transaction. */
  transaction(): Transaction<T> {
    return new Transaction(this.operations, (operations) => this.transact(operations));
  }

  /**
   * Builds and commits a transaction; again, from the rows as they then are, after a conflict (a `verify` that failed) and
   * after a connection that was lost before the reply.
   *
   * Nothing is applied twice: after a loss it is only tried again when it has a guard, that is a `verify` which fails as
   * soon as it has been committed, or an insertion with a fixed uuid.
   *
   * @param build - adds operations for the rows as they are; adds none when nothing is left to do
   * @returns what was done by the commit that was acknowledged; `undefined` when nothing was left to do
   * @throws OvsdbError what the server refused; OutcomeUnknownError when it has no guard; the signal's reason
   */
  async retry(build: (transaction: Transaction<T>, replica: this) => void, signal?: AbortSignal): Promise<Committed | undefined> {
    const { closing } = this.#link;
    const begin = async () => {
      await this.#link.connected();
      return this.transaction();
    };
    const both = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    return retry(begin, (transaction) => build(transaction, this), both);
  }

  /**
   * Executes a transaction on the server; waits for a connection when there is none.
   *
   * With a Tenet or an original server the replica already holds the changes when this resolves.
   *
   * @param operations - operation objects; see {@link operations} for builders
   * @throws OvsdbError the first error among the results; OutcomeUnknownError when the connection ended before the reply
   */
  async transact(operations: readonly Json[]): Promise<OperationResult[]> {
    const { connection, remote } = await this.#link.connected();
    const params = [this.#database, ...operations];
    const reply = await connection
      .request("transact", params)
      .catch((error: unknown) => {
        throw error instanceof ConnectionLostError ? new OutcomeUnknownError(remote, error) : error;
      })
      .catch(throwWire);
    if (!isJsonArray(reply)) throw new ProtocolError("Reply to transact is not an array");
    return reply.map((result) => operationResult(result));
  }

  /** The history of rows whose uuid begins with `uuid`, oldest first; empty from servers that keep none. */
  async history(uuid: string): Promise<HistoryEntry[]> {
    try {
      const reply = await this.request("tenet_history", [this.#database, uuid]);
      return isJsonArray(reply) ? reply.flatMap((entry) => (isHistoryEntry(entry) ? [entry] : [])) : [];
    } catch (error) {
      if (error instanceof RpcError && error.error === "unknown method") return [];
      throw error;
    }
  }

  /** Sends any request; waits for the connection when it is being re-established. */
  async request(method: string, params: readonly Json[]): Promise<Json> {
    const { connection } = await this.#link.connected();
    return connection.request(method, params).catch(throwWire);
  }

  /** Ends the connection and stops reconnecting. */
  async close(): Promise<void> {
    await this.#link.close(new ConnectionLostError("The replica was closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #follow(): Follow {
    return this.#content.follow;
  }
}
