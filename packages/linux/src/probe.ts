/** What this machine lets us do, found out without changing anything. */
import { accessSync, constants } from "node:fs";
import { whyNoLibc } from "./libc.ts";

/** What is there, and in words what is missing. */
export interface Probe {
  readonly isLinux: boolean;
  readonly isRoot: boolean;
  /** System calls can be made. */
  readonly hasSystemCalls: boolean;
  /** /dev/net/tun can be opened, so internal ports work. */
  readonly hasTun: boolean;
  /** Namespaces, veth pairs and packet sockets can be made. */
  readonly canUseNamespaces: boolean;
  /** One sentence per thing missing; empty when all is there. */
  readonly missing: readonly string[];
}

/** Probes the machine; never throws. */
export function probe(): Probe {
  const isLinux = process.platform === "linux";
  const isRoot = process.getuid?.() === 0;
  const noLibc = isLinux ? whyNoLibc() : undefined;
  const hasSystemCalls = isLinux && noLibc === undefined;
  const hasTun = isLinux && canOpen("/dev/net/tun");
  const missing: string[] = [];
  if (!isLinux) missing.push(`this is ${process.platform}, not Linux`);
  if (!isRoot) missing.push("not run as root");
  if (noLibc !== undefined) missing.push(noLibc);
  if (isLinux && !hasTun) missing.push("/dev/net/tun cannot be opened");
  return { isLinux, isRoot, hasSystemCalls, hasTun, canUseNamespaces: hasSystemCalls && isRoot, missing };
}

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
