/** The mode of sockets in the file system. */
import { chmodSync, statSync } from "node:fs";

/** Leaves a socket to its user and group, as far as the mask of the process does: 0770 at the most. */
export function closeToOthers(path: string): void {
  chmodSync(path, statSync(path).mode & 0o770);
}
