/**
 * A file that records are appended to and read from again.
 *
 * An append reaches the file whole or is taken back. Reading stops at the first record that is not whole and tells whether whole ones
 * follow: then the file is damaged, else its tail was torn by a crash. Nothing here knows what records mean.
 */
import nodeFs from "node:fs";
import { dirname } from "node:path";
import { errnoOf, messageOf } from "@tenet/kit";
import { HistoryFileError } from "./errors.ts";
import { type FramedRecord, HEADER_BYTES, isWhole, payloadLength } from "./framing.ts";

/** The file operations that a history needs; tests replace them to fail. */
export interface HistoryFs {
  openSync(path: string, flags: string, mode?: number): number;
  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  writeSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  fstatSync(fd: number): { readonly size: number };
  fdatasyncSync(fd: number): void;
  fsyncSync(fd: number): void;
  ftruncateSync(fd: number, length: number): void;
  closeSync(fd: number): void;
  renameSync(from: string, to: string): void;
  rmSync(path: string, options: { force: boolean }): void;
}

/** First bytes of every history. */
const MAGIC = Buffer.from("TENETHI1");
/** Where the first record stands. */
export const FIRST_RECORD: number = MAGIC.length;
const CHUNK_BYTES = 2 ** 20;

/** An open file. One process may write it at a time: another's append is noticed and refused. */
export class RecordFile {
  readonly path: string;
  readonly #fs: HistoryFs;
  #fd: number;
  #sizeBytes: number;
  #isBroken = false;
  /** Moves when offsets change their meaning. */
  #generation = 0;

  private constructor(path: string, fs: HistoryFs, fd: number, sizeBytes: number) {
    this.path = path;
    this.#fs = fs;
    this.#fd = fd;
    this.#sizeBytes = sizeBytes;
  }

  /** Opens a file, making it if it is missing. */
  static open(path: string, fs: HistoryFs = nodeFs): RecordFile {
    return attempt(`open history "${path}"`, () => {
      fs.rmSync(`${path}.new`, { force: true });
      const fd = openOrMake(path, fs);
      const file = new RecordFile(path, fs, fd, fs.fstatSync(fd).size);
      try {
        file.#checkMagic();
      } catch (error) {
        fs.closeSync(fd);
        throw error;
      }
      return file;
    });
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Appends records, all or none; `isSynced` to return when they are on stable storage. */
  append(records: Iterable<Buffer>, isSynced = false): void {
    if (this.#fd < 0) throw new HistoryFileError(`Cannot write history "${this.path}": it is closed`);
    if (this.#isBroken)
      throw new HistoryFileError(`Cannot write history "${this.path}": a failed append could not be taken back`);
    const start = this.#sizeBytes;
    attempt(`append to history "${this.path}"`, () => {
      const { size } = this.#fs.fstatSync(this.#fd);
      if (size !== start) {
        const hint = "one process may write a history at a time";
        throw new HistoryFileError(`Cannot append to history "${this.path}": something else wrote to it`, { hint });
      }
      try {
        for (const chunk of inChunks(records)) this.#write(chunk);
        if (isSynced) this.#fs.fdatasyncSync(this.#fd);
      } catch (error) {
        this.#takeBack(start);
        throw error;
      }
    });
  }

  /** Waits until everything appended is on stable storage. */
  sync(): void {
    attempt(`sync history "${this.path}"`, () => this.#fs.fdatasyncSync(this.#fd));
  }

  /** Cuts the file off. */
  cut(sizeBytes: number): void {
    attempt(`cut history "${this.path}"`, () => {
      this.#fs.ftruncateSync(this.#fd, sizeBytes);
      this.#fs.fsyncSync(this.#fd);
      this.#sizeBytes = sizeBytes;
    });
  }

  /** Records from an offset to the end, or to the first that is not whole; returns where that is. */
  *read(from: number, to: number = this.#sizeBytes): Generator<FramedRecord, number> {
    const generation = this.#generation;
    let at = from;
    let window: Buffer = Buffer.alloc(0);
    let windowAt = from;
    const take = (offset: number, length: number): Buffer | undefined => {
      if (offset + length > to) return undefined;
      if (offset + length > windowAt + window.length) {
        window = this.#readAt(offset, Math.min(Math.max(length, CHUNK_BYTES), to - offset));
        windowAt = offset;
      }
      return window.length < length ? undefined : window.subarray(offset - windowAt, offset - windowAt + length);
    };
    for (;;) {
      if (generation !== this.#generation) {
        throw new HistoryFileError(`Cannot read on in history "${this.path}": it was shortened meanwhile`, {
          hint: "begin anew",
        });
      }
      const header = take(at, HEADER_BYTES);
      const length = header === undefined ? undefined : payloadLength(header, 0);
      const bytes = length === undefined ? undefined : take(at, HEADER_BYTES + length);
      if (bytes === undefined || !isWhole(bytes)) return at;
      const end = at + bytes.length;
      const kind = bytes.toString("latin1", HEADER_BYTES, HEADER_BYTES + 1);
      yield { kind, payload: bytes.subarray(HEADER_BYTES + 1), at, end };
      at = end;
    }
  }

  /** The first whole record of certain kinds that begins after an offset, looked for byte by byte. */
  findWhole(after: number, kinds: string): FramedRecord | undefined {
    for (let base = after + 1; base + HEADER_BYTES <= this.#sizeBytes; base += CHUNK_BYTES) {
      const bytes = this.#readAt(base, Math.min(CHUNK_BYTES + HEADER_BYTES, this.#sizeBytes - base));
      for (let i = 0; i + HEADER_BYTES <= bytes.length && i < CHUNK_BYTES; i++) {
        if (payloadLength(bytes, i) === undefined) continue;
        const { value: record } = this.read(base + i).next();
        if (typeof record === "object" && kinds.includes(record.kind)) return record;
      }
    }
    return undefined;
  }

  /** Forgets the records before an offset: the rest is copied to a new file that takes this one's place. */
  dropBefore(offset: number): void {
    const path = `${this.path}.new`;
    attempt(`shorten history "${this.path}"`, () => {
      const fd = this.#fs.openSync(path, "w+", 0o640);
      const copy = new RecordFile(path, this.#fs, fd, 0);
      try {
        copy.#write(MAGIC);
        for (let at = offset; at < this.#sizeBytes; at += CHUNK_BYTES) {
          copy.#write(this.#readAt(at, Math.min(CHUNK_BYTES, this.#sizeBytes - at)));
        }
        this.#fs.fsyncSync(fd);
        this.#fs.renameSync(path, this.path);
      } catch (error) {
        this.#fs.closeSync(fd);
        this.#fs.rmSync(path, { force: true });
        throw error;
      }
      this.#fs.closeSync(this.#fd);
      this.#fd = fd;
      this.#sizeBytes = copy.#sizeBytes;
      this.#generation++;
      this.#syncFolder();
    });
  }

  close(): void {
    this.#fs.closeSync(this.#fd);
    this.#fd = -1;
  }

  #checkMagic(): void {
    const head = this.#readAt(0, Math.min(MAGIC.length, this.#sizeBytes));
    if (!MAGIC.subarray(0, head.length).equals(head)) {
      const hint = "give the file of a history, or a name that is not taken";
      throw new HistoryFileError(`Cannot open "${this.path}": it is not a history`, { hint, details: { file: this.path } });
    }
    if (head.length === MAGIC.length) return;
    this.#sizeBytes = 0;
    this.#write(MAGIC);
    this.#fs.fsyncSync(this.#fd);
    this.#syncFolder();
  }

  #write(bytes: Buffer): void {
    for (let n = 0; n < bytes.length; ) n += this.#fs.writeSync(this.#fd, bytes, n, bytes.length - n, this.#sizeBytes + n);
    this.#sizeBytes += bytes.length;
  }

  #takeBack(sizeBytes: number): void {
    try {
      this.cut(sizeBytes);
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  #readAt(at: number, length: number): Buffer {
    if (this.#fd < 0) throw new HistoryFileError(`Cannot read history "${this.path}": it is closed`);
    const bytes = Buffer.allocUnsafe(length);
    let n = 0;
    while (n < length) {
      const nRead = this.#fs.readSync(this.#fd, bytes, n, length - n, at + n);
      if (nRead === 0) break;
      n += nRead;
    }
    return bytes.subarray(0, n);
  }

  #syncFolder(): void {
    const fd = this.#fs.openSync(dirname(this.path), "r");
    try {
      this.#fs.fsyncSync(fd);
    } finally {
      this.#fs.closeSync(fd);
    }
  }
}

function openOrMake(path: string, fs: HistoryFs): number {
  try {
    return fs.openSync(path, "r+");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return fs.openSync(path, "wx+", 0o640);
  }
}

function* inChunks(records: Iterable<Buffer>): Generator<Buffer> {
  let waiting: Buffer[] = [];
  let length = 0;
  for (const record of records) {
    waiting.push(record);
    length += record.length;
    if (length < CHUNK_BYTES) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(waiting);
}

function attempt<R>(what: string, run: () => R): R {
  try {
    return run();
  } catch (error) {
    if (error instanceof HistoryFileError) throw error;
    const hint = "check that the folder exists, may be written and has room";
    throw new HistoryFileError(`Cannot ${what}: ${messageOf(error)}`, { hint, cause: error });
  }
}
