/** What a command line of `tenet vswitchd` asks for. */
import { join } from "node:path";
import type { DatapathKind } from "@tenet/switch";
import { type CommonSettings, readCommonSettings } from "../daemon/daemon-settings.ts";
import { type CommandLine, hasOption, lastValue, UsageError } from "../daemon/option-table.ts";
import type { ProgramFolders } from "../daemon/program-folders.ts";

/** Everything. */
export interface SwitchSettings extends CommonSettings {
  /** The remote of the Open_vSwitch database. */
  readonly database: string;
  /** For sockets of bridges, of control, and the pid file. */
  readonly runDir: string;
  /** Whether no device of the machine is used. */
  readonly isAllDummy: boolean;
  readonly datapath: DatapathKind;
  /** Whether outer packets of tunnels take the host's routes. */
  readonly hasSystemRoutes: boolean;
}

/** The name that the original goes by. */
export const PROGRAM = "ovs-vswitchd";

/** What the switch says it is. */
export const VERSION_LINE = "ovs-vswitchd (Open vSwitch) 3.1.0";

/**
 * Makes sense of a command line.
 *
 * @param homeRunDir - the folder of sockets and pid files of the state folder
 * @param isOriginalName - whether it was given to `ovs-vswitchd`, not to `tenet vswitchd`, which has a state folder
 * @throws UsageError
 */
export function readSettings(
  line: CommandLine,
  folders: ProgramFolders,
  homeRunDir: string,
  cwd: string,
  isOriginalName: boolean,
): SwitchSettings {
  const [database, ...others] = line.operands;
  if (others.length > 0) throw new UsageError("at most one non-option argument accepted; use --help for usage");
  const dummies = lastValue(line, "enable-dummy");
  if (dummies !== undefined && dummies !== "override" && dummies !== "system") {
    throw new UsageError(`--enable-dummy=${dummies}: expected override, system, or nothing`);
  }
  const datapath = lastValue(line, "datapath") ?? (hasOption(line, "disable-system") ? "user" : "auto");
  if (datapath !== "user" && datapath !== "ebpf" && datapath !== "auto") {
    throw new UsageError(`--datapath=${datapath}: expected auto, ebpf or user`);
  }
  const runDir = isOriginalName ? folders.runDir : homeRunDir;
  const place = { program: PROGRAM, runDir, folders, cwd, alwaysHoldsPid: !isOriginalName };
  return {
    database: database ?? `unix:${join(runDir, "db.sock")}`,
    runDir,
    isAllDummy: dummies !== undefined,
    datapath,
    hasSystemRoutes: !hasOption(line, "disable-system-route"),
    ...readCommonSettings(line, place),
  };
}
