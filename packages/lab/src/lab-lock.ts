/** One lab per prefix on a machine at a time: its names belong to the process that holds the lab's pid file. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, IoError, messageOf } from "@tenet/kit";
import { holdPidFile, type PidFile } from "@tenet/linux";

const FOLDER = "/run/tenet";

/** A prefix that could name what is not the lab's. */
export class LabPrefixError extends AppError {
  static override readonly code: string = "LAB_PREFIX";
}

/** Another process runs a lab whose names start alike. */
export class LabBusyError extends AppError {
  static override readonly code: string = "LAB_BUSY";
}

/** A prefix ends in a mark, so that no device of the machine itself (`eth0`) can be taken for one of a lab. */
const PREFIX = /^[A-Za-z0-9][A-Za-z0-9_.-]*[-_.]$/;

/**
 * Holds the lab of a prefix; a file that a killed process left is taken over.
 *
 * @throws LabBusyError with the holder's pid; IoError when the folder cannot be written; LabPrefixError
 */
export function holdLab(prefix: string): PidFile {
  if (!PREFIX.test(prefix)) {
    throw new LabPrefixError(`Cannot use "${prefix}" as the prefix of a lab's names`, {
      hint: 'Use letters and digits and a "-" at the end, such as "tenet-": what starts with it is deleted at the next start',
    });
  }
  const path = join(FOLDER, `${prefix}pid`);
  try {
    mkdirSync(FOLDER, { recursive: true });
    return holdPidFile(path);
  } catch (error) {
    // The holder's own error says which lock failed; here the question is whose names these are.
    if (error instanceof IoError) throw busy(prefix, path, error);
    throw new IoError(`Cannot write "${path}": ${messageOf(error)}`, { cause: error });
  }
}

function busy(prefix: string, path: string, cause: unknown): LabBusyError {
  const text = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  const holder = text === "" ? "another process" : `process ${text}`;
  return new LabBusyError(`A lab whose names start with "${prefix}" runs already, in ${holder}`, {
    hint: `Stop ${holder} first: its hosts and devices have the names that this lab needs`,
    details: { pid: text === "" ? null : Number(text), prefix },
    cause,
  });
}
