/** What the commands are told: flags before environment before defaults; errors name the key and where it came from. */
import { resolve } from "node:path";
import { AppError, didYouMean } from "@tenet/kit";
import type { LabMode } from "@tenet/lab";
import type { DatapathKind } from "@tenet/switch";

/** A setting that cannot be used. */
class SettingError extends AppError {
  static override readonly code: string = "CLI_SETTING";
}

/** Where everything of one Tenet lies. */
export interface Home {
  /** State folder: databases, log. */
  readonly path: string;
  /** Sockets and pid files. */
  readonly runDir: string;
}

/** Flags as commander gives them; absent means not given. */
export interface UpFlags {
  readonly once?: boolean;
  readonly policyPort?: string;
  readonly consolePort?: string;
  readonly consoleWrites?: boolean;
  readonly hosts?: string;
  readonly prefix?: string;
  readonly datapath?: string;
}

/** How `tenet up` is to run. */
export interface UpConfig {
  readonly home: Home;
  /** Lab file, or folder with one; none when absent. */
  readonly lab: string | undefined;
  /** Check the lab once and stop. */
  readonly once: boolean;
  /** TCP ports on loopback; 0 is any free one. */
  readonly policyPort: number;
  readonly consolePort: number;
  /** Whether pages of the console may write to the databases. */
  readonly consoleWrites: boolean;
  /** How hosts are realised; the best that this machine allows when absent. */
  readonly mode: LabMode | undefined;
  readonly datapath: DatapathKind;
  /** Starts the names of namespaces and devices. */
  readonly prefix: string;
  /** The folder that the command was given in. */
  readonly cwd: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where Congress served its API. */
const POLICY_PORT = "1789";
const CONSOLE_PORT = "8089";
const DATAPATHS: readonly DatapathKind[] = ["auto", "ebpf", "user"];
const MODES: readonly LabMode[] = ["namespaces", "simulated"];

/** The state folder: `$TENET_HOME`, else `./.tenet`. */
export function homeOf(env: Environment): Home {
  const path = resolve(env["TENET_HOME"] ?? ".tenet");
  return { path, runDir: resolve(path, "run") };
}

/** Reads the settings of `tenet up`. @throws SettingError */
export function upConfig(lab: string | undefined, flags: UpFlags, env: Environment, cwd: string): UpConfig {
  return {
    home: homeOf(env),
    lab: lab === undefined ? undefined : resolve(lab),
    once: flags.once === true,
    policyPort: policyPortOf(flags, env),
    consolePort: portOf(read(env, "--console-port", flags.consolePort, "TENET_CONSOLE_PORT", CONSOLE_PORT)),
    consoleWrites: flags.consoleWrites === true,
    mode: modeOf(read(env, "--hosts", flags.hosts, "TENET_HOSTS", "auto")),
    datapath: datapathOf(read(env, "--datapath", flags.datapath, "TENET_DATAPATH", "auto")),
    prefix: prefixOf(read(env, "--prefix", flags.prefix, "TENET_PREFIX", "tenet-")),
    cwd,
  };
}

/** The policy API's port. @throws SettingError */
export function policyPortOf(flags: UpFlags, env: Environment): number {
  return portOf(read(env, "--policy-port", flags.policyPort, "TENET_POLICY_PORT", POLICY_PORT));
}

/** A value and who gave it. */
interface Setting {
  readonly value: string;
  readonly source: string;
}

function read(env: Environment, flag: string, value: string | undefined, variable: string, fallback: string): Setting {
  if (value !== undefined) return { value, source: flag };
  const fromEnv = env[variable];
  return fromEnv === undefined ? { value: fallback, source: "default" } : { value: fromEnv, source: variable };
}

function portOf({ value, source }: Setting): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port <= 65535) return port;
  throw new SettingError(`Cannot use "${value}" (${source}) as a port`, {
    hint: "Give a number from 0 to 65535; 0 is any free one",
  });
}

function modeOf({ value, source }: Setting): LabMode | undefined {
  if (value === "auto") return undefined;
  const mode = MODES.find((known) => known === value);
  if (mode !== undefined) return mode;
  const nearest = didYouMean(value, [...MODES, "auto"]);
  throw new SettingError(`Cannot make hosts as "${value}" (${source})`, {
    hint: nearest ?? "Give namespaces (root on Linux), simulated, or auto",
  });
}

function datapathOf({ value, source }: Setting): DatapathKind {
  const kind = DATAPATHS.find((known) => known === value);
  if (kind !== undefined) return kind;
  throw new SettingError(`Cannot forward by "${value}" (${source})`, {
    hint: didYouMean(value, DATAPATHS) ?? "Give ebpf (root on Linux), user, or auto",
  });
}

function prefixOf({ value, source }: Setting): string {
  if (/^[a-z][a-z0-9]{0,6}-$/.test(value)) return value;
  throw new SettingError(`Cannot start names of namespaces with "${value}" (${source})`, {
    hint: "Give 1 to 7 lower-case letters and digits, a letter first, and a dash at the end",
  });
}
