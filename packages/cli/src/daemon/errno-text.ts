/** What the C library says to an error of the system, as the original's messages have it. */
import { errnoOf, messageOf } from "@tenet/kit";

const TEXTS: Readonly<Record<string, string>> = {
  EACCES: "Permission denied",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address",
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EEXIST: "File exists",
  EHOSTUNREACH: "No route to host",
  EISDIR: "Is a directory",
  ENOENT: "No such file or directory",
  ENOSPC: "No space left on device",
  ENOTDIR: "Not a directory",
  EPERM: "Operation not permitted",
  EROFS: "Read-only file system",
  ETIMEDOUT: "Connection timed out",
};

/** The text of an error, or of the one that caused it; its message when the system is not to blame. */
export function describeErrno(error: unknown): string {
  const code = errnoOf(error) ?? "";
  const known = TEXTS[code];
  if (known !== undefined) return known;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : describeErrno(cause);
}

/** The text for the code that a message of node names (`connect ECONNREFUSED 127.0.0.1:1`); else the message. */
export function errnoText(message: string): string {
  const [code = ""] = /\bE[A-Z]{3,}\b/.exec(message) ?? [];
  return TEXTS[code] ?? message;
}
