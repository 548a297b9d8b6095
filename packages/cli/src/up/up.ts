/** `tenet up`: everything in one process, over its own sockets, until it is told to stop. */
import { join } from "node:path";
import { createLogger, Scope, untilAborted } from "@tenet/kit";
import { bestMode, readLabFile } from "@tenet/lab";
import { openWhy, why } from "@tenet/why";
import type { Home, UpConfig } from "../config.ts";
import type { SocketPaths } from "../console/cloud-state.ts";
import { type ConsoleSources, startConsole, startControlSocket } from "../console/console-server.ts";
import type { PageDatabases } from "../console/database-sockets.ts";
import { StateFeed } from "../console/state-feed.ts";
import { makeFolders } from "./databases.ts";
import { type Measured, remeasureOnChange, startHosts } from "./hosts.ts";
import { noteHosts } from "./left-behind.ts";
import { formatLeftOut } from "./left-out.ts";
import { BRIDGE } from "./network.ts";
import { Progress, type ProgressOutput } from "./progress.ts";
import { selfCheck } from "./self-check.ts";
import { type Stack, startStack } from "./stack.ts";
import { formatSummary } from "./summary.ts";

/**
 * Brings a lab (or, without one, the bare stack) up and runs until `signal` aborts or, with `once`, until it is checked.
 *
 * @returns what the self-check found wrong; always empty without `once`
 * @throws AppError when something cannot start; what had started is stopped then
 */
export async function up(config: UpConfig, out: ProgressOutput, signal: AbortSignal): Promise<readonly string[]> {
  const startedAt = Date.now();
  const { home, cwd } = config;
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

  const { policyPort, prefix, datapath } = config;
  const stack = await startStack({ home, mode, datapath, policies: lab?.policies, policyPort }, progress, log, scope);
  let measured: Measured | undefined;
  const about = { name: lab?.name ?? "tenet", mode, startedAt, sockets: socketPaths(home) };
  const feed = scope.use(new StateFeed({ ...about, ...stack, measured: () => measured }));
  const answers = await openAnswers(home, feed, scope);
  const page = scope.use(await startConsole(answers, pageDatabases(stack, config), log, config.consolePort));
  scope.use(await startControlSocket(answers, log, join(home.runDir, "tenet.sock"), page.url, () => stop.abort()));
  if (lab !== undefined) {
    if (mode === "namespaces") noteHosts(home, prefix, scope);
    const tell = (news: Measured): void => {
      measured = news;
      feed.changed();
    };
    const first = await startHosts(lab, { mode, prefix }, stack, progress, log, scope);
    tell(first);
    remeasureOnChange(first.running, stack.nb, tell, log, scope);
  }

  const readyMs = Date.now() - startedAt;
  log.info({ readyMs, mode }, "ready");
  const whySimulated = config.mode === undefined && mode === "simulated" ? best.reason : undefined;
  const state = feed.current();
  out.write(formatSummary({ state, lab, whySimulated, readyMs, consoleUrl: page.url, cwd }, out.hasColor));
  stack.network.leftOut.tellTo((row) => out.write(`\n  ! not carried out: ${formatLeftOut(row)}\n`));
  if (config.once) return await selfCheck(state, lab, answers.why);
  await stack.network.guard(untilAborted(scope.signal));
  out.write("\n  stopping ...\n");
  return [];
}

/** What the console and the control socket answer with. */
async function openAnswers(home: Home, feed: StateFeed, scope: Scope): Promise<ConsoleSources> {
  const sources = scope.use(await openWhy(home.runDir, scope.signal));
  return { feed, why: (question) => why(question, sources) };
}

function pageDatabases({ databases: { nb, sb, vswitch } }: Stack, { consoleWrites }: UpConfig): PageDatabases {
  const servers = new Map(Object.entries({ nb, sb, db: vswitch }).map(([name, { server }]) => [name, server]));
  return { servers, mayWrite: consoleWrites };
}

function socketPaths({ runDir }: Home): SocketPaths {
  const inRun = (name: string): string => join(runDir, name);
  return { nb: inRun("nb.sock"), sb: inRun("sb.sock"), db: inRun("db.sock"), openflow: inRun(`${BRIDGE}.mgmt`) };
}
