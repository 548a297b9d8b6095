/** Every role as a command of its own: standard protocols to the others, which may be Tenet's or the originals. */
import { join, resolve } from "node:path";
import { AppError, type Logger, Scope, untilAborted } from "@tenet/kit";
import { runController, runNorthd } from "@tenet/ovn";
import { connect, OvsdbServer, type TlsFiles } from "@tenet/ovsdb";
import { PolicyService, startPolicyApi } from "@tenet/policy";
import { openControl, runSwitch } from "@tenet/switch";
import type { Home } from "../config.ts";
import { databaseCommands } from "../db/database-commands.ts";
import { policyFunctions } from "../policy-functions.ts";
import { identify, openDatabases } from "../up/databases.ts";
import { makeFolders } from "../up/stack.ts";

/** Some of the files for TLS are not given. */
class TlsFlagsError extends AppError {
  static override readonly code: string = "CLI_TLS_FLAGS";
}

/** The options of `tenet ovsdb-server`, named as the original's. */
export interface OvsdbServerFlags {
  readonly remote?: readonly string[];
  readonly privateKey?: string;
  readonly certificate?: string;
  readonly caCert?: string;
  readonly storage?: string;
}

/** Serves the three databases of a state folder, or of an etcd cluster, on its sockets and on further remotes such as `ptcp:6641`. */
export async function ovsdbServer(flags: OvsdbServerFlags, home: Home, log: Logger, signal: AbortSignal): Promise<void> {
  makeFolders(home);
  await using scope = new Scope(signal);
  const tls = tlsOf(flags);
  const shared = flags.storage === undefined ? undefined : { storage: flags.storage, ...tls };
  const { nb, sb, vswitch } = await openDatabases(home, log, scope, shared);
  const server = scope.use(new OvsdbServer([nb.database, sb.database, vswitch.database], log, { identify, ...tls }));
  for (const remote of flags.remote ?? []) await server.addRemote(remote);
  const commands = databaseCommands([nb.database, sb.database, vswitch.database]);
  await openControl("ovsdb-server", home.runDir, commands, scope, log);
  await untilAborted(scope.signal);
}

/** Runs the switch on an Open_vSwitch database. */
export function vswitchd(database: string | undefined, home: Home, log: Logger, signal: AbortSignal): Promise<void> {
  return runSwitch({ database: database ?? inRun(home, "db"), runDir: home.runDir }, log, signal);
}

/** Runs northd between two databases. */
export function northd(
  nb: string | undefined,
  sb: string | undefined,
  home: Home,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  return runNorthd({ nb: nb ?? inRun(home, "nb"), sb: sb ?? inRun(home, "sb") }, log, signal);
}

/** Runs the controller between the southbound database and a switch. */
export function controller(
  sb: string | undefined,
  vswitch: string | undefined,
  home: Home,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  return runController({ sb: sb ?? inRun(home, "sb"), vswitch: vswitch ?? inRun(home, "db"), runDir: home.runDir }, log, signal);
}

/** Monitors policies over the databases and serves their API; changes can be guarded only where the database is. */
export async function policy(folder: string, port: number, home: Home, log: Logger, signal: AbortSignal): Promise<void> {
  await using scope = new Scope(signal);
  const service = scope.use(new PolicyService({ functions: policyFunctions(), log }));
  const sources = [
    ["nb", "nb", "OVN_Northbound"],
    ["sb", "sb", "OVN_Southbound"],
    ["vswitch", "db", "Open_vSwitch"],
  ] as const;
  for (const [prefix, name, database] of sources) {
    service.addSource(prefix, scope.use(await connect(inRun(home, name), { database, name: "policy" }, scope.signal)));
  }
  service.openFolder(resolve(folder));
  scope.use(await startPolicyApi(service, { port }, log, scope.signal));
  await untilAborted(scope.signal);
}

/** All three files, or none: a server that checks no client is not what somebody wants who gives certificates. */
function tlsOf({ privateKey, certificate, caCert }: OvsdbServerFlags): { tls?: TlsFiles } {
  if (privateKey === undefined && certificate === undefined && caCert === undefined) return {};
  if (privateKey !== undefined && certificate !== undefined && caCert !== undefined) {
    return { tls: { privateKey, certificate, caCert } };
  }
  throw new TlsFlagsError("Cannot serve over TLS without all three files", {
    hint: "Give --private-key, --certificate and --ca-cert together",
  });
}

function inRun(home: Home, name: string): string {
  return `unix:${join(home.runDir, `${name}.sock`)}`;
}
