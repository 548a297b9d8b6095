/**
 * A database that is served from a copy of another server's: reads and monitors cost the source nothing, writes are sent
 * on to it.
 *
 * The copy is kept current by one monitor. A transaction that writes is executed by the source, and answered when its
 * reply has come, before which the source has told what it changed: a client finds its own writes here. While there is no
 * connection transactions that write wait, and those whose reply is outstanding are canceled; reads go on. Locks are those
 * of this server, so a transaction that asserts one and writes is refused by the source, as with the original.
 *
 * @see ovsdb(7), section "Relay Service Model"
 */
import { type Json, type Logger, messageOf, silentLogger } from "@tenet/kit";
import { throwWire } from "../client/content.ts";
import { Link, type LinkUser } from "../client/link.ts";
import { openSocket } from "../client/open-socket.ts";
import { sleep } from "../client/sleep.ts";
import type { ClientIdentity } from "../engine/commit.ts";
import { DatabaseEngine } from "../engine/database.ts";
import { uuidSource } from "../engine/new-uuid.ts";
import type { Pending } from "../engine/staged.ts";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { parseSchema, type SchemaSource } from "../model/parse-schema.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { isJsonArray, stringifySorted } from "../model/sorted-json.ts";
import { ConnectionLostError, type JsonRpcConnection } from "../rpc/json-rpc-connection.ts";
import type { TlsSource } from "../rpc/tls-files.ts";
import { changesOfUpdates, changesToContent, type Fetched, fetchContent, tablesOf, versionOf } from "./relay-content.ts";
import type { RelaySource } from "./relay-remote.ts";
import { Outbox, planOf } from "./relay-transactions.ts";

/** How a relay is kept. */
export interface RelayOptions {
  /** For `ssl:` remotes. */
  readonly tls?: TlsSource;
  readonly log?: Logger;
  /** Longest pause between two rounds of attempts to reconnect. Default 8 s. */
  readonly maxBackoffMs?: number;
  /** An idle source is probed after this time. Default 10 s; 0 is never. */
  readonly probeIntervalMs?: number;
  /** So long after the connection was lost `_Server` still calls the database connected. Default 30 s. */
  readonly graceMs?: number;
}

const MONITOR_ID = "relay";
const DIAL_TIMEOUT_MS = 5000;
const RETRY_MS = 1000;

/**
 * A relayed database; until its source has told schema and rows it is not available to clients. Its {@link judge} is not
 * asked: transactions are judged where they commit.
 */
export class RelayDatabase extends DatabaseEngine implements LinkUser {
  readonly #source: RelaySource;
  readonly #log: Logger;
  readonly #graceMs: number;
  readonly #link: Link;
  readonly #outbox = new Outbox();
  readonly #by: ClientIdentity;
  readonly #newUuid = uuidSource();
  #sourceVersion: string | undefined;
  #isJoining = true;
  /** What came since a monitor was asked for and before its reply was dealt with. */
  #early: [method: string, params: Json][] | undefined;
  #rejoining: Promise<void> = Promise.resolve();
  #grace: NodeJS.Timeout | undefined;
  #ended: Promise<void>;

  /** Begins to relay. */
  constructor(source: RelaySource, options: RelayOptions = {}) {
    const log = (options.log ?? silentLogger).child({ relay: source.database });
    super({ schema: parseSchema({ name: source.database, version: "0.0.0", tables: {} }), log });
    this.#source = source;
    this.#log = log;
    this.#graceMs = options.graceMs ?? 30_000;
    this.#by = { remote: `relay:${source.database}:${source.remotes.join(",")}` };
    const { tls, maxBackoffMs = 8000, probeIntervalMs = 10_000 } = options;
    const dial = (remote: string, signal: AbortSignal) => openSocket(remote, typeof tls === "function" ? tls() : tls, signal);
    const settings = { onlyLeader: false, maxBackoffMs, probeIntervalMs, dialTimeoutMs: DIAL_TIMEOUT_MS };
    this.#link = new Link({ ...source, dial, ...settings }, this, log);
    this.setStatus({ model: "relay", isConnected: false, isJoining: true });
    this.#ended = this.#open();
  }

  /** There is nothing on disk. */
  override compact(): Promise<void> {
    return Promise.resolve();
  }

  /** Has the source change its schema; this one's follows. */
  override async convert(source: SchemaSource | Json, _by: ClientIdentity): Promise<void> {
    const schema = this.checkConversion(source);
    const { connection } = await this.#link.connected();
    await connection.request("convert", [schema.name, schema.json]).catch((error: unknown) => {
      if (error instanceof ConnectionLostError) throw new OvsdbError("canceled", "the connection to the relay's source was lost");
      throwWire(error);
    });
    await this.#rejoining;
  }

  override close(): void {
    if (this.isClosed) return;
    clearTimeout(this.#grace);
    this.cancelAll();
    this.#outbox.close();
    const closed = this.#link.close(new ConnectionLostError("The relay was closed"));
    this.#ended = this.#ended.then(() => closed);
  }

  /** Resolves when nothing of it runs any more after {@link close}. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Answers what only reads, sends on what writes. */
  protected override drain(): void {
    for (const pending of this.takeArrived()) this.#take(pending);
  }

  async join(connection: JsonRpcConnection): Promise<() => void> {
    const schema = parseSchema(await connection.request("get_schema", [this.#source.database]).catch(throwWire));
    const isOther = this.#isJoining || stringifySorted(schema.json) !== stringifySorted(this.schema.json);
    this.#early = [];
    const fetched = await fetchContent(connection, schema, MONITOR_ID, isOther ? undefined : this.#sourceVersion);
    if (isOther) this.#adopt(schema, fetched);
    else this.#catchUp(fetched);
    this.#sourceVersion = fetched.version;
    return () => this.#inUse(connection);
  }

  notified(method: string, params: Json, connection: JsonRpcConnection): undefined {
    if (this.#early !== undefined) return void this.#early.push([method, params]);
    const [monitor, second = null, third = null] = isJsonArray(params) ? params : [];
    if (monitor !== MONITOR_ID) return;
    if (method === "monitor_canceled") {
      this.#rejoining = this.#joinAgain(connection);
      return;
    }
    try {
      if (method === "update3") this.#sourceVersion = versionOf(second);
      this.#commit(changesOfUpdates(this.tables, method === "update3" ? third : second, this.#newUuid));
    } catch (error) {
      this.#log.warn({ err: messageOf(error) }, "bad update, reconnecting");
      this.#sourceVersion = undefined;
      connection.close();
    }
  }

  left(): void {
    this.#outbox.hold();
    if (this.isClosed) return;
    this.#grace = setTimeout(() => this.setStatus({ model: "relay", isConnected: false }), this.#graceMs).unref();
  }

  /** A source that does not have the database yet may have it later. */
  async #open(): Promise<void> {
    const { closing } = this.#link;
    while (!closing.aborted) {
      try {
        return await this.#link.open();
      } catch (error) {
        if (!closing.aborted) this.#log.warn({ err: messageOf(error) }, "cannot relay");
      }
      await sleep(RETRY_MS, closing);
    }
  }

  #take(pending: Pending): void {
    const plan = planOf(pending);
    if (plan.runsHere) {
      const staged = this.execute(pending);
      if (staged === undefined) return;
      staged.journal.rollback();
      if (plan.isAnsweredBy(staged.results)) return pending.resolve(staged.results);
    }
    this.#outbox.send(this.#source.database, pending);
  }

  #inUse(connection: JsonRpcConnection): void {
    clearTimeout(this.#grace);
    this.setStatus({ model: "relay", isConnected: true });
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const [method, params] of early) this.notified(method, params, connection);
    this.#outbox.open(this.#source.database, connection);
  }

  /** The source has another schema now, on the same connection. */
  async #joinAgain(connection: JsonRpcConnection): Promise<void> {
    this.#outbox.hold();
    try {
      const inUse = await this.join(connection);
      inUse();
    } catch (error) {
      this.#log.warn({ err: messageOf(error) }, "cannot follow the changed database, reconnecting");
      connection.close();
    }
  }

  #adopt(schema: DatabaseSchema, { updates, version }: Fetched): void {
    const tables = tablesOf(schema, updates, this.#newUuid);
    if (this.#isJoining) {
      this.#isJoining = false;
      this.setStatus({ model: "relay", isConnected: true });
    }
    this.replace(schema, tables, version ?? this.#newUuid());
  }

  #catchUp({ isWhole, updates, version }: Fetched): void {
    this.#sourceVersion = version;
    const changes = isWhole ? changesToContent : changesOfUpdates;
    this.#commit(changes(this.tables, updates, this.#newUuid));
  }

  #commit(changes: ReturnType<typeof changesOfUpdates>): void {
    if (changes.length === 0) return;
    this.apply(changes);
    const version = this.#sourceVersion ?? this.#newUuid();
    this.publish({ version, at: this.clock.now(), comment: undefined, by: this.#by, changes });
  }
}
