/**
 * Commits in a log file, each with a version that the file itself determines.
 *
 * A version is the hash of the previous version and of the record, so the same file gives the same
 * versions again and a client that reconnects after a restart gets just what it missed.
 */
import { AppError, type Json, type Logger } from "@tenet/kit";
import type { Commit } from "../engine/commit.ts";
import type { CommitLog } from "../engine/commit-log.ts";
import { DEFAULT_HISTORY, type HistoryLimits } from "../engine/history.ts";
import { toSchema } from "../model/parse-schema.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { stringifyExact } from "../model/exact-json.ts";
import { isJsonObject, stringifySorted } from "../model/sorted-json.ts";
import { uuidOfHex } from "../model/uuid-of-hex.ts";
import { lockDatabaseFile } from "./lock-file.ts";
import { LogFile } from "./log-file.ts";
import type { LogRecord, PlacedRecord } from "./read-log.ts";
import { NotALogError } from "./not-a-log-error.ts";
import { type LogFs, systemFs } from "./log-fs.ts";
import { RecordPositions } from "./record-positions.ts";
import { sha1Hex } from "./sha1.ts";
import { Signatures, snapshotComment } from "./signature.ts";
import type { TableRows } from "./table-rows.ts";
import { recordText, snapshotRecord, touchesEphemeral } from "./transaction-record.ts";

/** The file holds another database than the one asked for. */
export class WrongDatabaseError extends AppError {
  static override readonly code: string = "OVSDB_WRONG_DATABASE";
}

/** A locked, open log file of one database. */
export class FileCommitLog implements CommitLog {
  /** The version of the state after the last record. */
  version: string;
  /** What the version is after a restart: another one when ephemeral columns were changed. */
  #versionInFile: string;
  readonly #file: LogFile;
  readonly #unlock: () => void;
  readonly #limits: HistoryLimits;
  readonly #positions: RecordPositions;
  readonly #signatures = new Signatures();
  #schema: DatabaseSchema;

  private constructor(schema: DatabaseSchema, file: LogFile, unlock: () => void, version: string, limits: HistoryLimits) {
    this.#schema = schema;
    this.#file = file;
    this.#unlock = unlock;
    this.#limits = limits;
    this.#positions = new RecordPositions(limits.commits);
    this.version = version;
    this.#versionInFile = version;
  }

  /** The length of the file in bytes. */
  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  /**
   * Locks and opens (or makes) a file.
   *
   * @param wanted - the schema of who asks; the one in the file when absent
   * @returns the log, the transactions in it, and whether the file was written under another schema
   */
  static open(
    path: string,
    wanted: DatabaseSchema | undefined,
    log: Logger,
    limits: HistoryLimits = DEFAULT_HISTORY,
    fs: LogFs = systemFs,
  ): OpenedLog {
    const unlock = lockDatabaseFile(path);
    try {
      const { file, records } = LogFile.open(path, log, fs);
      const [first, ...transactions] = records;
      if (first === undefined) {
        if (wanted === undefined)
          throw new NotALogError(`Cannot open database file "${path}": it is empty`, { details: { file: path } });
        const [{ sha1 = "" } = {}] = file.append([stringifyExact(wanted.json)], true);
        const commitLog = new FileCommitLog(wanted, file, unlock, nextVersion("", sha1), limits);
        return { schema: wanted, commitLog, transactions, hasOtherSchema: false };
      }
      const schema = wanted ?? toSchema(first.json);
      if (wanted !== undefined) checkName(path, wanted, first.json);
      const hasOtherSchema = wanted !== undefined && stringifySorted(first.json) !== stringifySorted(wanted.json);
      const commitLog = new FileCommitLog(schema, file, unlock, nextVersion("", first.sha1), limits);
      return { schema, commitLog, transactions, hasOtherSchema };
    } catch (error) {
      unlock();
      throw error;
    }
  }

  append(commits: readonly Omit<Commit, "version">[], isDurable: boolean): string[] {
    const records = commits.map((commit) => recordText(this.#schema, commit, this.#signatures));
    const written = records.filter((record) => record !== undefined);
    const placed = written.length === 0 ? [] : this.#file.append(written, isDurable);
    let n = 0;
    return commits.map((commit, i) => {
      const record = records[i] === undefined ? undefined : placed[n++];
      const sha1 = record?.sha1 ?? "";
      // A restart forgets ephemeral columns: the version must not be found again, or replicas would keep them.
      const isForgotten = touchesEphemeral(this.#schema, commit);
      const isSame = !isForgotten && this.version === this.#versionInFile;
      this.version = nextVersion(this.version, isForgotten ? `${sha1} ephemeral` : sha1);
      if (record !== undefined) this.#remember(record, isSame);
      return this.version;
    });
  }

  /** Moves the version over a record that was read; a snapshot tells which version it is. */
  advance(record: PlacedRecord, toldVersion: string | undefined): string {
    const isSame = this.version === this.#versionInFile;
    this.version = toldVersion ?? nextVersion(this.version, record.sha1);
    if (toldVersion === undefined) this.#remember(record, isSame);
    else this.#versionInFile = toldVersion;
    return this.version;
  }

  /**
   * Of the latest commits, oldest first, those that a compaction leaves in the file, as the limits allow.
   *
   * @param now - ms since 1970-01-01 UTC
   */
  keptOf(commits: readonly Commit[], now: number): readonly Commit[] {
    // What is not told yet but in the file could not be undone.
    if (commits.at(-1)?.version !== this.version) return [];
    const { ageMs = DEFAULT_AGE_MS, fileBytes = DEFAULT_FILE_BYTES } = this.#limits;
    const positions = this.#positions.byVersion();
    let first = commits.length;
    for (const [i, { version, at }] of [...commits.entries()].reverse()) {
      const position = positions.get(version);
      if (position === undefined) continue; // without a record of its own, or a snapshot
      if (at < now - ageMs || this.#file.sizeBytes - position.at > fileBytes) break;
      first = i;
    }
    return commits.slice(first);
  }

  /**
   * Replaces the transactions before the kept ones by one that inserts rows, while others are appended.
   *
   * @param kept - from {@link keptOf}
   * @param tables - the rows before these
   * @returns false when the log was closed or rewritten meanwhile
   * @throws IoError
   */
  async compact(kept: readonly Commit[], tables: readonly TableRows[], now: number): Promise<boolean> {
    const [first] = kept;
    const position = first === undefined ? undefined : this.#positions.byVersion().get(first.version);
    const { at, versionBefore } = position ?? { at: this.#file.sizeBytes, versionBefore: this.#versionInFile };
    const snapshot = snapshotRecord(tables, first?.at ?? now, snapshotComment(versionBefore));
    const movedBytes = await this.#file.compact(this.#schema.json, snapshot, at);
    if (movedBytes === undefined) return false;
    this.#positions.moved(at, movedBytes);
    return true;
  }

  /** Writes, into a log without transactions, one that inserts rows. @throws IoError */
  async fill(tables: readonly TableRows[], at: number, comment: string): Promise<void> {
    await this.#file.compact(this.#schema.json, snapshotRecord(tables, at, comment), this.#file.sizeBytes);
  }

  /** Replaces the file by the schema and one transaction. */
  rewrite(commit: Omit<Commit, "version">): void {
    const record = recordText(this.#schema, commit, this.#signatures);
    const schema = stringifyExact(this.#schema.json);
    const placed = this.#file.rewrite(record === undefined ? [schema] : [schema, record]);
    this.version = placed.reduce((version, { sha1 }) => nextVersion(version, sha1), "");
    this.#versionInFile = this.version;
    this.#positions.clear();
  }

  convert(schema: DatabaseSchema, commit: Omit<Commit, "version">): string {
    const before = this.#schema;
    this.#schema = schema;
    try {
      this.rewrite(commit);
    } catch (error) {
      this.#schema = before;
      throw error;
    }
    return this.version;
  }

  /** Calls `listener` when commits that did not ask to be durable may not be kept by the file. */
  onFlushFailed(listener: (error: unknown) => void): void {
    this.#file.onFlushFailed = listener;
  }

  close(): void {
    try {
      this.#file.close();
    } finally {
      this.#unlock();
    }
  }

  /** Moves the version of the file over its newest record, which led to `version`; to the same when it was the same. */
  #remember({ at, sha1 }: PlacedRecord, isSame: boolean): void {
    const versionBefore = this.#versionInFile;
    this.#positions.add(this.version, at, versionBefore);
    this.#versionInFile = isSame ? this.version : nextVersion(versionBefore, sha1);
  }
}

const DEFAULT_AGE_MS = 30 * 24 * 3_600_000;
const DEFAULT_FILE_BYTES = 32 * 1024 * 1024;

/** What opening a file gives. */
export interface OpenedLog {
  readonly schema: DatabaseSchema;
  readonly commitLog: FileCommitLog;
  readonly transactions: readonly LogRecord[];
  readonly hasOtherSchema: boolean;
}

function checkName(path: string, schema: DatabaseSchema, json: Json): void {
  const name = isJsonObject(json) ? json["name"] : undefined;
  if (name === schema.name) return;
  throw new WrongDatabaseError(`Cannot open database file "${path}" as ${schema.name}: it holds ${String(name)}`, {
    hint: "Give the file of the right database",
    details: { file: path, expected: schema.name },
  });
}

/** The version after a record, from the one before it and the record's hash. */
export function nextVersion(version: string, sha1: string): string {
  return uuidOfHex(sha1Hex(`${version} ${sha1}`));
}
