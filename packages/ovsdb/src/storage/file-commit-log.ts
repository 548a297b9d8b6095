/**
 * Commits in a log file, each with a version that the file itself determines.
 *
 * A version is the hash of the previous version and of the record, so the same file gives the same
 * versions again and a client that reconnects after a restart gets just what it missed.
 */
import { createHash } from "node:crypto";
import { AppError, type Json, type Logger } from "@tenet/kit";
import type { Commit } from "../engine/commit.ts";
import type { CommitLog } from "../engine/database.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { isJsonObject, stringifySorted } from "../model/sorted-json.ts";
import { lockDatabaseFile } from "./lock-file.ts";
import { LogFile, type LogRecord } from "./log-file.ts";
import { type LogFs, systemFs } from "./log-fs.ts";
import { snapshotComment } from "./signature.ts";
import { recordOf, snapshotRecord, type TableRows, touchesEphemeral } from "./transaction-record.ts";

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
  #schema: DatabaseSchema;

  private constructor(schema: DatabaseSchema, file: LogFile, unlock: () => void, version: string) {
    this.#schema = schema;
    this.#file = file;
    this.#unlock = unlock;
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
   * @returns the log, the transactions in it, and whether the file was written under another schema
   */
  static open(path: string, schema: DatabaseSchema, log: Logger, fs: LogFs = systemFs): OpenedLog {
    const unlock = lockDatabaseFile(path);
    try {
      const { file, records } = LogFile.open(path, log, fs);
      const [first, ...transactions] = records;
      if (first === undefined) {
        const [sha1 = ""] = file.append([schema.json]);
        return { commitLog: new FileCommitLog(schema, file, unlock, nextVersion("", sha1)), transactions, hasOtherSchema: false };
      }
      checkName(path, schema, first.json);
      const hasOtherSchema = stringifySorted(first.json) !== stringifySorted(schema.json);
      return { commitLog: new FileCommitLog(schema, file, unlock, nextVersion("", first.sha1)), transactions, hasOtherSchema };
    } catch (error) {
      unlock();
      throw error;
    }
  }

  append(commits: readonly Omit<Commit, "version">[]): string[] {
    const records = commits.map((commit) => recordOf(this.#schema, commit));
    const written = records.filter((record): record is Json => record !== undefined);
    const hashes = written.length === 0 ? [] : this.#file.append(written);
    let n = 0;
    return commits.map((commit, i) => {
      const sha1 = records[i] === undefined ? "" : (hashes[n++] ?? "");
      // A restart forgets ephemeral columns: the version must not be found again, or replicas would keep them.
      this.version = nextVersion(this.version, touchesEphemeral(this.#schema, commit) ? `${sha1} ephemeral` : sha1);
      if (sha1 !== "") this.#versionInFile = nextVersion(this.#versionInFile, sha1);
      return this.version;
    });
  }

  /** Moves the version over a record that was read; a snapshot tells which version it is. */
  advance(sha1: string, toldVersion: string | undefined): string {
    this.version = toldVersion ?? nextVersion(this.version, sha1);
    this.#versionInFile = this.version;
    return this.version;
  }

  /**
   * Replaces the transactions up to now by one that inserts these rows, while others are appended.
   *
   * @returns false when the log was closed or rewritten meanwhile
   * @throws IoError
   */
  compact(tables: readonly TableRows[], at: number): Promise<boolean> {
    return this.#file.compact(this.#schema.json, snapshotRecord(tables, at, snapshotComment(this.#versionInFile)));
  }

  /** Replaces the file by the schema and one transaction. */
  rewrite(commit: Omit<Commit, "version">): void {
    const record = recordOf(this.#schema, commit);
    const hashes = this.#file.rewrite(record === undefined ? [this.#schema.json] : [this.#schema.json, record]);
    this.version = hashes.reduce(nextVersion, "");
    this.#versionInFile = this.version;
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

  close(): void {
    this.#file.close();
    this.#unlock();
  }
}

/** What opening a file gives. */
export interface OpenedLog {
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

function nextVersion(version: string, sha1: string): string {
  const hash = createHash("sha1").update(`${version} ${sha1}`).digest("hex");
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-${hash.slice(12, 16)}-${hash.slice(16, 20)}-${hash.slice(20, 32)}`;
}
