/**
 * Locks by a file that holds its owner's pid and start time, where the kernel's locks are not to be had.
 *
 * A lock whose owner is gone, or whose pid now belongs to a process started at another time, is taken over.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { errnoOf, IoError, messageOf } from "@tenet/kit";
import type { Held } from "./kernel-lock.ts";

/** Takes the lock. @returns how to release it, or the pid of who has it @throws IoError */
export function takePidLock(path: string): Held {
  for (let nTries = 0; !tryCreate(path); nTries++) {
    const holder = liveHolder(path);
    if (holder !== undefined) return { holder };
    if (nTries > 10) throw new IoError(`Cannot take over the stale lock file "${path}"`, { hint: "Remove it by hand" });
    removeStale(path);
  }
  return { release: () => rmSync(path, { force: true }) };
}

function tryCreate(path: string): boolean {
  try {
    const fd = openSync(path, "wx", 0o640);
    writeSync(fd, `${process.pid} ${startTimeOf(process.pid) ?? 0}\n`);
    closeSync(fd);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw new IoError(`Cannot make lock file "${path}": ${messageOf(error)}`, {
      hint: "Check that the folder exists and may be written",
      cause: error,
    });
  }
}

/** Renames before removing: of two processes that see the same stale lock only one can rename it. */
function removeStale(path: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  rmSync(aside, { force: true });
}

/** The pid in the lock file when that very process still runs. */
function liveHolder(path: string): number | undefined {
  const [pidText = "", startText = ""] = readLock(path).trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  if (hasEnded(pid)) return undefined;
  const start = startTimeOf(pid);
  return start === undefined || startText === "0" || start === startText ? pid : undefined;
}

function readLock(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}

/** Whether only the process's exit status is left, for a parent that has not asked for it yet. */
function hasEnded(pid: number): boolean {
  return ["Z", "X"].includes(statFields(pid)[0] ?? "");
}

/** The process's start time in clock ticks since boot, where the system tells. */
function startTimeOf(pid: number): string | undefined {
  return statFields(pid)[19];
}

/** The fields of /proc/PID/stat from the state on; none where there is no such file. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
