/**
 * One client's session: its requests, monitors, locks and waiting transactions.
 *
 * @see RFC 7047, section 4.1
 */
import type { Json, Logger } from "@tenet/kit";
import type { ClientIdentity } from "../engine/commit.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import { type RoleHolder, roleRefusal } from "../engine/role-access.ts";
import { OvsdbError, syntaxError } from "../model/ovsdb-error.ts";
import { isJsonArray, isJsonObject, stringifySorted } from "../model/sorted-json.ts";
import type { JsonRpcConnection, RpcHandler } from "../rpc/json-rpc-connection.ts";
import type { ServedDatabase } from "./catalog.ts";
import { conditionChange } from "./condition-change.ts";
import { historyEntries, parseHistoryFilter } from "./history-entries.ts";
import type { LockHolder, LockNames, LockService } from "./locks.ts";
import { initialAnswer, replyParts, sinceAnswer, withReply } from "./monitor-answer.ts";
import { changeConditions, parseMonitorSpec } from "./monitor-spec.ts";
import { catchUp, type Monitor, type MonitorViews } from "./monitor-views.ts";
import { rowsAt } from "./rows-at.ts";
import type { SendQueue } from "./send-queue.ts";
import { RunningTransaction } from "./running-transaction.ts";

/** What sessions share. */
export interface SessionContext {
  readonly databases: ReadonlyMap<string, ServedDatabase>;
  readonly locks: LockService;
  readonly serverId: string;
  readonly sendQueue: SendQueue;
  readonly log: Logger;
  /** Clients may read but neither write nor lock. */
  readonly isReadOnly: boolean;
  /** Clients may change the schema; of a backup too, so that it is ready for that of the active server. */
  readonly mayConvert: boolean;
  /** Whether `monitor_cond` and `monitor_cond_since` are known. */
  readonly knowsConditions: boolean;
  /** Clients may change only what their role permits. */
  readonly role?: RoleHolder | undefined;
}

/** An error that is a plain string on the wire. */
class PlainError extends Error {}

const LOCKING = new Set(["lock", "steal", "unlock"]);
const CONDITIONAL = new Set(["monitor_cond", "monitor_cond_since"]);
/** The notifications of each kind of monitor. */
const MONITORS: ReadonlyMap<string, Monitor["method"]> = new Map([
  ["monitor", "update"],
  ["monitor_cond", "update2"],
  ["monitor_cond_since", "update3"],
]);

/** A connected client. */
export class Session implements RpcHandler, LockHolder {
  readonly identity: ClientIdentity;
  readonly #context: SessionContext;
  readonly #monitors = new Map<string, Monitor>();
  /** What was asked for each lock. */
  readonly #locks = new Map<string, "lock" | "steal">();
  readonly #transactions = new Map<string, RunningTransaction>();
  readonly #onClose: () => void;
  #connection: JsonRpcConnection | undefined;
  #isChangeAware = false;

  constructor(context: SessionContext, identity: ClientIdentity, onClose: () => void) {
    this.#context = context;
    this.identity = identity;
    this.#onClose = onClose;
  }

  /** Gives the session its connection; requests may come from now on. */
  attach(connection: JsonRpcConnection): void {
    this.#connection = connection;
  }

  request(method: string, params: Json, id: Json): void {
    const list = isJsonArray(params) ? params : [];
    try {
      const kind = MONITORS.get(method);
      if (method === "transact") this.#transact(list, params, id);
      else if (method === "convert") this.#convert(list, params, id);
      else if (LOCKING.has(method)) this.#lock(method, list, params, id);
      else if (method === "monitor_cond_change") this.#changeMonitor(list, id);
      else if (kind !== undefined) this.#monitor(method, kind, list, params, id);
      else this.#connection?.reply(id, this.#answer(method, list, params));
    } catch (error) {
      this.#connection?.replyError(id, this.#toWire(error));
    }
  }

  notification(method: string, params: Json): undefined {
    if (method === "cancel" && isJsonArray(params)) {
      this.#transactions.get(stringifySorted(params[0]))?.abort();
    }
  }

  caughtUp(): void {
    for (const monitor of this.#monitors.values()) catchUp(monitor);
  }

  closed(): void {
    for (const transaction of this.#transactions.values()) transaction.abort();
    for (const monitor of this.#monitors.values()) this.#viewsOf(monitor)?.remove(monitor);
    for (const name of this.#locks.keys()) this.#context.locks.unlock(name, this);
    this.#onClose();
  }

  /** Whether the client said that it copes with databases that come, go and change. */
  get isChangeAware(): boolean {
    return this.#isChangeAware;
  }

  /** The database is another one now, or served no more: its monitors end, and what waits in it is canceled. */
  databaseChanged(database: DatabaseEngine): void {
    for (const [key, monitor] of this.#monitors) {
      if (monitor.database !== database) continue;
      this.#monitors.delete(key);
      this.#viewsOf(monitor)?.remove(monitor);
      if (this.#isChangeAware) this.#connection?.notify("monitor_canceled", [monitor.id]);
    }
    for (const transaction of this.#transactions.values()) {
      if (transaction.database === database) transaction.abort();
    }
  }

  /** How many monitors the client has. */
  get nMonitors(): number {
    return this.#monitors.size;
  }

  /** The locks that the client has or wants. */
  get lockNames(): LockNames {
    const { locks } = this.#context;
    const others = [...this.#locks].filter(([name]) => !locks.isHeld(name, this));
    const asked = (how: "lock" | "steal") => others.flatMap(([name, method]) => (method === how ? [name] : []));
    const held = [...this.#locks.keys()].filter((name) => locks.isHeld(name, this));
    return { held, waiting: asked("lock"), lost: asked("steal") };
  }

  /** Probes the client when it is idle for so long; 0 is never. */
  setProbeInterval(probeIntervalMs: number): void {
    this.#connection?.setProbeInterval(probeIntervalMs);
  }

  /** Ends the connection. */
  close(): void {
    this.#connection?.close();
  }

  locked(name: string): void {
    this.#connection?.notify("locked", [name]);
  }

  stolen(name: string): void {
    this.#connection?.notify("stolen", [name]);
  }

  /** Answers with the rows there are, part by part. */
  #monitor(method: string, kind: Monitor["method"], list: readonly Json[], params: Json, id: Json): void {
    this.#checkKnown(method);
    const answer = this.#startMonitor(this.#database(method, list, params), list, kind);
    this.#connection?.sendInParts(replyParts(id, answer), setImmediate);
  }

  #checkKnown(method: string): void {
    if (!this.#context.knowsConditions && CONDITIONAL.has(method)) throw new PlainError("unknown method");
  }

  #answer(method: string, list: readonly Json[], params: Json): Json {
    this.#checkKnown(method);
    switch (method) {
      case "list_dbs":
        return [...this.#context.databases.keys()].toSorted();
      case "get_schema":
        return this.#database(method, list, params).database.schema.json;
      case "get_server_id":
        return this.#context.serverId;
      case "set_db_change_aware":
        if (typeof list[0] !== "boolean" || list.length !== 1)
          throw syntaxError(params, "set_db_change_aware: true or false parameter expected");
        this.#isChangeAware = list[0];
        return {};
      case "monitor_cancel":
        if (list.length !== 1) throw new PlainError("invalid parameters");
        return this.#cancelMonitor(list[0] ?? null);
      case "tenet_history":
        return historyEntries(this.#database(method, list, params).database, parseHistoryFilter(list[1] ?? ""));
      case "tenet_rows_at":
        return rowsAt(this.#database(method, list, params).database, list[1]);
      default:
        throw new PlainError("unknown method");
    }
  }

  #database(method: string, list: readonly Json[], params: Json): ServedDatabase {
    const [name] = list;
    if (typeof name !== "string") throw syntaxError(params, `${method} request params must begin with <db-name>`);
    const served = this.#context.databases.get(name);
    if (served?.database.status.isJoining === true) {
      const why = `${method} request specifies database ${name} which is not yet available`;
      throw new OvsdbError("database not available", `${why} because it has not completed joining its cluster`);
    }
    if (served !== undefined) return served;
    throw syntaxError(params, `${method} request specifies unknown database ${name}`, "unknown database");
  }

  #transact(list: readonly Json[], params: Json, id: Json): void {
    const { database, isReserved } = this.#database("transact", list, params);
    const key = stringifySorted(id);
    if (this.#transactions.has(key)) throw new PlainError("duplicate request ID");
    const reserved = isReserved ? `on table in reserved database ${database.schema.name}` : undefined;
    const whyReadOnly = this.#context.isReadOnly || database.isBackup ? "when database server is in read only mode" : reserved;
    const holdsLock = this.#holdsLock;
    const transaction = new RunningTransaction(database, { holdsLock, whyReadOnly, role: this.#context.role });
    this.#transactions.set(key, transaction);
    database.submit(list.slice(1), this.identity, transaction, (results) => {
      this.#transactions.delete(key);
      this.caughtUp(); // an update comes before the reply of the transaction that made it
      if (isCanceled(results)) this.#connection?.replyError(id, "canceled");
      else this.#connection?.reply(id, results);
    });
  }

  readonly #holdsLock = (name: string): boolean => this.#context.locks.isHeld(name, this);

  #startMonitor(served: ServedDatabase, list: readonly Json[], method: Monitor["method"]): Iterable<string> {
    const [, id = null, requests, since] = list;
    const key = stringifySorted(id);
    if (list.length < (method === "update3" ? 4 : 3)) throw syntaxError(list, "invalid parameters");
    if (this.#monitors.has(key)) throw syntaxError(id, "duplicate monitor ID");
    const { database, views } = served;
    const spec = parseMonitorSpec(database.schema, requests, method === "update" ? 1 : 2);
    const answer = method === "update3" ? sinceAnswer(database, spec, since) : initialAnswer(database, spec);
    const send = (text: string): void => this.#sendSoon(text);
    const isBehind = (): boolean => this.#connection?.isBehind === true;
    const monitor: Monitor = { database, method, id, spec, send, isBehind, missed: undefined };
    this.#monitors.set(key, monitor);
    views.add(monitor);
    return answer;
  }

  /** After the replies of this turn, with what comes until then. */
  #sendSoon(text: string): void {
    if (this.#connection === undefined) return;
    this.#connection.hold(text);
    this.#context.sendQueue.add(this.#connection);
  }

  /** Tells of the rows that come and go, part by part, and then answers. */
  #changeMonitor(list: readonly Json[], requestId: Json): void {
    if (list.length !== 3) throw syntaxError(list, "invalid parameters");
    const [id = null, newId = null, requests] = list;
    const key = stringifySorted(id);
    const newKey = stringifySorted(newId);
    const monitor = this.#monitors.get(key);
    if (monitor === undefined) throw syntaxError(id, "unknown monitor session");
    if (newKey !== key && this.#monitors.has(newKey)) throw syntaxError(newId, "duplicate monitor ID");
    const { database } = monitor;
    const spec = changeConditions(database.schema, monitor.spec, requests);
    catchUp(monitor);
    const from = monitor.spec;
    this.#viewsOf(monitor)?.remove(monitor);
    this.#monitors.delete(key);
    monitor.id = newId;
    monitor.spec = spec;
    this.#monitors.set(newKey, monitor);
    this.#viewsOf(monitor)?.add(monitor);
    const told = conditionChange(monitor, from, database.version, (name) => database.table(name));
    this.#connection?.sendInParts(withReply(told, requestId), setImmediate);
  }

  #cancelMonitor(id: Json): Json {
    const key = stringifySorted(id);
    const monitor = this.#monitors.get(key);
    if (monitor === undefined) throw new PlainError("unknown monitor");
    this.#monitors.delete(key);
    this.#viewsOf(monitor)?.remove(monitor);
    return {};
  }

  #convert(list: readonly Json[], params: Json, id: Json): void {
    const { database, isReserved } = this.#database("convert", list, params);
    const [, schema = null] = list;
    const { role } = this.#context;
    if (list.length !== 2) throw syntaxError(params, "array expected");
    if (isReserved) throw new OvsdbError("not allowed", `cannot convert reserved database ${database.schema.name}`);
    if (!this.#context.mayConvert)
      throw new OvsdbError("not allowed", "cannot convert when database server is in read only mode");
    if (role !== undefined) {
      throw roleRefusal(role, `"convert" of database ${database.schema.name} (only the root role may convert databases)`);
    }
    void database.convert(schema, this.identity).then(
      () => this.#connection?.reply(id, {}),
      (error: unknown) => this.#connection?.replyError(id, this.#toWire(error)),
    );
  }

  #viewsOf(monitor: Monitor): MonitorViews | undefined {
    return this.#context.databases.get(monitor.database.schema.name)?.views;
  }

  #lock(method: string, list: readonly Json[], params: Json, id: Json): void {
    const [name] = list;
    if (typeof name !== "string" || list.length !== 1) throw syntaxError(params, `${method} request params must be <id>`);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw syntaxError(params, `${method} request params must be <id>`);
    const { locks, isReadOnly } = this.#context;
    if (isReadOnly) throw new PlainError("lock and unlock methods not allowed, DB server is read only.");
    if (method === "unlock") {
      if (!this.#locks.delete(name)) throw syntaxError(params, 'unlock: "unlock" without "lock" or "steal"');
      locks.unlock(name, this);
      this.#connection?.reply(id, {});
      return;
    }
    if (this.#locks.has(name)) throw syntaxError(params, `must issue "unlock" before new "${method}"`);
    this.#locks.set(name, method === "lock" ? "lock" : "steal");
    const answer = method === "lock" ? locks.lock(name, this) : locks.steal(name, this);
    if (answer instanceof Promise) this.#replyLater(name, answer, id);
    else this.#connection?.reply(id, { locked: answer !== false });
  }

  #replyLater(name: string, answer: Promise<boolean | void>, id: Json): void {
    answer.then(
      (isLocked) => this.#connection?.reply(id, { locked: isLocked !== false }),
      (error: unknown) => {
        this.#locks.delete(name);
        this.#connection?.replyError(id, this.#toWire(error));
      },
    );
  }

  #toWire(error: unknown): Json {
    if (error instanceof OvsdbError) return error.toWire();
    if (error instanceof PlainError) return error.message;
    this.#context.log.error({ err: String(error) }, "request failed unexpectedly");
    return new OvsdbError("internal error", String(error)).toWire();
  }
}

/** A transaction that was canceled has this as its only result. */
function isCanceled(results: readonly Json[]): boolean {
  const [only] = results;
  return results.length === 1 && isJsonObject(only) && only["error"] === "canceled";
}
