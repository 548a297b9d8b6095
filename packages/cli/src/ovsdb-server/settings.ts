/** What a command line of `tenet ovsdb-server` asks for. */
import { join } from "node:path";
import { type CommonSettings, readCommonSettings } from "../daemon/daemon-settings.ts";
import { type CommandLine, hasOption, lastValue, UsageError } from "../daemon/option-table.ts";
import { inFolder, type ProgramFolders } from "../daemon/program-folders.ts";

/** Whom to be a backup of. */
export interface SyncSettings {
  readonly from: string | undefined;
  readonly excludedTables: string | undefined;
  /** Whether it begins as the active server. */
  readonly isActive: boolean;
}

/** Everything. */
export interface ServerSettings extends CommonSettings {
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
}

/** The name that the original goes by. */
export const PROGRAM = "ovsdb-server";

/** What the server says it is. */
export const VERSION_LINE = "ovsdb-server (Open vSwitch) 3.1.0";

/**
 * Makes sense of a command line.
 *
 * @param homeRunDir - the folder of sockets and pid files of the state folder
 * @param isOriginalName - whether it was given to `ovsdb-server`, which has a default database, not to `tenet ovsdb-server`,
 *   which has a state folder
 * @throws UsageError
 */
export function readSettings(
  line: CommandLine,
  folders: ProgramFolders,
  homeRunDir: string,
  cwd: string,
  isOriginalName: boolean,
): ServerSettings {
  const { options, operands } = line;
  const last = (name: string) => lastValue(line, name);
  const has = (name: string) => hasOption(line, name);
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
  const place = { program: PROGRAM, runDir, folders, cwd, alwaysHoldsPid: usesStateFolder };
  return {
    files,
    usesStateFolder,
    runDir,
    listensOnAll: isOriginalName,
    remotes: options.flatMap(({ name, value }) => (name === "remote" && value !== undefined ? [value] : [])),
    configFile: configFile === undefined ? undefined : absolute(configFile),
    run: last("run"),
    storage: last("storage"),
    sync: { from: last("sync-from"), excludedTables: last("sync-exclude-tables"), isActive: has("active") },
    ...readCommonSettings(line, place),
  };
}
