/**
 * A log that is written beside the one in use, to take its place.
 *
 * Everything but the last step is done in slices between which the event loop goes on: text is made for a
 * few milliseconds at a time, and written and flushed beside the loop. The draft is `FILE.compact`; a crash
 * leaves it behind, and the next opener removes it.
 */
import { createHash } from "node:crypto";
import type { LogFs } from "./log-fs.ts";
import { inSlices } from "./slices.ts";

const COPY_BYTES = 256 * 1024;
const SYNC_BYTES = 4 * 1024 * 1024;
/** Digits of the length in the header of a record whose length is not known before: zeros stand in front. */
const LENGTH_DIGITS = 15;
const HEADER_BYTES = "OVSDB JSON ".length + LENGTH_DIGITS + 1 + 40 + 1;

/** A log in the making. */
export class LogDraft {
  readonly path: string;
  readonly fd: number;
  sizeBytes = 0;
  /** Set when nobody wants the draft any more. */
  isAbandoned = false;
  readonly #fs: LogFs;
  #unsyncedBytes = 0;

  /** @param logFd - the log that is to be replaced, for its mode */
  constructor(logPath: string, logFd: number, fs: LogFs) {
    this.path = draftPathOf(logPath);
    this.#fs = fs;
    this.fd = fs.openSync(this.path, "w+", 0o600);
    fs.fchmodSync(this.fd, fs.fstatSync(logFd).mode & 0o777);
  }

  /** Appends bytes as they are; flushes now and then, so that no flush of the log in use waits long. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#writeAt(bytes, this.sizeBytes);
    this.sizeBytes += bytes.length;
    this.#unsyncedBytes += bytes.length;
    if (this.#unsyncedBytes < SYNC_BYTES) return;
    await this.#fs.fsync(this.fd);
    this.#unsyncedBytes = 0;
  }

  /** Appends one record whose JSON comes in pieces. */
  async appendRecord(pieces: Iterable<string>): Promise<void> {
    const hash = createHash("sha1");
    const headerAt = this.sizeBytes;
    this.sizeBytes += HEADER_BYTES;
    let nBytes = 0;
    for (const text of inSlices(pieces)) {
      const bytes = Buffer.from(text);
      hash.update(bytes);
      nBytes += bytes.length;
      await this.append(bytes);
      // A write may be done before others had their turn.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.isAbandoned) return;
    }
    const header = `OVSDB JSON ${String(nBytes).padStart(LENGTH_DIGITS, "0")} ${hash.digest("hex")}\n`;
    await this.#writeAt(Buffer.from(header), headerAt);
  }

  /** Appends a part of the log in use, byte for byte. */
  async copy(logFd: number, from: number, to: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, to - from));
    for (let at = from; at < to && !this.isAbandoned; ) {
      const n = await this.#fs.read(logFd, buffer, 0, Math.min(buffer.length, to - at), at);
      if (n === 0) throw new Error(`the log ends at ${at} instead of ${to}`);
      await this.append(buffer.subarray(0, n));
      at += n;
    }
  }

  /** Appends a small part of the log in use while all wait. */
  copyNow(logFd: number, from: number, to: number): void {
    const bytes = Buffer.allocUnsafe(to - from);
    for (let done = 0; done < bytes.length; ) {
      const n = this.#fs.readSync(logFd, bytes, done, bytes.length - done, from + done);
      if (n === 0) throw new Error(`the log ends at ${from + done} instead of ${to}`);
      done += n;
    }
    for (let done = 0; done < bytes.length; ) {
      done += this.#fs.writeSync(this.fd, bytes, done, bytes.length - done, this.sizeBytes + done);
    }
    this.sizeBytes += bytes.length;
  }

  async #writeAt(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += await this.#fs.write(this.fd, bytes, done, bytes.length - done, position + done);
    }
  }
}

/** Where the draft of a log is. */
export function draftPathOf(logPath: string): string {
  return `${logPath}.compact`;
}
