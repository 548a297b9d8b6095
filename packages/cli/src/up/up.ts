/** `tenet up`: everything in one process tree, over its own sockets, until it is told to stop. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AppError, createLogger, IoError, type Logger, messageOf, Scope, untilAborted } from "@tenet/kit";
import { applyNorthbound, bestMode, type LabFile, type Reachability, readLabFile, type RunningLab, startLab } from "@tenet/lab";
import { connect, DatabaseLockedError, type Replica } from "@tenet/ovsdb";
import { PolicyService, startPolicyApi } from "@tenet/policy";
import { openWhy, why } from "@tenet/why";
import type { Home, UpConfig } from "../config.ts";
import { startConsole, startControlSocket } from "../console/console-server.ts";
import type { SocketPaths } from "../console/cloud-state.ts";
import { StateFeed } from "../console/state-feed.ts";
import { policyFunctions } from "../policy-functions.ts";
import { type Databases, openDatabases } from "./databases.ts";
import { BRIDGE, startNetwork } from "./network.ts";
import { Progress, type ProgressOutput } from "./progress.ts";
import { selfCheck } from "./self-check.ts";
import { describeMode, formatSummary } from "./summary.ts";

/** A Tenet runs on this state folder already. */
class AlreadyRunningError extends AppError {
  static override readonly code: string = "CLI_ALREADY_RUNNING";

  constructor(home: Home, pid: number, cause: Error) {
    super(`Cannot start on "${home.path}": process ${pid} runs there`, {
      hint: "`tenet status` tells what it does, `tenet down` stops it; TENET_HOME chooses another folder",
      details: { home: home.path, pid },
      cause,
    });
  }
}

/**
 * Brings a lab (or, without one, the bare stack) up and runs until `signal` aborts or, with `once`, until it is checked.
 *
 * @returns what the self-check found wrong; always empty without `once`
 * @throws AppError when something cannot start; what had started is stopped then
 */
export async function up(config: UpConfig, out: ProgressOutput, signal: AbortSignal): Promise<readonly string[]> {
  const startedAt = Date.now();
  const { home } = config;
  const lab = config.lab === undefined ? undefined : readLabFile(config.lab);
  const best = bestMode();
  const mode = config.mode ?? best.mode;
  makeFolders(home);
  const log = createLogger({ file: join(home.path, "tenet.log") });
  const stop = new AbortController();
  await using scope = new Scope(AbortSignal.any([signal, stop.signal]));
  const progress = new Progress(out);
  scope.defer(() => progress.end());
  out.write(`\n  Tenet${lab === undefined ? "" : `  ${lab.name}`}\n\n`);

  const databases = await progress.step(
    "databases",
    () => openOnce(home, log, scope),
    () => "northbound, southbound, Open_vSwitch",
  );
  const { nb, vswitch } = await openReplicas(databases, scope);
  const policy = scope.use(new PolicyService({ functions: policyFunctions(), log: log.child({ part: "policy" }) }));
  const policyApi = await progress.step(
    "policies",
    () => openPolicies(policy, databases, lab, config, log, scope),
    () => countOf(policy.policies().length, "policy", "policies"),
  );
  const network = await startNetwork(home, databases, mode, log, scope);
  const sockets = socketPaths(home);
  let running: RunningLab | undefined;
  let reachability: Reachability | undefined;
  const feed = scope.use(
    new StateFeed({
      name: lab?.name ?? "tenet",
      mode,
      startedAt,
      nb,
      vswitch,
      policy,
      sockets,
      policyApi: policyApi.url,
      lab: () => running,
      reachability: () => reachability,
    }),
  );
  await progress.step(
    "network",
    () => orFail(untilChassis(vswitch, scope.signal), network.ended),
    () => "northd, controller, switch",
  );
  const whySources = scope.use(await openWhy(home.runDir, new AbortController().signal));
  const consoleSources = { feed, why: (question: string) => why(question, whySources), log: log.child({ part: "console" }) };
  const page = scope.use(await startConsole(consoleSources, config.consolePort));
  scope.use(await startControlSocket(consoleSources, join(home.runDir, "tenet.sock"), page.url, () => stop.abort()));

  if (lab !== undefined) {
    await progress.step("northbound", () => applyNorthbound(lab, nb), describeRows);
    const labOptions = {
      mode,
      prefix: config.prefix,
      nb,
      vswitch,
      openLink: (name: string) => network.switchThread.openLink(name),
      bridge: BRIDGE,
      log: log.child({ part: "lab" }),
      onProgress: (text: string) => progress.note("hosts", text),
    };
    const started = await progress.step(
      "hosts",
      () => orFail(startLab(lab, labOptions, scope.signal), network.ended),
      ({ hosts }) => `${hosts.length} up, ${describeMode(mode)}`,
    );
    running = scope.use(started);
    reachability = await progress.step(
      "packets",
      () => started.measure(scope.signal),
      ({ cells }) => `${cells.length} pairs of hosts measured`,
    );
    feed.changed();
  }
  const readyMs = Date.now() - startedAt;
  log.info({ readyMs, mode }, "ready");
  const state = feed.current();
  const whySimulated = config.mode === undefined && mode === "simulated" ? best.reason : undefined;
  out.write(
    formatSummary({ state, lab, reachability, whySimulated, readyMs, consoleUrl: page.url, cwd: config.cwd }, out.hasColor),
  );
  if (config.once) return await selfCheck(state, lab, reachability, consoleSources.why);
  await orFail(untilAborted(scope.signal), network.ended);
  out.write("\n  stopping ...\n");
  return [];
}

function makeFolders(home: Home): void {
  try {
    mkdirSync(home.runDir, { recursive: true });
  } catch (error) {
    throw new IoError(`Cannot make the state folder "${home.path}": ${messageOf(error)}`, {
      hint: "Choose a folder that may be written with TENET_HOME",
      cause: error,
    });
  }
}

async function openOnce(home: Home, log: Logger, scope: Scope): Promise<Databases> {
  try {
    return await openDatabases(home, log, scope);
  } catch (error) {
    if (error instanceof DatabaseLockedError) throw new AlreadyRunningError(home, error.pid, error);
    throw error;
  }
}

async function openReplicas({ nb, vswitch }: Databases, scope: Scope): Promise<{ nb: Replica; vswitch: Replica }> {
  const open = async (remote: string, database: string): Promise<Replica> =>
    // Not ended by the scope's signal: taking the hosts out needs them.
    scope.use(await connect(remote, { database, name: "tenet" }, new AbortController().signal));
  return { nb: await open(nb.remote, "OVN_Northbound"), vswitch: await open(vswitch.remote, "Open_vSwitch") };
}

async function openPolicies(
  policy: PolicyService,
  { nb, sb, vswitch }: Databases,
  lab: LabFile | undefined,
  config: UpConfig,
  log: Logger,
  scope: Scope,
): Promise<{ readonly url: string }> {
  policy.addSource("nb", nb.database);
  policy.addSource("sb", sb.database);
  policy.addSource("vswitch", vswitch.database);
  policy.guard("nb", nb.database);
  if (lab?.policies !== undefined) policy.openFolder(lab.policies);
  return scope.use(await startPolicyApi(policy, { port: config.policyPort }, log.child({ part: "policy" }), scope.signal));
}

/** Resolves when the controller has made its bridge and the switch has opened it. */
async function untilChassis(vswitch: Replica, signal: AbortSignal): Promise<void> {
  await vswitch.waitFor(
    (replica) => replica.find("Interface", (row) => row["name"] === BRIDGE && String(row["ofport"]) !== ""),
    signal,
  );
}

function countOf(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

function describeRows({ written, kept }: { readonly written: readonly string[]; readonly kept: readonly string[] }): string {
  const kind = countOf(written.length, "top-level row written", "top-level rows written");
  return kept.length === 0 ? kind : `${kind}, ${kept.length} kept as they were`;
}

function socketPaths({ runDir }: Home): SocketPaths {
  const inRun = (name: string): string => join(runDir, name);
  return { nb: inRun("nb.sock"), sb: inRun("sb.sock"), db: inRun("db.sock"), openflow: inRun(`${BRIDGE}.mgmt`) };
}

/** Waits for work, but fails as soon as a part of the network ends. */
async function orFail<T>(work: Promise<T>, ended: Promise<void>): Promise<T> {
  const failure = ended.then(() => {
    throw new AppError("A part of the network ended by itself", { code: "CLI_PART_ENDED", hint: "tenet.log tells more" });
  });
  return await Promise.race([work, failure]);
}
