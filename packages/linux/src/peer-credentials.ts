/** Who is at the other end of a unix socket, as the kernel knows it. */
import { readFileSync } from "node:fs";
import { SO, SOL } from "./constants.ts";
import { libc } from "./libc.ts";
import { checked } from "./system-call-error.ts";

/** Process, user and group that opened the other end. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Reads SO_PEERCRED of a connected unix socket. @throws SystemCallError when `fd` is not one */
export function peerCredentials(fd: number): PeerCredentials {
  const bytes = new Uint8Array(12);
  const length = Uint8Array.of(12, 0, 0, 0);
  checked(libc().getsockopt(fd, SOL.socket, SO.peercred, bytes, length), `read the peer of socket ${fd}`, "getsockopt");
  const view = new DataView(bytes.buffer);
  return { pid: view.getInt32(0, true), uid: view.getUint32(4, true), gid: view.getUint32(8, true) };
}

/** The name of a process; `undefined` when it is gone. */
export function processName(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
  } catch {
    return undefined;
  }
}
