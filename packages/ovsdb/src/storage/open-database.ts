/** The public database: the engine, in memory or with a file that it is loaded from. */
import { access } from "node:fs/promises";
import { type Clock, IoError, type Json, type Logger, messageOf, silentLogger } from "@tenet/kit";
import type { Commit } from "../engine/commit.ts";
import { DatabaseEngine, type DatabaseParts } from "../engine/database.ts";
import { DEFAULT_HISTORY, History, type HistoryLimits } from "../engine/history.ts";
import { moveReferences } from "../engine/references.ts";
import type { TableState } from "../engine/table-state.ts";
import type { RowChange } from "../model/row.ts";
import { type SchemaSource, toSchema } from "../model/parse-schema.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { type CompactionLimits, CompactionSchedule, DEFAULT_COMPACTION } from "./compaction-schedule.ts";
import { DatumSharing } from "./datum-sharing.ts";
import { FileCommitLog, nextVersion, type OpenedLog } from "./file-commit-log.ts";
import { type LogRecord, type PlacedRecord, readLog } from "./read-log.ts";
import type { LogFs } from "./log-fs.ts";
import { countedTables, PROGRESS_ROWS, type RowProgress } from "./row-progress.ts";
import { versionOfSnapshot } from "./signature.ts";
import { tablesBeforeInSteps } from "./table-rows.ts";
import { applyRowRecord, readScannedRecord, readTransactionRecord } from "./transaction-record.ts";

/** How to open a database. */
export interface DatabaseOptions {
  readonly schema: SchemaSource | Json;
  /** The log file; made when missing. Without it the database lives in memory only. */
  readonly file?: string;
  readonly clock?: Clock;
  /** Makes the uuids of rows and versions; for tests that want the same ones again. */
  readonly newUuid?: () => string;
  readonly log?: Logger;
  /** How much {@link Database.history} keeps, also over a compaction and a restart. */
  readonly historyLimits?: HistoryLimits;
  /** When the file is compacted without being asked; by default as the original does. */
  readonly compaction?: CompactionLimits;
  /** The file operations; for tests that want them to fail. */
  readonly fs?: LogFs;
  /** Told how far reading the file, and each writing of it anew, is. */
  readonly onProgress?: RowProgress | undefined;
}

/**
 * A database: transactions in, commits out, durable when it has a file.
 *
 * @example
 * const nb = await Database.open({ schema: OVN_NORTHBOUND, file: "/var/lib/tenet/nb.db" });
 * nb.onCommit(({ by, changes }) => console.log(by.process, changes.length));
 */
export class Database extends DatabaseEngine {
  #file: FileCommitLog | undefined;
  #compacting: Promise<void> | undefined;
  #onProgress: RowProgress | undefined;

  /**
   * Opens a database.
   *
   * A file written under an older or newer version of the schema is rewritten under this one; tables and
   * columns that this schema lacks are dropped.
   *
   * @throws DatabaseLockedError, NotALogError, WrongDatabaseError, IoError
   */
  static async open(options: DatabaseOptions): Promise<Database> {
    if (options.file === undefined) return Database.inMemory(options);
    return Database.#open(options.file, toSchema(options.schema), options);
  }

  /**
   * Opens a file that exists, under the schema that it holds.
   *
   * @throws DatabaseLockedError, NotALogError, OvsdbError when its schema is faulty, IoError
   */
  static async openFile(file: string, options: Omit<DatabaseOptions, "schema" | "file"> = {}): Promise<Database> {
    await access(file).catch((error: unknown) => {
      throw new IoError(`Cannot open database file "${file}": ${messageOf(error)}`, {
        hint: "Make it with tenet db create",
        cause: error,
      });
    });
    return Database.#open(file, undefined, options);
  }

  static #open(file: string, wanted: DatabaseSchema | undefined, options: Omit<DatabaseOptions, "schema">): Database {
    const log = (options.log ?? silentLogger).child({ database: wanted?.name ?? file });
    const limits = options.historyLimits ?? DEFAULT_HISTORY;
    const opened = FileCommitLog.open(file, wanted, log, limits, options.fs);
    const database = Database.inMemory({ ...options, schema: opened.schema });
    database.#onProgress = options.onProgress;
    try {
      database.#load(opened, limits);
      database.#keepCompact(options.compaction ?? DEFAULT_COMPACTION, log);
      opened.commitLog.onFlushFailed((error) => void database.#mend(error, log));
    } catch (error) {
      opened.commitLog.close();
      throw error;
    }
    return database;
  }

  /** A database that is gone when the process is; `file` is not looked at. */
  static inMemory(options: DatabaseOptions): Database {
    const schema = toSchema(options.schema);
    const log = (options.log ?? silentLogger).child({ database: schema.name });
    return new Database({ ...options, schema, log });
  }

  /**
   * What is in a file now, in memory, with all commits that the file has. The file may be in use.
   *
   * @throws NotALogError, IoError
   */
  static read(file: string, onProgress?: RowProgress): Database {
    const { schema, schemaSha1, transactions } = readLog(file);
    const limits = { commits: Infinity, changes: Infinity };
    const database = Database.inMemory({ schema, historyLimits: limits });
    database.#onProgress = onProgress;
    let version = nextVersion("", schemaSha1);
    database.#replay(transactions, limits, ({ sha1 }, toldVersion) => (version = toldVersion ?? nextVersion(version, sha1)));
    return database;
  }

  private constructor(parts: DatabaseParts) {
    super(parts);
  }

  /**
   * Replaces the transactions in the file by the rows there were before the latest of them, which stay, while
   * transactions go on. How many stay is for the limits of history to say.
   *
   * Who asks while a compaction runs waits for that one. Without a file there is nothing to do.
   *
   * @param dropsHistory - whether none of the transactions stays
   * @throws IoError when the new file could not be written; the old one stays in use
   */
  compact(dropsHistory = false): Promise<void> {
    this.#compacting ??= this.#compact(dropsHistory).finally(() => (this.#compacting = undefined));
    return this.#compacting;
  }

  async #compact(dropsHistory: boolean): Promise<void> {
    await Promise.resolve(); // commits of a group are told one by one: history is in step with the file after the last
    const now = this.clock.now();
    const kept = dropsHistory ? [] : (this.#file?.keptOf(this.history(), now) ?? []);
    const { tables, stop } = tablesBeforeInSteps(this.tables, kept, (listener) => this.onCommit(listener));
    const nTotal = [...this.tables.values()].reduce((sum, { rows }) => sum + rows.size, 0);
    const counted = this.#onProgress === undefined ? tables : countedTables(tables, nTotal, this.#onProgress);
    await this.#file?.compact(kept, counted, now).finally(stop);
  }

  /** The file may not keep what was answered already; the memory does, and so does a new file. */
  async #mend(error: unknown, log: Logger): Promise<void> {
    log.error({ err: messageOf(error) }, "database file not flushed: writing it anew");
    try {
      await this.compact(true);
    } catch (failure) {
      log.error({ err: messageOf(failure) }, "database file not written anew");
    }
  }

  /** Compacts the file whenever that is due. */
  #keepCompact(limits: CompactionLimits, log: Logger): void {
    const { clock } = this;
    const schedule = new CompactionSchedule(limits, clock.monotonicMs());
    this.onCommit(() => {
      const file = this.#file;
      if (file === undefined || !schedule.isDue(file.sizeBytes, clock.monotonicMs())) return;
      const beforeBytes = file.sizeBytes;
      schedule.restart(clock.monotonicMs());
      this.compact().then(
        () => {
          schedule.baseBytes = file.sizeBytes;
          log.info({ beforeBytes, sizeBytes: file.sizeBytes }, "database file compacted");
        },
        (error: unknown) => log.warn({ err: messageOf(error) }, "database file not compacted"),
      );
    });
  }

  #load({ commitLog, transactions, hasOtherSchema }: OpenedLog, limits: HistoryLimits): void {
    this.commits = new History(limits, commitLog.version);
    this.#replay(transactions, limits, (record, toldVersion) => commitLog.advance(record, toldVersion));
    if (hasOtherSchema) {
      commitLog.rewrite(this.#snapshot());
      this.commits = new History(limits, commitLog.version);
    }
    this.commitLog = commitLog;
    this.#file = commitLog;
  }

  /** Applies transactions that were read; `advance` gives the version after each. */
  #replay(
    transactions: readonly LogRecord[],
    limits: HistoryLimits,
    advance: (record: PlacedRecord, toldVersion: string | undefined) => string,
  ): void {
    const sharing = new DatumSharing((table, uuid) => this.tables.get(table)?.rows.get(uuid)?._uuid);
    const onProgress = this.#onProgress;
    const nTotal = onProgress === undefined ? 0 : countRows(transactions);
    let nRows = 0;
    for (const [i, record] of transactions.entries()) {
      const { json, scanned } = record;
      const { at, comment, by, isDiff, tables } =
        scanned === undefined ? readTransactionRecord(json) : readScannedRecord(scanned);
      const version = advance(record, i === 0 ? versionOfSnapshot(comment) : undefined);
      // More than the history holds is not collected for it.
      const isKept = tables.reduce((n, [, rows]) => n + rows.length, 0) <= limits.changes;
      const changes: RowChange[] = [];
      for (const [name, rows] of tables) {
        const table = this.tables.get(name);
        if (table === undefined) continue;
        for (const [uuid, row] of rows) {
          const change = this.#applyRow(table, uuid, row, isDiff, version, sharing);
          if (isKept) changes.push(change);
          if (onProgress !== undefined && ++nRows % PROGRESS_ROWS === 0) onProgress("reading", nRows, nTotal);
        }
      }
      if (isKept) this.commits.add({ version, at, comment, by, changes });
      else this.commits.restart(version);
    }
  }

  #applyRow(table: TableState, uuid: string, json: Json, isDiff: boolean, version: string, sharing: DatumSharing): RowChange {
    const old = table.rows.get(uuid);
    const row = applyRowRecord(table.schema, table.maker, uuid, old, json, isDiff, version, sharing);
    const known = row?._uuid ?? uuid;
    table.set(known, row);
    moveReferences(this.tables, table, known, old, row);
    return { table: table.schema.name, uuid: known, old, new: row };
  }

  /** Everything as one commit that inserts all rows. */
  #snapshot(): Omit<Commit, "version"> {
    const changes = [...this.tables.values()].flatMap(({ schema, rows }) =>
      Array.from(rows, ([uuid, row]): RowChange => ({ table: schema.name, uuid, old: undefined, new: row })),
    );
    const last = this.commits.all().at(-1);
    return {
      at: last?.at ?? 0,
      comment: `converted to schema version ${this.schema.version}`,
      by: { remote: "internal" },
      changes,
    };
  }
}

/** How many changes of rows the transactions have. */
function countRows(transactions: readonly LogRecord[]): number {
  const tables = transactions.flatMap(({ json, scanned }) => (scanned ?? readTransactionRecord(json)).tables);
  return tables.reduce((sum, [, rows]) => sum + rows.length, 0);
}
