/** Every role as a command of its own: standard protocols to the others, which may be Tenet's or the originals. */
import { join, resolve } from "node:path";
import { type Logger, Scope, untilAborted } from "@tenet/kit";
import { runController, runNorthd } from "@tenet/ovn";
import { connect } from "@tenet/ovsdb";
import { PolicyService, startPolicyApi } from "@tenet/policy";
import type { Home } from "../config.ts";
import { policyFunctions } from "../policy-functions.ts";

/** The databases that policies are over: prefix of their tables, socket, schema. */
const POLICY_SOURCES = [
  ["nb", "nb", "OVN_Northbound"],
  ["sb", "sb", "OVN_Southbound"],
  ["vswitch", "db", "Open_vSwitch"],
] as const;

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
  try {
    for (const [prefix, name, database] of POLICY_SOURCES) {
      service.addSource(prefix, scope.use(await connect(inRun(home, name), { database, name: "policy" }, scope.signal)));
    }
  } catch (error) {
    if (signal.aborted) return; // told to stop while a database was not there yet
    throw error;
  }
  service.openFolder(resolve(folder));
  scope.use(await startPolicyApi(service, { port }, log, scope.signal));
  await untilAborted(scope.signal);
}

function inRun(home: Home, name: string): string {
  return `unix:${join(home.runDir, `${name}.sock`)}`;
}
