/** The hosts of a lab whose process was killed: their namespaces, and with them their cables. */
import { deleteLeftovers, findLeftovers, type PidFile } from "@tenet/linux";
import { holdLab, LabBusyError, LabPrefixError } from "./lab-lock.ts";
import { bestMode } from "./lab-mode.ts";

/** Namespaces of a prefix that no lab has that runs. Changes nothing but for a moment the lab's pid file. */
export function findLeftHosts(prefix: string): readonly string[] {
  return whileHeld(prefix, () => findLeftovers(prefix).namespaces) ?? [];
}

/** Takes them and their devices away. @returns which there were; `undefined` when that cannot be known, or the lab runs */
export function removeLeftHosts(prefix: string): readonly string[] | undefined {
  return whileHeld(prefix, () => deleteLeftovers(prefix).namespaces);
}

/** Does something about a lab that does not run, where there are namespaces. */
function whileHeld(prefix: string, run: () => readonly string[]): readonly string[] | undefined {
  if (bestMode().mode !== "namespaces") return undefined;
  let held: PidFile;
  try {
    held = holdLab(prefix);
  } catch (error) {
    if (error instanceof LabBusyError) return undefined;
    if (error instanceof LabPrefixError) return []; // no lab has had it
    throw error;
  }
  try {
    return run();
  } finally {
    held.close();
  }
}
