/** What the options that all daemons take ask for. */
import { join } from "node:path";
import { type CommandLine, hasOption, lastValue } from "./option-table.ts";
import { inFolder, type ProgramFolders } from "./program-folders.ts";

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

/** What every daemon is told. */
export interface CommonSettings {
  readonly tls: TlsSettings;
  readonly log: LogSettings;
  readonly daemon: DaemonSettings;
}

/** Where a daemon is. */
export interface DaemonPlace {
  /** The name that the original goes by. */
  readonly program: string;
  /** For sockets and the pid file. */
  readonly runDir: string;
  readonly folders: ProgramFolders;
  readonly cwd: string;
  /** Whether there is a pid file without `--pidfile`. */
  readonly alwaysHoldsPid: boolean;
}

/** Reads what every daemon is told. */
export function readCommonSettings(line: CommandLine, place: DaemonPlace): CommonSettings {
  return { tls: readTlsSettings(line), log: readLogSettings(line, place), daemon: readDaemonSettings(line, place) };
}

function readDaemonSettings(line: CommandLine, { program, runDir, alwaysHoldsPid }: DaemonPlace): DaemonSettings {
  const has = (name: string) => hasOption(line, name);
  const last = (name: string) => lastValue(line, name);
  const pidFile = has("pidfile") || alwaysHoldsPid ? (last("pidfile") ?? `${program}.pid`) : undefined;
  return {
    isDetached: has("detach"),
    keepsFolder: has("no-chdir"),
    isMonitored: has("monitor"),
    pidFile: pidFile === undefined ? undefined : inFolder(runDir, pidFile),
    overwritesPidFile: has("overwrite-pidfile"),
    user: last("user"),
    unixctl: unixctlPath(last("unixctl"), runDir),
  };
}

function readLogSettings(line: CommandLine, { program, folders, cwd }: DaemonPlace): LogSettings {
  const file = lastValue(line, "log-file") ?? join(folders.logDir, `${program}.log`);
  return {
    verbose: line.options.filter(({ name }) => name === "verbose").map(({ value }) => value ?? ""),
    file: hasOption(line, "log-file") ? inFolder(cwd, file) : undefined,
    syslogMethod: lastValue(line, "syslog-method"),
    syslogTarget: lastValue(line, "syslog-target"),
  };
}

function readTlsSettings(line: CommandLine): TlsSettings {
  const last = (name: string) => lastValue(line, name);
  return {
    privateKey: last("private-key"),
    certificate: last("certificate"),
    caCert: last("ca-cert"),
    bootstrapCaCert: last("bootstrap-ca-cert"),
    peerCaCert: last("peer-ca-cert"),
    protocols: last("ssl-protocols"),
    ciphers: last("ssl-ciphers"),
    cipherSuites: last("ssl-ciphersuites"),
  };
}

function unixctlPath(given: string | undefined, runDir: string): string {
  if (given === undefined) return "default";
  return given === "none" ? "none" : inFolder(runDir, given);
}
