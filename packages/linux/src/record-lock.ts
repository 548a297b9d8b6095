/**
 * POSIX record locks on whole files, which Open vSwitch's programs put on pid files and databases.
 *
 * The kernel gives one to a process, not to a descriptor: when the process closes any descriptor of the file, it is gone.
 *
 * @see fcntl(2), "Advisory record locking"
 */
import { libc, whyNoLibc } from "./libc.ts";
import { checked, SystemCallError } from "./system-call-error.ts";

const F_GETLK = 5;
const F_SETLK = 6;
const F_WRLCK = 1;
const F_UNLCK = 2;
/** struct flock: l_type u16, l_whence u16, 4 bytes of padding, l_start i64, l_len i64, l_pid i32, 4 bytes of padding. */
const FLOCK_BYTES = 32;
const PID_AT = 24;

/** Whether this system has such locks, and we can ask for them. */
export function hasRecordLocks(): boolean {
  return whyNoLibc() === undefined;
}

/**
 * Takes the write lock of a whole file, which must be open for writing, without waiting.
 *
 * @returns the pid of another process that has it, `undefined` when it is ours now
 * @throws SystemCallError when the file cannot be locked at all
 */
export function takeRecordLock(fd: number): number | undefined {
  const lock = new Uint8Array(FLOCK_BYTES);
  const view = new DataView(lock.buffer);
  for (;;) {
    lock.fill(0);
    view.setUint16(0, F_WRLCK, true);
    if (libc().fcntl(fd, F_SETLK, lock) >= 0) return undefined;
    const errno = libc().errnoName();
    if (errno !== "EAGAIN" && errno !== "EACCES") throw new SystemCallError(`lock file ${fd}`, "fcntl", errno);
    checked(libc().fcntl(fd, F_GETLK, lock), `find who has locked file ${fd}`, "fcntl");
    // Who had it may have let go in between.
    if (view.getUint16(0, true) !== F_UNLCK) return view.getInt32(PID_AT, true);
  }
}
