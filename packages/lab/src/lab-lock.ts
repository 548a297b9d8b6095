/** One lab per prefix on a machine at a time: its names belong to the process that holds the lab's pid file. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, IoError } from "@tenet/kit";
import { holdPidFile, type PidFile } from "@tenet/linux";

const FOLDER = "/run/tenet";

/** Another process runs a lab whose names start alike. */
export class LabBusyError extends AppError {
  static override readonly code: string = "LAB_BUSY";
}

/**
 * Holds the lab of a prefix; a file that a killed process left is taken over.
 *
 * @throws LabBusyError with the holder's pid; IoError when the folder cannot be written
 */
export function holdLab(prefix: string): PidFile {
  try {
    mkdirSync(FOLDER, { recursive: true });
  } catch (error) {
    throw new IoError(`Cannot make folder "${FOLDER}"`, { cause: error });
  }
  const path = join(FOLDER, `${prefix}pid`);
  try {
    return holdPidFile(path);
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    const pid = readFileSync(path, "utf8").trim();
    throw new LabBusyError(`A lab whose names start with "${prefix}" runs already, in process ${pid}`, {
      hint: `Stop process ${pid} first: its hosts and devices have the names that this lab needs`,
      details: { pid: Number(pid), prefix },
      cause: error,
    });
  }
}
