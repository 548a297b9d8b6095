/**
 * Keeps two processes (and two openers in one process) from writing one database file.
 *
 * The lock is on a file `.NAME.~lock~` beside the database, as the original's.
 */
import { basename, dirname, join } from "node:path";
import { AppError } from "@tenet/kit";
import { hasRecordLocks } from "@tenet/linux";
import { takeKernelLock } from "./kernel-lock.ts";
import { takePidLock } from "./pid-lock.ts";

/** Another process (or this one) has the database file open. */
export class DatabaseLockedError extends AppError {
  static override readonly code: string = "OVSDB_LOCKED";
  /** The holder. */
  readonly pid: number;

  constructor(file: string, pid: number) {
    const holder = pid === process.pid ? `this process (pid ${pid})` : `process ${pid}`;
    super(`Cannot open database file "${file}": ${holder} has it open`, {
      hint: pid === process.pid ? "Close it first" : `Stop process ${pid} first, or use another state folder`,
      details: { file, pid },
    });
    this.pid = pid;
  }
}

/**
 * Takes the lock of a database file.
 *
 * @returns releases the lock
 * @throws DatabaseLockedError naming the holder
 */
export function lockDatabaseFile(file: string): () => void {
  const path = join(dirname(file), `.${basename(file)}.~lock~`);
  const held = hasRecordLocks() ? takeKernelLock(path) : takePidLock(path);
  if ("holder" in held) throw new DatabaseLockedError(file, held.holder);
  return held.release;
}
