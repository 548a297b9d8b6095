/** The error of a failed system call: which call, on what, the kernel's reason, and what to do. */
import { IoError } from "@tenet/kit";
import { libc } from "./libc.ts";

const HINTS: Record<string, string> = {
  EPERM: "This needs root (CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN)",
  EACCES: "This needs root (CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN)",
  EEXIST: "Something of this name exists already; delete it first",
  ENODEV: "No such device; list them with: ip link",
  ENOENT: "It does not exist",
  EBUSY: "It is in use by another process",
  EMFILE: "Raise the limit of open files: ulimit -n",
  ENFILE: "Raise the limit of open files: sysctl fs.file-max",
};

/** A system call failed. `errno` is symbolic (`EPERM`). */
export class SystemCallError extends IoError {
  static override readonly code: string = "LINUX_CALL_FAILED";
  readonly errno: string;

  constructor(action: string, call: string, errno: string, options?: ErrorOptions) {
    const hint = HINTS[errno];
    super(`Cannot ${action}: ${call} failed with ${errno}`, {
      ...(hint === undefined ? {} : { hint }),
      details: { action, call, errno },
      ...options,
    });
    this.errno = errno;
  }
}

/**
 * Gives back the result of a call that did not fail.
 *
 * @param action - what was being done, for the message, e.g. `open /run/netns/web1`
 * @throws SystemCallError when `result` is negative
 */
export function checked(result: number, action: string, call: string): number {
  if (result < 0) throw new SystemCallError(action, call, libc().errnoName());
  return result;
}
