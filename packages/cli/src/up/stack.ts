/** Everything of a Tenet but the hosts: databases, policies, northd, controller, switch. */
import { AppError, type Logger, type Scope } from "@tenet/kit";
import type { LabMode } from "@tenet/lab";
import type { DatapathKind } from "@tenet/switch";
import { connect, DatabaseLockedError, type Replica } from "@tenet/ovsdb";
import { PolicyService, startPolicyApi } from "@tenet/policy";
import type { Home } from "../config.ts";
import { askPlacement } from "../placement.ts";
import { policyFunctions } from "../policy-functions.ts";
import { openDatabaseControl } from "./database-control.ts";
import { type Databases, openDatabases } from "./databases.ts";
import { removeNotedHosts } from "./left-behind.ts";
import { BRIDGE, type Network, startNetwork } from "./network.ts";
import type { Progress } from "./progress.ts";

/** What a stack is started with. */
export interface StackConfig {
  readonly home: Home;
  readonly mode: LabMode;
  readonly datapath: DatapathKind;
  /** Folder of policy files. */
  readonly policies: string | undefined;
  readonly policyPort: number;
}

/** A running stack. */
export interface Stack {
  /** Replicas outlive the signal that ends the stack: taking hosts out needs them. */
  readonly nb: Replica;
  readonly vswitch: Replica;
  readonly policy: PolicyService;
  readonly policyUrl: string;
  readonly network: Network;
  readonly databases: Databases;
}

/** A Tenet runs on this state folder already. */
class AlreadyRunningError extends AppError {
  static override readonly code: string = "CLI_ALREADY_RUNNING";

  constructor(home: Home, pid: number, cause: Error) {
    super(`Cannot start on "${home.path}": process ${pid} runs there`, {
      hint: `\`tenet down\` stops it (\`kill ${pid}\`, if it is a role alone); TENET_HOME chooses another folder`,
      details: { home: home.path, pid },
      cause,
    });
  }
}

/** Starts a stack that runs until the scope closes. @throws AppError when a part cannot start */
export async function startStack(config: StackConfig, progress: Progress, log: Logger, scope: Scope): Promise<Stack> {
  const { home, mode, datapath } = config;
  const databases = await progress.step(
    "databases",
    () => openOnce(home, log, scope),
    () => "northbound, southbound, Open_vSwitch",
  );
  const left = removeNotedHosts(home); // nobody else can be here
  if (left.length > 0) log.info({ left }, "cleared the hosts of a lab that was killed");
  await openDatabaseControl(home, databases, log, scope);
  const nb = await openReplica(databases.nb.remote, "OVN_Northbound", scope);
  const policyLog = log.child({ part: "policy" });
  const policy = scope.use(new PolicyService({ functions: policyFunctions(), log: policyLog }));
  const { url: policyUrl } = await progress.step(
    "policies",
    async () => {
      openPolicies(policy, databases, config.policies);
      return scope.use(await startPolicyApi(policy, { port: config.policyPort }, policyLog, scope.signal));
    },
    () => describePolicies(policy),
  );
  const network = await startNetwork(home, databases, mode, datapath, log, scope);
  // Opened now, it does not show the bridge as an earlier switch left it.
  const vswitch = await openReplica(databases.vswitch.remote, "Open_vSwitch", scope);
  await progress.step(
    "network",
    () => network.guard(untilBridge(vswitch, scope.signal)),
    () => "northd, controller, switch",
  );
  await progress.step(
    "forwarding",
    () => network.guard(askPlacement(home.runDir, scope.signal)),
    ({ text }) => text,
  );
  return { nb, vswitch, policy, policyUrl, network, databases };
}

async function openOnce(home: Home, log: Logger, scope: Scope): Promise<Databases> {
  try {
    return await openDatabases(home, log, scope);
  } catch (error) {
    if (error instanceof DatabaseLockedError) throw new AlreadyRunningError(home, error.pid, error);
    throw error;
  }
}

async function openReplica(remote: string, database: string, scope: Scope): Promise<Replica> {
  return scope.use(await connect(remote, { database, name: "tenet" }, new AbortController().signal));
}

function openPolicies(policy: PolicyService, { nb, sb, vswitch }: Databases, folder: string | undefined): void {
  policy.addSource("nb", nb.database);
  policy.addSource("sb", sb.database);
  policy.addSource("vswitch", vswitch.database);
  policy.guard("nb", nb.database);
  if (folder !== undefined) policy.openFolder(folder);
}

function describePolicies(policy: PolicyService): string {
  const statuses = policy.policies();
  const nBroken = statuses.filter(({ status }) => status !== "ok").length;
  const names = statuses.map(({ name }) => name).join(", ");
  if (names === "") return "none";
  return nBroken === 0 ? names : `${names}; ${nBroken} broken`;
}

/** Resolves when the controller has made its bridge and the switch has opened it. */
async function untilBridge(vswitch: Replica, signal: AbortSignal): Promise<void> {
  const isOpen = (replica: Replica): true | undefined =>
    replica.find("Interface", (row) => row["name"] === BRIDGE && String(row["ofport"]) !== "") && true;
  await vswitch.waitFor(isOpen, signal);
}
