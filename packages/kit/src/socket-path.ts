/**
 * How long the path of a unix socket may be.
 *
 * The kernel's address has room for 107 bytes (103 on macOS and the BSDs). Node cuts longer paths off without a
 * word: a server then listens on a path that nobody asked for, and its clients do not find it.
 */
import { IoError } from "./app-error.ts";

const MAX_BYTES = process.platform === "linux" ? 107 : 103;

/** Returns the path. @throws IoError when a unix socket cannot have it */
export function checkSocketPath(path: string): string {
  const sizeBytes = Buffer.byteLength(path);
  if (sizeBytes <= MAX_BYTES) return path;
  throw new IoError(`Cannot use "${path}" for a socket: it has ${sizeBytes} bytes, and ${MAX_BYTES} are possible`, {
    hint: "Choose a folder with a shorter path",
    details: { path, sizeBytes, maxBytes: MAX_BYTES },
  });
}
