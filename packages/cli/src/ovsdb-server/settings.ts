/** What a command line of `tenet ovsdb-server` asks for. */
import { join } from "node:path";
import { type CommandLine, UsageError } from "../daemon/option-table.ts";
import { inFolder, type ProgramFolders } from "../daemon/program-folders.ts";

/** The options about TLS, as given: paths, `db:DB,TABLE,COLUMN`, lists. */
export interface TlsSettings {
  readonly privateKey: string | undefined;
  readonly certificate: string | undefined;
  readonly caCert: string | undefined;
  readonly bootstrapCaCert: string | undefined;
  readonly peerCaCert: string | undefined;
  readonly protocols: string | undefined;
  readonly ciphers: string | undefined;
  readonly cipherSuites: string | undefined;
}

/** Whom to be a backup of. */
export interface SyncSettings {
  readonly from: string | undefined;
  readonly excludedTables: string | undefined;
  /** Whether it begins as the active server. */
  readonly isActive: boolean;
}

/** How to log. */
export interface LogSettings {
  /** The values of `--verbose`; empty is everything. */
  readonly verbose: readonly string[];
  readonly file: string | undefined;
  readonly syslogMethod: string | undefined;
  readonly syslogTarget: string | undefined;
}

/** How to run. */
export interface DaemonSettings {
  readonly isDetached: boolean;
  readonly keepsFolder: boolean;
  readonly isMonitored: boolean;
  readonly pidFile: string | undefined;
  readonly overwritesPidFile: boolean;
  readonly user: string | undefined;
  /** Path of the control socket, `"default"` or `"none"`. */
  readonly unixctl: string;
}

/** Everything. */
export interface ServerSettings {
  /** Database files in the order given; none when the state folder or a configuration file says which. */
  readonly files: readonly string[];
  /** Whether the three databases of the state folder are served. */
  readonly usesStateFolder: boolean;
  /** Where sockets are that no folder is given for. */
  readonly runDir: string;
  /** Whether TCP without an address listens on all, as the original does; else on loopback. */
  readonly listensOnAll: boolean;
  readonly remotes: readonly string[];
  readonly configFile: string | undefined;
  readonly run: string | undefined;
  /** Where the state folder's databases are that several servers share. */
  readonly storage: string | undefined;
  readonly sync: SyncSettings;
  readonly tls: TlsSettings;
  readonly log: LogSettings;
  readonly daemon: DaemonSettings;
}

/** The name that the original goes by. */
export const PROGRAM = "ovsdb-server";

/**
 * Makes sense of a command line.
 *
 * @param homeRunDir - the folder of sockets and pid files of the state folder
 * @param isOriginalName - whether it was given to `ovsdb-server`, which has a default database, not to `tenet ovsdb-server`,
 *   which has a state folder
 * @throws UsageError
 */
export function readSettings(
  { options, operands }: CommandLine,
  folders: ProgramFolders,
  homeRunDir: string,
  cwd: string,
  isOriginalName: boolean,
): ServerSettings {
  const all = (name: string) => options.filter((option) => option.name === name);
  const last = (name: string) => all(name).at(-1)?.value;
  const has = (name: string) => all(name).length > 0;
  const configFile = last("config-file");
  if (configFile !== undefined && (operands.length > 0 || has("remote") || has("no-dbs"))) {
    throw new UsageError("--config-file says which databases and remotes there are: no others can be given");
  }
  if (has("ca-cert") && has("bootstrap-ca-cert")) {
    throw new UsageError("--ca-cert and --bootstrap-ca-cert exclude each other");
  }
  const isOpen = operands.length === 0 && configFile === undefined && !has("no-dbs");
  if (has("storage") && (!isOpen || isOriginalName)) {
    throw new UsageError("--storage is for the databases of the state folder: tenet ovsdb-server without files");
  }
  const files = isOpen && isOriginalName ? [join(folders.dbDir, "conf.db")] : operands;
  const absolute = (path: string) => inFolder(cwd, path);
  const usesStateFolder = isOpen && !isOriginalName;
  const runDir = usesStateFolder ? homeRunDir : folders.runDir;
  const orDefault = (name: string, path: string) => (has(name) ? (last(name) ?? path) : undefined);
  const pidFile = orDefault("pidfile", `${PROGRAM}.pid`) ?? (usesStateFolder ? `${PROGRAM}.pid` : undefined);
  const logFile = orDefault("log-file", join(folders.logDir, `${PROGRAM}.log`));
  return {
    files,
    usesStateFolder,
    runDir,
    listensOnAll: isOriginalName,
    remotes: all("remote").flatMap(({ value }) => value ?? []),
    configFile: configFile === undefined ? undefined : absolute(configFile),
    run: last("run"),
    storage: last("storage"),
    sync: { from: last("sync-from"), excludedTables: last("sync-exclude-tables"), isActive: has("active") },
    tls: {
      privateKey: last("private-key"),
      certificate: last("certificate"),
      caCert: last("ca-cert"),
      bootstrapCaCert: last("bootstrap-ca-cert"),
      peerCaCert: last("peer-ca-cert"),
      protocols: last("ssl-protocols"),
      ciphers: last("ssl-ciphers"),
      cipherSuites: last("ssl-ciphersuites"),
    },
    log: {
      verbose: all("verbose").map(({ value }) => value ?? ""),
      file: logFile === undefined ? undefined : absolute(logFile),
      syslogMethod: last("syslog-method"),
      syslogTarget: last("syslog-target"),
    },
    daemon: {
      isDetached: has("detach"),
      keepsFolder: has("no-chdir"),
      isMonitored: has("monitor"),
      pidFile: pidFile === undefined ? undefined : inFolder(runDir, pidFile),
      overwritesPidFile: has("overwrite-pidfile"),
      user: last("user"),
      unixctl: unixctlPath(last("unixctl"), runDir),
    },
  };
}

function unixctlPath(given: string | undefined, runDir: string): string {
  if (given === undefined) return "default";
  return given === "none" ? "none" : inFolder(runDir, given);
}
