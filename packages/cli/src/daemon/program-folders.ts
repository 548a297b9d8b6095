/** The folders that the original's programs share; each has a variable that moves it. */
import { isAbsolute, join } from "node:path";

/** Where a program's files are. */
export interface ProgramFolders {
  /** Sockets and pid files, `OVS_RUNDIR`. */
  readonly runDir: string;
  /** `OVS_LOGDIR` */
  readonly logDir: string;
  /** Databases, `OVS_DBDIR`. */
  readonly dbDir: string;
}

/** The folders, from the environment or where Debian has them. */
export function programFolders(env: Readonly<Record<string, string | undefined>>): ProgramFolders {
  const sysconfDir = env["OVS_SYSCONFDIR"] ?? "/etc";
  return {
    runDir: env["OVS_RUNDIR"] ?? "/var/run/openvswitch",
    logDir: env["OVS_LOGDIR"] ?? "/var/log/openvswitch",
    dbDir: env["OVS_DBDIR"] ?? join(sysconfDir, "openvswitch"),
  };
}

/** A path, in a folder unless it is absolute. */
export function inFolder(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
