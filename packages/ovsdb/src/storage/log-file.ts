/**
 * The append-only file of a standalone database.
 *
 * ```
 * OVSDB JSON <length in bytes> <SHA-1 in hex>\n
 * <json>\n
 * ```
 *
 * The first record is the schema, each other one a transaction. A record that is cut short or whose hash
 * is wrong ends the file: it and what follows are cut off with a warning. An append either reaches stable
 * storage whole or is taken back by truncation.
 *
 * @see ovsdb(5), section "Standalone Format"
 */
import { IoError, type Json, type Logger, messageOf } from "@tenet/kit";
import { stringifyExact } from "../model/exact-json.ts";
import { BackgroundFlush } from "./background-flush.ts";
import { draftPathOf, LogDraft } from "./log-draft.ts";
import { type LogFs, syncFolder, systemFs } from "./log-fs.ts";
import { type LogRecord, type PlacedRecord, readRecords } from "./read-log.ts";
import { RecordBatch } from "./record-batch.ts";

/** How long what nobody waits for may not be on stable storage, besides the time that this takes. */
const FLUSH_INTERVAL_MS = 100;
/** What a compaction may copy while all wait for it. */
const LAST_COPY_BYTES = 64 * 1024;

/** An open log: records were read, more can be appended. */
export class LogFile {
  readonly path: string;
  readonly #fs: LogFs;
  #fd: number;
  #sizeBytes: number;
  /** A failed append may have left bytes behind the last good record. */
  #hasTail = false;
  /** Whether the folder's entry of the file is on stable storage. */
  #isNameDurable = true;
  /** What a running compaction writes. */
  #draft: LogDraft | undefined;
  #isClosed = false;
  readonly #batch = new RecordBatch();
  /** Told when records that were appended without waiting did not reach stable storage; they stand in the file as yet. */
  onFlushFailed: (error: unknown) => void = () => undefined;
  readonly #background: BackgroundFlush = new BackgroundFlush(
    FLUSH_INTERVAL_MS,
    () => this.#flushBeside(),
    (error) => this.onFlushFailed(error),
  );

  private constructor(path: string, fs: LogFs, fd: number, sizeBytes: number) {
    this.path = path;
    this.#fs = fs;
    this.#fd = fd;
    this.#sizeBytes = sizeBytes;
  }

  /** Opens a log, making it if it is missing, and reads its records. */
  static open(path: string, log: Logger, fs: LogFs = systemFs): { file: LogFile; records: LogRecord[] } {
    let fd: number;
    let bytes: Buffer;
    try {
      const isNew = !fs.existsSync(path);
      fd = fs.openSync(path, isNew ? "wx+" : "r+", 0o640);
      if (isNew) syncFolder(path, fs);
      bytes = fs.readFileSync(path);
      fs.rmSync(draftPathOf(path), { force: true });
    } catch (error) {
      throw new IoError(`Cannot open database file "${path}": ${messageOf(error)}`, {
        hint: "Check that the folder exists and may be written",
        cause: error,
      });
    }
    const { records, endsAt, problem } = readRecords(path, bytes);
    const file = new LogFile(path, fs, fd, endsAt);
    if (problem !== undefined) {
      log.warn({ file: path, at: endsAt, lostBytes: bytes.length - endsAt, problem }, "cutting off damaged end of database file");
      file.#hasTail = true;
      file.#cutTail();
    }
    return { file, records };
  }

  /**
   * Appends records.
   *
   * @param records - their JSON texts
   * @param isDurable - wait until they, and all before them, are on stable storage; otherwise that follows soon
   * @throws IoError when that failed; the file then ends where it ended before
   */
  append(records: readonly string[], isDurable: boolean): PlacedRecord[] {
    const { bytes, placed } = this.#batch.encode(records, this.#sizeBytes);
    try {
      this.#makeNameDurable();
      this.#cutTail();
      this.#hasTail = true;
      for (let done = 0; done < bytes.length; ) {
        done += this.#fs.writeSync(this.#fd, bytes, done, bytes.length - done, this.#sizeBytes + done);
      }
      if (isDurable) this.#flushNow();
      else this.#background.schedule();
    } catch (error) {
      this.#tryCutTail();
      throw new IoError(`cannot write ${this.path}: ${messageOf(error)}`, {
        hint: "Free space on the disk or make the file writable; the transaction was not kept",
        cause: error,
      });
    }
    this.#hasTail = false;
    this.#sizeBytes += bytes.length;
    return placed;
  }

  /** Replaces the whole file by these records, atomically. @throws IoError; the file is then as it was */
  rewrite(records: readonly string[]): PlacedRecord[] {
    this.#abandonDraft();
    const { bytes, placed } = this.#batch.encode(records, 0);
    const old = this.#fd;
    this.#fd = this.#replaceFile(bytes);
    this.#fs.closeSync(old);
    this.#isNameDurable = false;
    this.#tryMakeNameDurable();
    this.#background.clear();
    this.#sizeBytes = bytes.length;
    this.#hasTail = false;
    return placed;
  }

  /** @returns the descriptor of a new file that has the name now */
  #replaceFile(bytes: Buffer): number {
    const temporary = `${this.path}.tmp`;
    let fd: number | undefined;
    try {
      fd = this.#fs.openSync(temporary, "w+", 0o600);
      this.#fs.fchmodSync(fd, this.#fs.fstatSync(this.#fd).mode & 0o777);
      for (let done = 0; done < bytes.length; ) {
        done += this.#fs.writeSync(fd, bytes, done, bytes.length - done, done);
      }
      this.#fs.fsyncSync(fd);
      this.#fs.renameSync(temporary, this.path);
      return fd;
    } catch (error) {
      if (fd !== undefined) this.#fs.closeSync(fd);
      this.#fs.rmSync(temporary, { force: true });
      throw new IoError(`cannot write ${this.path}: ${messageOf(error)}`, {
        hint: "The file is as it was; free space on the disk or make the folder writable",
        cause: error,
      });
    }
  }

  /** The length of the file in bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /**
   * Replaces the records before an offset by a first record and a second one that comes in pieces, while more
   * records are appended; those from the offset on stay as they are.
   *
   * @returns by how many bytes earlier they begin; `undefined` when the log was closed or rewritten meanwhile
   * @throws IoError when the new file could not be written; the log goes on in the old one
   */
  async compact(first: Json, second: Iterable<string>, keptFrom: number): Promise<number | undefined> {
    if (this.#draft !== undefined || this.#isClosed) return undefined;
    let copied = keptFrom;
    let draft: LogDraft | undefined;
    try {
      draft = new LogDraft(this.path, this.#fd, this.#fs);
      this.#draft = draft;
      await draft.append(new RecordBatch().encode([stringifyExact(first)], 0).bytes);
      await draft.appendRecord(second);
      const movedBytes = keptFrom - draft.sizeBytes;
      do {
        const endsAt = this.#sizeBytes;
        await draft.copy(this.#fd, copied, endsAt);
        copied = endsAt;
        await this.#fs.fsync(draft.fd);
        if (draft.isAbandoned) return undefined;
      } while (this.#sizeBytes - copied > LAST_COPY_BYTES);
      this.#replaceBy(draft, copied);
      return movedBytes;
    } catch (error) {
      if (draft?.isAbandoned === true) return undefined;
      throw new IoError(`Cannot compact database file "${this.path}": ${messageOf(error)}`, {
        hint: "The file is as it was; free space on the disk or make the folder writable",
        cause: error,
      });
    } finally {
      await this.#endDraft(draft);
    }
  }

  /** Brings to stable storage what is not there, and closes. @throws what that throws, when it is closed all the same */
  close(): void {
    this.#isClosed = true;
    this.#abandonDraft();
    try {
      if (this.#background.isPending) this.#fs.fsyncSync(this.#fd);
    } finally {
      this.#background.clear();
      this.#fs.closeSync(this.#fd);
    }
  }

  /** A failure may also have taken what was written before and not flushed. */
  #flushNow(): void {
    try {
      this.#fs.fsyncSync(this.#fd);
    } catch (error) {
      if (this.#background.isPending) this.onFlushFailed(error);
      throw error;
    }
    this.#background.clear();
  }

  async #flushBeside(): Promise<void> {
    const fd = this.#fd;
    try {
      await this.#fs.fsync(fd);
    } catch (error) {
      // A file that was replaced meanwhile matters no more; the new one is on stable storage.
      if (fd === this.#fd && !this.#isClosed) throw error;
    }
  }

  /** At once, because nothing may be appended between the last copy and the new file descriptor. */
  #replaceBy(draft: LogDraft, copied: number): void {
    draft.copyNow(this.#fd, copied, this.#sizeBytes);
    this.#fs.fsyncSync(draft.fd);
    this.#fs.renameSync(draft.path, this.path);
    const old = this.#fd;
    this.#fd = draft.fd;
    this.#background.clear();
    this.#sizeBytes = draft.sizeBytes;
    this.#hasTail = false;
    this.#draft = undefined;
    this.#isNameDurable = false;
    // Nothing is lost with a file that has no name any more.
    this.#fs.close(old).catch(() => undefined);
  }

  /** Ends a compaction that did not come to its end. */
  async #endDraft(draft: LogDraft | undefined): Promise<void> {
    if (draft === undefined || draft.fd === this.#fd) return;
    if (!draft.isAbandoned) this.#abandonDraft();
    await this.#fs.close(draft.fd);
  }

  /** Removes the draft now, because another process may open the log next; its writer stops when it sees that. */
  #abandonDraft(): void {
    if (this.#draft === undefined) return;
    this.#draft.isAbandoned = true;
    this.#fs.rmSync(this.#draft.path, { force: true });
    this.#draft = undefined;
  }

  #makeNameDurable(): void {
    if (this.#isNameDurable) return;
    syncFolder(this.path, this.#fs);
    this.#isNameDurable = true;
  }

  /** What is not durable now is made so before the next append; the file has its name in any case. */
  #tryMakeNameDurable(): void {
    try {
      this.#makeNameDurable();
    } catch {
      this.#isNameDurable = false;
    }
  }

  #cutTail(): void {
    if (!this.#hasTail) return;
    this.#fs.ftruncateSync(this.#fd, this.#sizeBytes);
    this.#hasTail = false;
  }

  /** What cannot be cut now is cut before the next append; a reader would cut it as well. */
  #tryCutTail(): void {
    try {
      this.#cutTail();
    } catch {
      this.#hasTail = true;
    }
  }
}
