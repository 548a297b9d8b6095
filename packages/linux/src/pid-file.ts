/**
 * A pid file as Open vSwitch's tools expect it: locked by the daemon that it names.
 *
 * `ovs-appctl -t NAME` reads the pid only while a POSIX record lock of that process is on the file, so a file that
 * a killed daemon left behind misleads nobody.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { IoError, messageOf } from "@tenet/kit";
import { libc } from "./libc.ts";

const F_SETLK = 6;
const F_WRLCK = 1;
/** struct flock: l_type u16, l_whence u16, 4 bytes of padding, l_start i64, l_len i64, l_pid i32, 4 bytes of padding. */
const FLOCK_BYTES = 32;

/** Holds a pid file; closing it removes the file. */
export interface PidFile {
  close(): void;
}

/**
 * Writes this process's pid and locks the file.
 *
 * @throws IoError when another process holds it, or it cannot be written
 */
export function holdPidFile(path: string): PidFile {
  const fd = openSync(path, "a");
  const lock = new Uint8Array(FLOCK_BYTES);
  lock[0] = F_WRLCK;
  if (libc().fcntl(fd, F_SETLK, lock) < 0) {
    const reason = libc().errnoName();
    closeSync(fd);
    const holder = readFileSync(path, "utf8").trim();
    throw new IoError(`Cannot hold pid file "${path}": fcntl failed with ${reason}`, {
      hint: `Process ${holder} holds it: stop that first, or use another run folder`,
    });
  }
  const close = (): void => {
    rmSync(path, { force: true });
    closeSync(fd);
  };
  try {
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    close();
    throw new IoError(`Cannot write pid file "${path}": ${messageOf(error)}`, {
      hint: "Free space on its disk, or use another run folder",
      cause: error,
    });
  }
  return { close };
}
