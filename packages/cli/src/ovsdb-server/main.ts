/**
 * `tenet ovsdb-server`, and `ovsdb-server` as the launcher calls it. With `main.ts` the only file that touches `process`; it
 * is apart from that so that a database server does not load what other commands need.
 */
import { writeSync } from "node:fs";
import { AppError, formatError } from "@tenet/kit";
import { homeOf } from "../config.ts";
import { monitor } from "../daemon/monitor.ts";
import { formatOptions, parseCommandLine } from "../daemon/option-table.ts";
import { programFolders } from "../daemon/program-folders.ts";
import { type Stage, startStage, takeStage } from "../daemon/stages.ts";
import { openSyslog } from "../daemon/vlog/syslog.ts";
import { LogSettingError, Vlog } from "../daemon/vlog/vlog.ts";
import { OPTION_GROUPS, OPTIONS } from "./options.ts";
import { type LogSettings, PROGRAM, readSettings, type ServerSettings } from "./settings.ts";
import { tenetVersion, VERSION_LINE } from "./version.ts";

/**
 * Runs the command, and sets the exit code of the process.
 *
 * @param args - what follows the name of the command
 * @param isOriginalName - whether it was called as `ovsdb-server`
 */
export async function main(args: readonly string[], isOriginalName: boolean): Promise<void> {
  const stage = takeStage(process.env);
  process.title = PROGRAM;
  try {
    const line = parseCommandLine(args, OPTIONS);
    const has = (name: string) => line.options.some((option) => option.name === name);
    const home = homeOf(process.env);
    const folders = programFolders(process.env);
    if (has("help")) process.stdout.write(helpText(isOriginalName));
    else if (has("version")) process.stdout.write(`${VERSION_LINE}\nTenet ${tenetVersion()}\n`);
    else {
      const settings = readSettings(line, folders, home.runDir, process.cwd(), isOriginalName);
      process.exitCode = await run(settings, stage);
    }
  } catch (error) {
    complain(error);
    process.exitCode = 1;
  }
}

async function run(settings: ServerSettings, stage: Stage): Promise<number> {
  const { isDetached, isMonitored } = settings.daemon;
  if (stage.kind === "command" && isDetached) {
    const { child, started } = startStage(isMonitored ? "monitor" : "worker", true, true);
    const start = await started;
    child.unref();
    return start.isReady ? 0 : (start.code ?? 1);
  }
  const isMonitor = stage.kind === "monitor" || (stage.kind === "command" && isMonitored);
  const vlog = openLog(settings.log, isMonitor ? "monitor" : undefined);
  if (vlog === undefined) return 1;
  const stop = stopOnSignals(vlog);
  if (isMonitor) return monitor(stage, vlog, stop.signal);
  process.on("uncaughtException", (error) => {
    vlog.write("daemon", "emer", error.stack ?? error.message);
    process.kill(process.pid, "SIGABRT"); // what a monitor takes for a crash
  });
  const { runWorker } = await import("./worker.ts");
  const { exitCode, problem } = await runWorker({ settings, stage, home: homeOf(process.env), vlog }, stop);
  if (problem !== undefined) complain(problem);
  return exitCode;
}

/** @returns nothing when the file cannot be opened, which the log has said then */
function openLog({ verbose, file, syslogMethod, syslogTarget }: LogSettings, part: string | undefined): Vlog | undefined {
  const vlog = new Vlog(PROGRAM, part, Date.now, openSyslog(syslogMethod, syslogTarget));
  for (const spec of verbose) {
    try {
      vlog.set(spec);
    } catch (error) {
      if (!(error instanceof LogSettingError)) throw error;
      throw new LogSettingError(`processing "${spec}": ${error.message}`, { cause: error });
    }
  }
  return file === undefined || vlog.openFile(file) ? vlog : undefined;
}

/** The first signal asks to stop, the second does not wait. */
function stopOnSignals(vlog: Vlog): AbortController {
  const stop = new AbortController();
  for (const [name, text] of [
    ["SIGINT", "2 (Interrupt)"],
    ["SIGTERM", "15 (Terminated)"],
    ["SIGHUP", "1 (Hangup)"],
  ] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130);
      vlog.write("fatal_signal", "warn", `terminating with signal ${text}`);
      stop.abort();
    });
  }
  return stop;
}

function complain(problem: unknown): void {
  const hint = problem instanceof AppError && problem.hint !== undefined ? `\n  hint: ${problem.hint}` : "";
  const text = problem instanceof AppError ? problem.message + hint : formatError(problem);
  writeSync(2, `${PROGRAM}: ${text}\n`);
}

function helpText(isOriginalName: boolean): string {
  const folders = programFolders({});
  const usage = isOriginalName
    ? `usage: ovsdb-server [OPTIONS] [DATABASE...]\nDATABASE is a database file; without any, ${folders.dbDir}/conf.db.`
    : `usage: tenet ovsdb-server [OPTIONS] [DATABASE...]\nDATABASE is a database file; without any, the three of the state folder in $TENET_HOME are served.`;
  return `${PROGRAM}: serves OVSDB databases\n${usage}\n${formatOptions(OPTION_GROUPS)}`;
}
