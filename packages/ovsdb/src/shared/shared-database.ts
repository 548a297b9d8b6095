/**
 * A database that several servers serve read-write at once, over a log that they share.
 *
 * Tables always hold what the log has, nothing else: a group of transactions is executed on them, taken back, and
 * proposed to the log; when it is kept its changes are put, as those of other servers are. When others came first, their
 * changes are put and the group is executed anew on the new state, as if it had arrived only then. So what a client is
 * answered is always what the transaction did in the one order of all servers.
 *
 * Transactions that wait while a group is on its way make the next group. Transactions that only read are executed at once,
 * unless the same client has a transaction on its way, which it would expect to come first.
 */
import { randomUUID } from "node:crypto";
import { type Json, type Logger, messageOf, silentLogger } from "@tenet/kit";
import type { ClientIdentity, Commit } from "../engine/commit.ts";
import { DatabaseEngine, type DatabaseParts } from "../engine/database.ts";
import { DEFAULT_HISTORY, History } from "../engine/history.ts";
import type { Pending, Staged } from "../engine/staged.ts";
import { OvsdbError } from "../model/ovsdb-error.ts";
import type { SchemaSource } from "../model/parse-schema.ts";
import type { Row, RowChange } from "../model/row.ts";
import { isJsonObject, stringifySorted } from "../model/sorted-json.ts";
import { tablesBefore } from "../storage/table-rows.ts";
import { type Checkpoint, Checkpoints } from "./checkpoints.ts";
import { DatabaseLocks } from "./database-locks.ts";
import type { LogEntry, LogFollower, LogStart, SharedLog } from "./shared-log.ts";
import {
  commitOf,
  conversionEntry,
  conversionOf,
  convertedTables,
  lockEntry,
  lockStepIn,
  snapshotText,
  stateAfter,
  stateOfSnapshot,
  transactionOf,
  transactionsEntry,
  transactionsIn,
} from "./shared-record.ts";

/** When the log is compacted. */
export interface LogLimits {
  /** At so many entries. Default 20,000. */
  readonly entries: number;
  /** At this size of entries. Default 64 MiB. */
  readonly bytes: number;
}

/** What a {@link SharedDatabase} is made of. */
export interface SharedDatabaseParts extends Omit<DatabaseParts, "schema"> {
  readonly sharedLog: SharedLog;
  readonly start: LogStart;
  readonly logLimits?: LogLimits | undefined;
}

/** What was executed together and is on its way to the log. */
interface Group {
  readonly id: string;
  readonly staged: readonly Staged[];
  readonly commits: readonly Commit[];
}

const DEFAULT_LIMITS: LogLimits = { entries: 20_000, bytes: 64 * 1024 * 1024 };
const MAX_GROUP = 256;
const READS = new Set(["select", "wait", "comment", "assert"]);
/** How often clients are told of the index. */
const STATUS_MS = 100;
const CLOSE_MS = 2000;

/** One server's view of a database that it shares. */
export class SharedDatabase extends DatabaseEngine implements LogFollower, AsyncDisposable {
  /** The locks that all servers of this database agree on. */
  readonly locks: DatabaseLocks;
  readonly #sharedLog: SharedLog;
  readonly #log: Logger;
  readonly #limits: LogLimits;
  readonly #checkpoints: Checkpoints;
  /** How many transactions of a client are not answered yet, those aside that were executed at once. */
  readonly #nOnTheirWay = new Map<ClientIdentity, number>();
  #arrived: Pending[] = [];
  #group: Group | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isWorking = false;
  #index: number;
  #statusTimer: NodeJS.Timeout | undefined;
  #compacting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** @throws OvsdbError, TypeError when the log holds something else */
  constructor(parts: SharedDatabaseParts) {
    const { schema, tables, version, locks } = stateOfSnapshot(parts.start.snapshot);
    super({ ...parts, schema });
    this.tables = tables;
    this.commits = new History(parts.historyLimits ?? DEFAULT_HISTORY, version);
    this.#sharedLog = parts.sharedLog;
    this.#log = parts.log ?? silentLogger;
    this.#limits = parts.logLimits ?? DEFAULT_LIMITS;
    this.#index = parts.start.index;
    this.#checkpoints = new Checkpoints({ index: this.#index, version, locks });
    const append = (step: Json) => this.#appendUntilKept(() => lockEntry(step));
    const { sharedLog } = parts;
    const announce = (server: string) => sharedLog.announce(server);
    this.locks = new DatabaseLocks({ append, announce, living: () => sharedLog.living() }, locks, this.#log);
    for (const entry of parts.start.entries) this.#take(entry);
    this.#tellStatus(true);
    this.#sharedLog.follow(this);
  }

  /**
   * Changes the schema on all servers; rows that they hold are converted alike.
   *
   * @throws OvsdbError when the schema is faulty or does not allow what the database holds, or the log cannot be reached
   */
  override async convert(source: SchemaSource | Json, _by: ClientIdentity): Promise<void> {
    const entry = (): Json => {
      const schema = this.checkConversion(source);
      const version = randomUUID();
      convertedTables(this.tables, schema, version);
      return conversionEntry(schema, version);
    };
    try {
      await this.#appendUntilKept(entry);
    } catch (error) {
      throw error instanceof OvsdbError ? error : new OvsdbError("I/O error", messageOf(error));
    }
  }

  /**
   * Replaces the log's entries by a snapshot, but for the latest, which are the history that a restart finds.
   *
   * @throws EtcdError
   */
  override compact(): Promise<void> {
    this.#compacting ??= this.#compact().finally(() => (this.#compacting = undefined));
    return this.#compacting;
  }

  /** Executes no more; what is on its way to the log has a moment to get there. `await using` waits for that. */
  override close(): void {
    this.#closing ??= this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#closing;
  }

  async #end(): Promise<void> {
    this.cancelAll();
    this.locks.close();
    for (const pending of this.#arrived.splice(0)) pending.resolve([new OvsdbError("canceled").toWire()]);
    clearTimeout(this.#statusTimer);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.#turn, new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)))]);
    clearTimeout(timer);
    await this.#sharedLog.close();
  }

  entry(entry: LogEntry): void {
    this.#take(entry);
    this.#scheduleStatus();
    this.#compactWhenDue();
  }

  #take({ index, id, payload }: LogEntry): void {
    this.#index = index;
    const [step, conversion] = [lockStepIn(payload), conversionOf(payload)];
    if (step !== undefined) this.locks.apply(step);
    else if (conversion !== undefined) {
      const { schema, version } = conversion;
      this.replace(schema, convertedTables(this.tables, schema, version), version);
      this.#checkpoints.restart(this.#place());
    } else if (this.#group?.id === id) this.#keep(this.#group);
    else for (const transaction of transactionsIn(payload)) this.#put(commitOf(this.tables, transaction));
    this.#checkpoints.add(this.#place());
  }

  restart(start: LogStart): void {
    const state = stateAfter(start);
    this.#index = start.entries.at(-1)?.index ?? start.index;
    if (stringifySorted(state.schema.json) === stringifySorted(this.schema.json)) {
      const changes = this.#changesTo(state.tables);
      this.#put({ version: state.version, at: this.clock.now(), comment: undefined, by: { remote: "unknown" }, changes });
    } else this.replace(state.schema, state.tables, state.version);
    this.locks.table = state.locks;
    this.#checkpoints.restart(this.#place());
    this.#scheduleStatus();
  }

  connected(isConnected: boolean): void {
    this.#tellStatus(isConnected);
  }

  protected override drain(): void {
    for (const pending of this.takeArrived()) {
      if (isRead(pending) && !this.#nOnTheirWay.has(pending.by)) this.#read(pending);
      else this.#line(pending);
    }
    if (!this.#isWorking) void this.#work();
  }

  #line(pending: Pending): void {
    const { by } = pending;
    this.#arrived.push(pending);
    this.#nOnTheirWay.set(by, (this.#nOnTheirWay.get(by) ?? 0) + 1);
  }

  #leave({ by }: Pending): void {
    const n = (this.#nOnTheirWay.get(by) ?? 1) - 1;
    if (n > 0) this.#nOnTheirWay.set(by, n);
    else this.#nOnTheirWay.delete(by);
  }

  #read(pending: Pending): void {
    const staged = this.execute(pending);
    if (staged !== undefined) pending.resolve(staged.results);
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#arrived.length > 0) await this.#inTurn(() => this.#commitGroup());
    this.#isWorking = false;
  }

  async #commitGroup(): Promise<void> {
    const pendings = this.#arrived.splice(0, MAX_GROUP);
    const group = this.#execute(pendings);
    if (group.staged.length === 0) return;
    this.#group = group;
    try {
      if (await this.#propose(group)) return;
      this.#again(group);
    } catch (error) {
      this.#fail(group, error);
    } finally {
      this.#group = undefined;
    }
  }

  /** Executes transactions one after another and takes everything back; the rest waits when one has to be alone. */
  #execute(pendings: readonly Pending[]): Group {
    const staged: Staged[] = [];
    for (const [i, pending] of pendings.entries()) {
      const one = this.execute(pending);
      if (one === undefined) this.#leave(pending);
      else staged.push(one);
      if (this.judge === undefined || one?.commit === undefined) continue;
      this.#arrived.unshift(...pendings.slice(i + 1));
      break;
    }
    for (const { journal } of [...staged].reverse()) journal.rollback();
    const commits = staged.flatMap(({ commit }) => (commit === undefined ? [] : { version: randomUUID(), ...commit }));
    return { id: randomUUID(), staged, commits };
  }

  async #propose(group: Group): Promise<boolean> {
    const { id, commits } = group;
    if (commits.length > 0) {
      const transactions = commits.map((commit) => transactionOf(this.schema, commit));
      return this.#sharedLog.append(id, transactionsEntry(transactions));
    }
    // What changes nothing is true as well only of a state that is the last.
    const isCurrent = await this.#sharedLog.isCurrent();
    if (isCurrent) this.#keep(group);
    return isCurrent;
  }

  /** Puts what a group did and answers. */
  #keep({ staged, commits }: Group): void {
    let n = 0;
    for (const { pending, commit, results } of staged) {
      const kept = commit === undefined ? undefined : commits[n++];
      if (kept !== undefined) this.#put({ ...kept, changes: kept.changes.map((change) => this.#rebase(change, kept.version)) });
      this.#leave(pending);
      pending.resolve(results);
    }
  }

  /** The change on the row that is in the table now, with the version that all servers give it. */
  #rebase({ table, uuid, new: row }: RowChange, version: string): RowChange {
    const old = this.tables.get(table)?.rows.get(uuid);
    return { table, uuid, old, new: row === undefined ? undefined : { ...row, _version: version } };
  }

  #put(commit: Commit): void {
    this.apply(commit.changes);
    this.publish(commit);
  }

  /** Others came first: what was executed is executed on what they left. */
  #again({ staged }: Group): void {
    this.#arrived.unshift(...staged.map(({ pending }) => pending));
    this.retryWaiting();
  }

  #fail({ staged, commits }: Group, error: unknown): void {
    this.#log.warn({ err: messageOf(error), nCommits: commits.length }, "transactions not kept");
    for (const { pending, results } of staged) {
      this.#leave(pending);
      if (isRead(pending)) this.#read(pending);
      else pending.resolve([...results, new OvsdbError("I/O error", messageOf(error)).toWire()]);
    }
    this.retryWaiting();
  }

  #place(): Checkpoint {
    return { index: this.#index, version: this.version, locks: this.locks.table };
  }

  /** Appends an entry that is made anew on what others left, until it is kept. @throws NotKeptError, OutcomeUnknownError */
  async #appendUntilKept(entry: () => Json): Promise<void> {
    for (let isKept = false; !isKept; ) {
      isKept = await this.#inTurn(() => this.#sharedLog.append(randomUUID(), entry()));
    }
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.then(
      () => undefined,
      () => undefined, // who asked is told
    );
    return done;
  }

  #changesTo(tables: DatabaseEngine["tables"]): RowChange[] {
    return [...this.tables].flatMap(([table, { rows }]) => {
      const next: ReadonlyMap<string, Row> = tables.get(table)?.rows ?? new Map();
      const gone = [...rows].filter(([uuid]) => !next.has(uuid));
      const other = [...next].filter(([uuid, row]) => rows.get(uuid)?._version !== row._version);
      return [
        ...gone.map(([uuid, old]): RowChange => ({ table, uuid, old, new: undefined })),
        ...other.map(([uuid, row]): RowChange => ({ table, uuid, old: rows.get(uuid), new: row })),
      ];
    });
  }

  #compactWhenDue(): void {
    const { entries, bytes } = this.#sharedLog.length;
    if (this.#compacting !== undefined || this.isClosed) return;
    if (entries < this.#limits.entries && bytes < this.#limits.bytes) return;
    this.compact().then(
      () => this.#log.info({ entries, bytes }, "shared log compacted"),
      (error: unknown) => this.#log.warn({ err: messageOf(error) }, "shared log not compacted"),
    );
  }

  async #compact(): Promise<void> {
    const nKept = Math.min(this.#limits.entries, this.#sharedLog.length.entries) / 2;
    const { index, version, locks } = this.#checkpoints.before(nKept, (known) => this.historySince(known) !== undefined);
    const tables = tablesBefore(this.tables, this.historySince(version) ?? []);
    await this.#sharedLog.replaceBefore(index, snapshotText(this.schema, version, locks, tables));
  }

  #scheduleStatus(): void {
    this.#statusTimer ??= setTimeout(() => this.#tellStatus(this.status.isConnected), STATUS_MS).unref();
  }

  #tellStatus(isConnected: boolean): void {
    clearTimeout(this.#statusTimer);
    this.#statusTimer = undefined;
    this.setStatus({ model: "clustered", isConnected, clusterId: this.#sharedLog.clusterId, index: this.#index });
  }
}

function isRead({ operations }: Pending): boolean {
  return operations.every((operation) => isJsonObject(operation) && READS.has(String(operation["op"])));
}
