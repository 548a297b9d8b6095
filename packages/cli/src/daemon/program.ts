/**
 * A daemon from its command line to its end: stages, log, signals, complaints. With `main.ts` the only file of the command
 * line that touches `process`; it is apart from that so that a daemon does not load what other commands need.
 */
import { writeSync } from "node:fs";
import { AppError, formatError } from "@tenet/kit";
import type { CommonSettings, LogSettings } from "./daemon-settings.ts";
import { monitor } from "./monitor.ts";
import { type CommandLine, formatOptions, hasOption, type OptionGroup, parseCommandLine } from "./option-table.ts";
import { type Stage, startStage, takeStage } from "./stages.ts";
import { tenetVersion } from "./tenet-version.ts";
import { openSyslog } from "./vlog/syslog.ts";
import { LogSettingError, Vlog } from "./vlog/vlog.ts";

/** How a worker ended. */
export interface WorkerEnd {
  readonly exitCode: number;
  /** What is to be said about a command that failed. */
  readonly problem?: string;
}

/** One of the original's daemons. */
export interface Program<Settings extends CommonSettings> {
  /** The name that the original goes by. */
  readonly name: string;
  readonly options: readonly OptionGroup[];
  /** The names that log levels can be set for. */
  readonly modules: readonly string[];
  /** What it says it is; scripts look for the number of the Open vSwitch that it stands in for. */
  readonly versionLine: string;
  /** The first lines of the help. */
  readonly usage: string;
  /** What the process that serves is started with, where one is. */
  readonly workerFlags: readonly string[];
  readonly readSettings: (line: CommandLine) => Settings;
  /** Loads what serves, which who asks for help does not wait for. */
  readonly loadWorker: () => Promise<(settings: Settings, stage: Stage, vlog: Vlog, stop: AbortController) => Promise<WorkerEnd>>;
}

/** Runs a daemon, and sets the exit code of the process. @param args - what follows the name of the command */
export async function runProgram<Settings extends CommonSettings>(
  program: Program<Settings>,
  args: readonly string[],
): Promise<void> {
  const stage = takeStage(process.env);
  process.title = program.name;
  try {
    const line = parseCommandLine(
      args,
      program.options.flatMap(({ options }) => options),
    );
    if (hasOption(line, "help")) process.stdout.write(`${program.usage}\n${formatOptions(program.options)}`);
    else if (hasOption(line, "version")) process.stdout.write(`${program.versionLine}\nTenet ${tenetVersion()}\n`);
    else process.exitCode = await run(program, program.readSettings(line), stage);
  } catch (error) {
    complain(program.name, error);
    process.exitCode = 1;
  }
}

async function run<Settings extends CommonSettings>(
  program: Program<Settings>,
  settings: Settings,
  stage: Stage,
): Promise<number> {
  const { isDetached, isMonitored } = settings.daemon;
  if (stage.kind === "command" && isDetached) {
    const { child, started } = startStage(isMonitored ? "monitor" : "worker", program.workerFlags, true, true);
    const start = await started;
    child.unref();
    return start.isReady ? 0 : (start.code ?? 1);
  }
  const isMonitor = stage.kind === "monitor" || (stage.kind === "command" && isMonitored);
  const vlog = openLog(program, settings.log, isMonitor ? "monitor" : undefined);
  if (vlog === undefined) return 1;
  const stop = stopOnSignals(vlog);
  if (isMonitor) return monitor(program, stage, vlog, stop.signal);
  process.on("uncaughtException", (error) => {
    vlog.write("daemon", "emer", error.stack ?? error.message);
    process.kill(process.pid, "SIGABRT"); // what a monitor takes for a crash
  });
  const runWorker = await program.loadWorker();
  const { exitCode, problem } = await runWorker(settings, stage, vlog, stop);
  if (problem !== undefined) complain(program.name, problem);
  return exitCode;
}

/** @returns nothing when the file cannot be opened, which the log has said then */
function openLog(
  { name, modules }: { readonly name: string; readonly modules: readonly string[] },
  { verbose, file, syslogMethod, syslogTarget }: LogSettings,
  part: string | undefined,
): Vlog | undefined {
  const vlog = new Vlog(name, modules, part, Date.now, openSyslog(syslogMethod, syslogTarget));
  for (const spec of verbose) {
    try {
      vlog.set(spec);
    } catch (error) {
      if (!(error instanceof LogSettingError)) throw error;
      throw new LogSettingError(`processing "${spec}": ${error.message}`, { cause: error });
    }
  }
  if (syslogTarget !== undefined) {
    vlog.write("vlog", "warn", "--syslog-target flag is deprecated, use --syslog-method instead");
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

function complain(program: string, problem: unknown): void {
  const hint = problem instanceof AppError && problem.hint !== undefined ? `\n  hint: ${problem.hint}` : "";
  const text = problem instanceof AppError ? problem.message + hint : formatError(problem);
  writeSync(2, `${program}: ${text}\n`);
}
