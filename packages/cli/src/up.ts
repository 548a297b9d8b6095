/** `tenet up`: the databases, northd, the switch and the controller in one process, over their own sockets. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createLogger, Scope } from "@tenet/kit";
import { runController, runNorthd } from "@tenet/ovn";
import { Database, OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer } from "@tenet/ovsdb";
import { PolicyService, startPolicyApi } from "@tenet/policy";
import { runSwitch } from "@tenet/switch";
import { policyFunctions } from "./policy-functions.ts";

const DATABASES = [
  ["nb", OVN_NORTHBOUND],
  ["sb", OVN_SOUTHBOUND],
  ["db", OPEN_VSWITCH],
] as const;

/** Where Congress served its API. */
const POLICY_PORT = 1789;

/**
 * Runs Tenet until `signal` aborts; logs to `<home>/tenet.log`.
 *
 * @param home - state folder; sockets lie in its `run/`
 * @param policies - folder of policy files, watched while running; no policy when absent
 * @param print - gets the lines that a person reads
 * @throws DatabaseLockedError when another process runs on the same folder
 */
export async function up(
  home: string,
  policies: string | undefined,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const runDir = join(home, "run");
  mkdirSync(runDir, { recursive: true });
  const log = createLogger({ file: join(home, "tenet.log") });
  await using scope = new Scope(signal);
  const policy = scope.use(new PolicyService({ functions: policyFunctions(), log: log.child({ part: "policy" }) }));
  for (const [name, schema] of DATABASES) {
    const database = scope.use(await Database.open({ schema, file: join(home, `${name}.db`) }));
    if (name === "db" && database.table("Open_vSwitch").size === 0) {
      await database.transact([{ op: "insert", table: "Open_vSwitch", row: {} }], { remote: "tenet up" });
    }
    policy.addSource(name === "db" ? "vswitch" : name, database);
    if (name === "nb") policy.guard("nb", database);
    const server = scope.use(new OvsdbServer([database], log.child({ part: name })));
    await server.listen(`punix:${join(runDir, `${name}.sock`)}`);
  }
  if (policies !== undefined) policy.openFolder(policies);
  const api = scope.use(
    await startPolicyApi(policy, { host: "127.0.0.1", port: POLICY_PORT }, log.child({ part: "policy" }), scope.signal),
  );
  const [nb, sb, vswitch] = DATABASES.map(([name]) => `unix:${join(runDir, `${name}.sock`)}`) as [string, string, string];
  const roles = new AbortController();
  const running = Promise.all([
    runNorthd({ nb, sb }, log.child({ part: "northd" }), roles.signal),
    runSwitch({ database: vswitch, runDir }, log.child({ part: "switch" }), roles.signal),
    runController({ sb, vswitch, runDir }, log.child({ part: "controller" }), roles.signal),
  ]);
  scope.defer(async () => {
    roles.abort();
    await running;
  });
  print(`policy API   ${api.url}`);
  print(`northbound   ${nb}`);
  print(`southbound   ${sb}`);
  print(`Open_vSwitch ${vswitch}`);
  print(`OpenFlow     ${join(runDir, "br-int.mgmt")}`);
  await Promise.race([
    running,
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
  ]);
}
