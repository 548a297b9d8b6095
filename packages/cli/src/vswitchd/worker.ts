/** The process that switches, from its pid file to its end. */
import { mkdirSync } from "node:fs";
import { Scope } from "@tenet/kit";
import { runSwitch, type SwitchConfig } from "@tenet/switch";
import { becomeUser } from "../daemon/become-user.ts";
import { defaultControlPath, openControlSocket } from "../daemon/control-socket.ts";
import { Coverage } from "../daemon/coverage.ts";
import { daemonCommands } from "../daemon/daemon-commands.ts";
import { takePidFile } from "../daemon/pid-file.ts";
import type { WorkerEnd } from "../daemon/program.ts";
import { pauseShortly } from "../daemon/short-pauses.ts";
import { becomeReady, type Stage } from "../daemon/stages.ts";
import type { Vlog } from "../daemon/vlog/vlog.ts";
import type { RateLimit } from "../daemon/vlog/rate-limit.ts";
import { vlogLogger } from "../daemon/vlog/vlog-logger.ts";
import { tlsFilesOf } from "../ovsdb-server/tls-lookup.ts";
import { PROGRAM, type SwitchSettings, VERSION_LINE } from "./settings.ts";

/** How many OpenFlow messages are written to the log. */
const MESSAGES: RateLimit = { perMinute: 600, burst: 600 };
const COUNTERS = ["unixctl_received", "unixctl_replied"];

/** Switches until `stop` aborts or the control command `exit` is given. @throws AppError when something cannot be opened */
export async function runWorker(settings: SwitchSettings, stage: Stage, vlog: Vlog, stop: AbortController): Promise<WorkerEnd> {
  pauseShortly();
  const { database, runDir, isAllDummy, datapath, hasSystemRoutes, daemon } = settings;
  await using scope = new Scope(stop.signal);
  mkdirSync(runDir, { recursive: true });
  if (daemon.user !== undefined) becomeUser(daemon.user);
  if (daemon.pidFile !== undefined) scope.use(takePidFile(daemon.pidFile, daemon.overwritesPidFile));
  const log = vlogLogger(vlog, "bridge");
  const coverage = scope.use(new Coverage(COUNTERS));
  const tls = tlsFilesOf(settings.tls, () => undefined);
  const serveCommands: SwitchConfig["serveCommands"] = async (commands, countEvents, until) => {
    coverage.include(countEvents);
    if (daemon.unixctl === "none") return;
    const path = daemon.unixctl === "default" ? defaultControlPath(runDir, PROGRAM, process.pid) : daemon.unixctl;
    const common = daemonCommands({
      version: VERSION_LINE,
      vlog,
      coverage,
      exit: () => stop.abort(),
      memory: () => Promise.resolve(new Map()),
    });
    const own = new Set(commands.map(({ name }) => name));
    await openControlSocket(path, PROGRAM, [...commands, ...common.filter(({ name }) => !own.has(name))], coverage, log, until);
  };
  const onReady = (): void => {
    becomeReady(stage, daemon, vlog);
    vlog.write("bridge", "info", VERSION_LINE);
  };
  const own = { database, runDir, isAllDummy, datapath, hasSystemRoutes };
  const messageLog: SwitchConfig["messageLog"] = {
    get isOn() {
      return vlog.isShown("vconn", "dbg");
    },
    write: (text) => vlog.writeLimited("vconn", "dbg", () => text().trimEnd(), "openflow message", MESSAGES),
  };
  const config = { ...own, messageLog, serveCommands, onReady, ...(tls === undefined ? {} : { tls }) };
  await runSwitch(config, log, scope.signal);
  return { exitCode: 0 };
}
