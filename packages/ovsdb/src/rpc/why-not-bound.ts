/** Why a unix socket could not be made. */
import { accessSync } from "node:fs";
import { dirname } from "node:path";

/** The error that the system gave: node says "permission denied" of a folder that is not there. */
export function whyNotBound(path: string, error: Error): Error {
  try {
    accessSync(dirname(path));
    return error;
  } catch (cause) {
    return cause instanceof Error ? cause : error;
  }
}
