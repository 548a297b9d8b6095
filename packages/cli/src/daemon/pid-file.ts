/** The pid file of a daemon, with the original's complaints. */
import { readFileSync, rmSync } from "node:fs";
import { AppError, IoError } from "@tenet/kit";
import { holdPidFile, type PidFile } from "@tenet/linux";
import { describeErrno } from "./errno-text.ts";

/** The pid file cannot be held. */
class PidFileError extends AppError {
  static override readonly code: string = "DAEMON_PID_FILE";
}

/** Holds a pid file, of another process too when `overwrites`. @throws PidFileError */
export function takePidFile(path: string, overwrites: boolean): PidFile {
  if (overwrites) rmSync(path, { force: true });
  try {
    return holdPidFile(path);
  } catch (error) {
    const problem =
      error instanceof IoError ? `already running as pid ${pidIn(path)}, aborting` : `create failed (${describeErrno(error)})`;
    throw new PidFileError(`${path}: ${problem}`, { cause: error });
  }
}

/** The pid in a file, `?` when there is none. */
export function pidIn(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "?";
  }
}
