/**
 * A database: tables in memory, transactions one after another, commits in the log before anyone hears
 * of them, and on stable storage if they ask for that.
 *
 * Transactions that arrive while the process is busy are executed in arrival order and share one write
 * and one fsync (group commit). When the file cannot be written the whole group is taken back and each
 * transaction is tried alone, so that only those that really cannot be kept fail. With a judge, each
 * transaction is durable before the next is judged, so that two that exclude each other cannot both pass.
 *
 * @see RFC 7047, section 4.1.3
 */
import { type Clock, type Json, type Logger, messageOf, silentLogger, systemClock } from "@tenet/kit";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { type PartialRow, type Row, type RowChange, rowsEqual } from "../model/row.ts";
import { type SchemaSource, toSchema } from "../model/parse-schema.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import type { ClientIdentity, Commit, Proposed, Refusal } from "./commit.ts";
import type { CommitLog } from "./commit-log.ts";
import { convertTables } from "./convert-tables.ts";
import { Execution, WaitBlocked } from "./execution.ts";
import { DEFAULT_HISTORY, History, type HistoryLimits } from "./history.ts";
import { Journal } from "./journal.ts";
import { uuidSource } from "./new-uuid.ts";
import { moveReferences, type Tables } from "./references.ts";
import { settle } from "./settle.ts";
import type { Pending, Staged, TransactOptions } from "./staged.ts";
import { type DatabaseStatus, STANDALONE } from "./status.ts";
import { TableState } from "./table-state.ts";

/** A row gets another version alone. */
const NO_CHANGES: PartialRow = {};

/** How to make a {@link Database}; most callers use `Database.open` of the package's face. */
export interface DatabaseParts {
  readonly schema: DatabaseSchema;
  readonly clock?: Clock | undefined;
  readonly newUuid?: (() => string) | undefined;
  readonly log?: Logger | undefined;
  readonly historyLimits?: HistoryLimits | undefined;
}

/**
 * The engine of one database.
 *
 * Who keeps commits elsewhere than in a {@link CommitLog} overrides {@link drain}, {@link convert} and {@link close}.
 */
export abstract class DatabaseEngine {
  /** Asked before each commit that changes something; a refusal fails the transaction. */
  judge: ((proposed: Proposed) => Refusal | undefined) | undefined;
  /** Whether clients may read only, because another server has the data first. */
  isBackup = false;
  protected tables: Tables;
  protected commitLog: CommitLog | undefined;
  protected commits: History;
  protected readonly clock: Clock;
  readonly #newUuid: () => string;
  readonly #log: Logger;
  readonly #listeners = new Set<(commit: Commit) => void>();
  readonly #convertListeners = new Set<() => void>();
  readonly #statusListeners = new Set<() => void>();
  readonly #waiting = new Set<Pending>();
  #schema: DatabaseSchema;
  #status: DatabaseStatus = STANDALONE;
  #queue: Pending[] = [];
  #isScheduled = false;
  #isClosed = false;

  protected constructor(parts: DatabaseParts) {
    this.#schema = parts.schema;
    this.clock = parts.clock ?? systemClock;
    this.#newUuid = parts.newUuid ?? uuidSource();
    this.#log = parts.log ?? silentLogger;
    this.commits = new History(parts.historyLimits ?? DEFAULT_HISTORY, this.#newUuid());
    this.tables = new Map(Array.from(parts.schema.tables.values(), (table) => [table.name, new TableState(table)]));
  }

  /** The schema; {@link convert} changes it. */
  get schema(): DatabaseSchema {
    return this.#schema;
  }

  /**
   * Executes a transaction; resolves when it is in the log (on stable storage if it asked for that) or failed.
   *
   * @param operations - operation objects of RFC 7047, section 5.2
   * @returns one result per operation, and one more error object when the commit itself failed
   */
  transact(operations: readonly Json[], by: ClientIdentity, options: TransactOptions = {}): Promise<Json[]> {
    return new Promise((resolve) => this.submit(operations, by, options, resolve));
  }

  /** {@link transact} for who has many of them: `resolve` is called with the results, and no promise is made. */
  submit(operations: readonly Json[], by: ClientIdentity, options: TransactOptions, resolve: (results: Json[]) => void): void {
    if (this.#isClosed) return resolve([new OvsdbError("canceled", "the database is closed").toWire()]);
    const arrivedAtMs = this.clock.monotonicMs();
    this.#enqueue({ operations, by, options, arrivedAtMs, resolve, waitsFor: undefined, onAbort: undefined, timer: undefined });
  }

  /** Calls `listener` after each commit, in commit order, before the transaction's reply. @returns stops it */
  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Changes the schema, durably, and keeps the rows of tables and the columns that both schemas have.
   *
   * What has arrived is executed before; what waits is canceled; the history begins anew.
   *
   * @throws OvsdbError when the schema is faulty, has another name, or does not allow what the database holds
   */
  async convert(source: SchemaSource | Json, by: ClientIdentity): Promise<void> {
    const schema = this.checkConversion(source);
    this.drain();
    const tables = convertTables(this.tables, schema, this.#newUuid);
    this.replace(schema, tables, this.#keepConverted(schema, tables, by));
  }

  /** Writes what is kept anew without the past, where that is of use. */
  abstract compact(): Promise<void>;

  /** What `_Server` tells of it. */
  get status(): DatabaseStatus {
    return this.#status;
  }

  /** Calls `listener` after each change of the {@link status}. @returns stops it */
  onStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** Calls `listener` after each change of the schema. @returns stops it */
  onConvert(listener: () => void): () => void {
    this.#convertListeners.add(listener);
    return () => this.#convertListeners.delete(listener);
  }

  /** The rows of a table by uuid: a live view until the schema changes, empty for an unknown table. */
  table(name: string): ReadonlyMap<string, Row> {
    return this.tables.get(name)?.rows ?? new Map();
  }

  /** The latest commits, oldest first. */
  history(): Commit[] {
    return this.commits.all();
  }

  /** The latest commits that changed the row of this uuid, oldest first. */
  historyOf(uuid: string): Commit[] {
    return this.commits.all().filter((commit) => commit.changes.some((change) => change.uuid === uuid));
  }

  /** The commits after a version, oldest first, or `undefined` when that version is not remembered. */
  historySince(version: string): Commit[] | undefined {
    return this.commits.since(version);
  }

  /** The version of the present state. */
  get version(): string {
    return this.commits.version;
  }

  /** Executes what has arrived, fails what waits, and releases the file. */
  close(): void {
    if (this.#isClosed) return;
    this.drain();
    this.cancelAll();
    this.commitLog?.close();
  }

  /** Whether nothing is accepted any more. */
  protected get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Accepts nothing any more and cancels what was not executed. */
  protected cancelAll(): void {
    this.#isClosed = true;
    for (const pending of [...this.#waiting, ...this.takeArrived()]) this.#cancel(pending);
  }

  /** Executes again what waits: it was executed on a state that was taken back. */
  protected retryWaiting(): void {
    for (const pending of this.#waiting) this.#retry(pending);
  }

  protected setStatus(status: DatabaseStatus): void {
    this.#status = status;
    for (const listener of this.#statusListeners) listener();
  }

  /** The schema to convert to. @throws OvsdbError */
  protected checkConversion(source: SchemaSource | Json): DatabaseSchema {
    const schema = toSchema(source);
    if (schema.name !== this.#schema.name) {
      const why = `new schema name (${schema.name}) does not match database name (${this.#schema.name})`;
      throw new OvsdbError("invalid parameters", why);
    }
    if (this.#isClosed) throw new OvsdbError("canceled", "the database is closed");
    return schema;
  }

  /** Another schema and other rows from now on; the history begins at this version. */
  protected replace(schema: DatabaseSchema, tables: Tables, version: string): void {
    this.#schema = schema;
    this.tables = tables;
    this.commits.restart(version);
    for (const pending of this.#waiting) this.#cancel(pending);
    for (const listener of this.#convertListeners) listener();
  }

  #keepConverted(schema: DatabaseSchema, tables: Tables, by: ClientIdentity): string {
    if (this.commitLog === undefined) return this.#newUuid();
    const changes = [...tables.values()].flatMap(({ schema: { name: table }, rows }) =>
      Array.from(rows, ([uuid, row]): RowChange => ({ table, uuid, old: undefined, new: row })),
    );
    const comment = `converted to schema version ${schema.version}`;
    try {
      return this.commitLog.convert(schema, { at: this.clock.now(), comment, by, changes });
    } catch (error) {
      this.#log.error({ err: messageOf(error) }, "conversion failed");
      throw new OvsdbError("I/O error", messageOf(error));
    }
  }

  #enqueue(pending: Pending): void {
    this.#queue.push(pending);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.drain());
  }

  /** Takes what has arrived, in that order. */
  protected takeArrived(): Pending[] {
    this.#isScheduled = false;
    const queue = this.#queue;
    this.#queue = [];
    return queue;
  }

  /** Executes what has arrived, makes it durable and answers it. */
  protected drain(): void {
    let group: Staged[] = [];
    for (const pending of this.takeArrived()) {
      const staged = this.execute(pending);
      if (staged === undefined) continue;
      group.push(staged);
      if (this.judge === undefined || staged.commit === undefined) continue;
      this.#finish(group);
      group = [];
    }
    this.#finish(group);
  }

  /** Executes up to the point where only the write is missing; `undefined` when it waits. */
  protected execute(pending: Pending): Staged | undefined {
    this.#stopWaiting(pending);
    const journal = new Journal(this.tables);
    const results: Json[] = [];
    try {
      const execution = this.#runOperations(pending, journal, results);
      if (execution === undefined) {
        journal.rollback();
        return undefined;
      }
      settle(this.tables, journal);
      const commit = this.#propose(pending, journal, execution);
      return { pending, journal, results, commit, isDurable: execution.isDurable };
    } catch (error) {
      journal.rollback();
      results.push(this.#toWire(error));
      while (results.length < pending.operations.length) results.push(null);
      return { pending, journal, results, commit: undefined, isDurable: false };
    }
  }

  #runOperations(pending: Pending, journal: Journal, results: Json[]): Execution | undefined {
    const { arrivedAtMs, options, operations } = pending;
    const { tables, clock } = this;
    const execution = new Execution({ tables, journal, newUuid: this.#newUuid, clock, arrivedAtMs, options });
    for (let i = 0; i < operations.length; i++) {
      const result = execution.run(operations[i] ?? null, i, operations.length);
      if (result instanceof WaitBlocked) {
        this.#wait(pending, result);
        return undefined;
      }
      results.push(result);
    }
    return execution;
  }

  #propose(pending: Pending, journal: Journal, execution: Execution): Staged["commit"] {
    const changes = this.#changesOf(journal);
    if (changes.length === 0) return undefined;
    const { by } = pending;
    const comment = execution.comments.length === 0 ? undefined : execution.comments.join("\n");
    const refusal = this.judge?.({ changes, by, comment });
    if (refusal !== undefined) throw new OvsdbError(refusal.error, refusal.details);
    return { at: this.clock.now(), comment, by, changes };
  }

  /** The net changes; modified rows get a new `_version`. */
  #changesOf(journal: Journal): RowChange[] {
    const changes: RowChange[] = [];
    for (const { table, uuid, old, new: row } of journal.touched()) {
      let current = row;
      if (old !== undefined && row !== undefined) {
        if (rowsEqual(table.schema, old, row)) continue;
        current = table.maker.change(row, NO_CHANGES, this.#newUuid());
        table.rows.set(uuid, current);
      }
      if (old !== undefined || current !== undefined) changes.push({ table: table.schema.name, uuid, old, new: current });
    }
    return changes;
  }

  /** Makes a group durable, tells the listeners, answers; or takes the group back. */
  #finish(group: readonly Staged[]): void {
    if (group.length === 0) return;
    const commits = group.map(({ commit }) => commit).filter((commit) => commit !== undefined);
    let versions: string[];
    try {
      const isDurable = group.some((staged) => staged.isDurable);
      versions = this.commitLog === undefined || commits.length === 0 ? [] : this.commitLog.append(commits, isDurable);
    } catch (error) {
      this.#takeBack(group, error);
      return;
    }
    let n = 0;
    for (const { commit, pending, results } of group) {
      if (commit !== undefined) {
        const { at, comment, by, changes } = commit;
        this.publish({ version: versions[n++] ?? this.#newUuid(), at, comment, by, changes });
      }
      pending.resolve(results);
    }
  }

  /** Nothing of the group was kept: undo it, and let each transaction try alone unless it was alone. */
  #takeBack(group: readonly Staged[], error: unknown): void {
    for (const { journal } of [...group].reverse()) journal.rollback();
    const [only] = group;
    if (group.length === 1 && only !== undefined) {
      this.#log.error({ err: messageOf(error), nChanges: only.commit?.changes.length }, "commit failed");
      only.pending.resolve([...only.results, new OvsdbError("I/O error", messageOf(error)).toWire()]);
      return;
    }
    for (const { pending } of group) {
      const staged = this.execute(pending);
      if (staged !== undefined) this.#finish([staged]);
    }
  }

  /** Puts rows that were changed elsewhere, or taken back after they were executed here. */
  protected apply(changes: readonly RowChange[]): void {
    for (const { table: name, uuid, old, new: row } of changes) {
      const table = this.tables.get(name);
      if (table === undefined) continue;
      table.set(uuid, row);
      moveReferences(this.tables, table, uuid, old, row);
    }
  }

  /** Tells the listeners of a commit that is durable and in the tables, and tries again what waited for it. */
  protected publish(commit: Commit): void {
    this.commits.add(commit);
    for (const listener of this.#listeners) {
      try {
        listener(commit);
      } catch (error) {
        this.#log.error({ err: messageOf(error) }, "commit listener failed");
      }
    }
    for (const waiting of this.#waiting) {
      if (commit.changes.some((change) => change.table === waiting.waitsFor)) this.#retry(waiting);
    }
  }

  #wait(pending: Pending, blocked: WaitBlocked): void {
    const { signal } = pending.options;
    if (signal?.aborted === true) return this.#cancel(pending);
    pending.waitsFor = blocked.table;
    pending.onAbort = () => this.#cancel(pending);
    signal?.addEventListener("abort", pending.onAbort);
    this.#waiting.add(pending);
    if (blocked.timeoutMs === undefined) return;
    const elapsedMs = this.clock.monotonicMs() - pending.arrivedAtMs;
    const delayMs = Math.min(Math.ceil(blocked.timeoutMs - elapsedMs), 2 ** 31 - 1);
    pending.timer = setTimeout(() => this.#retry(pending), delayMs);
  }

  #retry(pending: Pending): void {
    this.#stopWaiting(pending);
    this.#enqueue(pending);
  }

  #stopWaiting(pending: Pending): void {
    if (pending.waitsFor === undefined) return;
    clearTimeout(pending.timer);
    if (pending.onAbort !== undefined) pending.options.signal?.removeEventListener("abort", pending.onAbort);
    pending.onAbort = undefined;
    pending.timer = undefined;
    pending.waitsFor = undefined;
    this.#waiting.delete(pending);
  }

  #cancel(pending: Pending): void {
    this.#stopWaiting(pending);
    pending.resolve([new OvsdbError("canceled").toWire()]);
  }

  #toWire(error: unknown): Json {
    if (error instanceof OvsdbError) return error.toWire();
    this.#log.error({ err: messageOf(error) }, "transaction failed unexpectedly");
    return new OvsdbError("internal error", messageOf(error)).toWire();
  }
}
