/** The hosts of a lab whose process was killed: their namespaces, and with them their cables. */
import { deleteLeftovers, findLeftovers, type PidFile } from "@tenet/linux";
import { holdLab, LabBusyError } from "./lab-lock.ts";
import { bestMode } from "./lab-mode.ts";

/** Namespaces of a prefix that no lab has that runs. Changes nothing but for a moment the lab's pid file. */
export function findLeftHosts(prefix: string): readonly string[] {
  return whileHeld(prefix, () => findLeftovers(prefix).namespaces);
}

/** Takes them and their devices away. @returns which there were */
export function removeLeftHosts(prefix: string): readonly string[] {
  return whileHeld(prefix, () => deleteLeftovers(prefix).namespaces);
}

/** Does something about a lab that does not run; of one that does, or where there are no namespaces, nothing is left. */
function whileHeld(prefix: string, run: () => readonly string[]): readonly string[] {
  if (bestMode().mode !== "namespaces") return [];
  let held: PidFile;
  try {
    held = holdLab(prefix);
  } catch (error) {
    if (error instanceof LabBusyError) return [];
    throw error;
  }
  try {
    return run();
  } finally {
    held.close();
  }
}
