/**
 * A pid file as Open vSwitch's tools expect it: locked by the daemon that it names.
 *
 * `ovs-appctl -t NAME` reads the pid only while a POSIX record lock of that process is on the file, so a file that
 * a killed daemon left behind misleads nobody.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { IoError, messageOf } from "@tenet/kit";
import { takeRecordLock } from "./record-lock.ts";

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
  const fd = openLocked(path);
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

function openLocked(path: string): number {
  for (;;) {
    const fd = openSync(path, "a");
    const holder = takeRecordLock(fd);
    if (holder === undefined && statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return fd;
    closeSync(fd); // of a file that who had it has removed in between, too
    if (holder === undefined) continue;
    throw new IoError(`Cannot hold pid file "${path}": process ${holder} holds it`, {
      hint: "Stop that first, or use another run folder",
      details: { path, pid: holder },
    });
  }
}
