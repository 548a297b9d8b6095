/**
 * Locks in the kernel, on the same file and of the same kind as the original's programs: `ovsdb-server` and `ovsdb-tool`
 * then keep off a file that is served here, and the other way round.
 *
 * The file stays where it is when the lock is released, as theirs do: removed, it could be locked by one while another
 * makes and locks a new one.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { IoError, messageOf } from "@tenet/kit";
import { takeRecordLock } from "@tenet/linux";

/** How to release a lock, or the pid of who has it. */
export type Held = { readonly release: () => void } | { readonly holder: number };

/**
 * What this process has locked. The kernel does not keep a process from its own locks, and forgets them when any
 * descriptor of the file is closed: so such a file must not even be opened.
 */
const ours = new Set<string>();

/** Takes the lock. @throws IoError */
export function takeKernelLock(file: string): Held {
  const path = resolve(file);
  if (ours.has(path)) return { holder: process.pid };
  let fd: number;
  try {
    fd = openSync(path, "a", 0o600);
  } catch (error) {
    throw new IoError(`Cannot make lock file "${path}": ${messageOf(error)}`, {
      hint: "Check that the folder exists and may be written",
      cause: error,
    });
  }
  const holder = takeRecordLock(fd);
  if (holder !== undefined) {
    closeSync(fd);
    return { holder };
  }
  ours.add(path);
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  const release = (): void => {
    ftruncateSync(fd);
    closeSync(fd);
    ours.delete(path);
  };
  return { release };
}
