/** Names of BPF objects in the BPF file system: what has one lives on when the process ends. */
import { rmSync } from "node:fs";
import { Attributes, COMMAND } from "./attributes.ts";

/**
 * Gives a map, program or link a name.
 *
 * @param path - below `bpfFileSystem()`
 * @throws SystemCallError
 */
export function pin(fd: number, path: string): void {
  new Attributes().text(0, path).u32(8, fd).call(COMMAND.pin, `pin "${path}"`);
}

/** Opens what has a name. @returns its descriptor @throws SystemCallError */
export function openPin(path: string): number {
  return new Attributes().text(0, path).call(COMMAND.openPin, `open the pinned "${path}"`);
}

/** Takes a name away; what nobody else holds ends with it. One that is not there is ignored. */
export function unpin(path: string): void {
  rmSync(path, { force: true });
}
