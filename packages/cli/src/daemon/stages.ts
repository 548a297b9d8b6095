/**
 * How a daemon comes to be several processes: the command that was given, with `--monitor` a process that watches, and
 * the worker. Each is this program again, started by the one before it and told by its environment what it is.
 *
 *     command --detach--> monitor ----> worker
 *        |  <--- "ready" --- |  <-- "ready" --|     over file descriptor 3
 *
 * Who has started another waits until that is ready or has ended; what goes wrong before is written by the worker itself
 * to the standard error that they share, and its exit code is passed on. A worker that is ready and detached lets go of
 * that, so that nobody who waits for the end of the command's output waits for the daemon.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import type { Readable } from "node:stream";
import type { DaemonSettings } from "./daemon-settings.ts";
import type { Vlog } from "./vlog/vlog.ts";

const STAGE = "TENET_DAEMON_STAGE";
const DETACHED = "TENET_DAEMON_DETACHED";
const CARRIED = "TENET_DAEMON_CARRIED";
const READY_FD = 3;
const CRASHES: readonly string[] = [
  "SIGABRT",
  "SIGALRM",
  "SIGBUS",
  "SIGFPE",
  "SIGILL",
  "SIGPIPE",
  "SIGSEGV",
  "SIGXCPU",
  "SIGXFSZ",
];

/** What this process is to do. */
export interface Stage {
  readonly kind: "command" | "monitor" | "worker";
  /** In the background, without a terminal. */
  readonly isDetached: boolean;
  /** What the worker before this one left, if it crashed. */
  readonly carried: string | undefined;
}

/** What a process keeps for those it starts one after the other. */
export interface Keeper {
  /** What the last one left. */
  readonly carried: string | undefined;
  /** Called with what this one leaves, whenever that changes. */
  readonly keep: (carried: string) => void;
}

/** Reads the stage, and forgets it so that programs that this one starts do not inherit it. */
export function takeStage(env: NodeJS.ProcessEnv): Stage {
  const kind = env[STAGE] === "monitor" || env[STAGE] === "worker" ? env[STAGE] : "command";
  const isDetached = env[DETACHED] !== undefined;
  const carried = env[CARRIED];
  for (const name of [STAGE, DETACHED, CARRIED]) delete env[name];
  return { kind, isDetached, carried };
}

/** Leaves something to the worker that is started when this one crashes; without a monitor to nobody. */
export function leave(carried: string): void {
  if (process.connected === true) process.send?.(carried, undefined, undefined, () => undefined); // a monitor that went wants nothing
}

/** What became of a process that was started. */
export type Ending =
  | { readonly isReady: true }
  | { readonly isReady: false; readonly code: number | null; readonly signal: string | null };

/** Another process of this program. */
export interface NextStage {
  readonly child: ChildProcess;
  /** Resolves when it is ready, or has ended before. */
  readonly started: Promise<Ending>;
  /** Resolves when it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Starts the next stage of this program, with the same command line. @param workerFlags - Node's, for a worker */
export function startStage(
  kind: "monitor" | "worker",
  workerFlags: readonly string[],
  isDetached: boolean,
  startsSession: boolean,
  keeper?: Keeper,
): NextStage {
  const flags = kind === "worker" ? workerFlags : [];
  const carried = keeper?.carried === undefined ? {} : { [CARRIED]: keeper.carried };
  const terminal = isDetached ? "ignore" : "inherit";
  const toKeeper = keeper === undefined ? [] : (["ipc"] as const);
  const child = spawn(process.execPath, [...process.execArgv, ...flags, ...process.argv.slice(1)], {
    env: { ...process.env, [STAGE]: kind, ...(isDetached ? { [DETACHED]: "yes" } : {}), ...carried },
    stdio: [terminal, terminal, "inherit", "pipe", ...toKeeper],
    detached: startsSession,
  });
  child.on("message", (message) => keeper?.keep(String(message)));
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("error", () => resolve({ code: 1, signal: null }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const readiness = child.stdio[READY_FD] as Readable;
  const ready = new Promise<Ending>((resolve) => {
    readiness.once("data", () => {
      readiness.destroy();
      resolve({ isReady: true });
    });
  });
  const failed = ended.then((ending): Ending => ({ isReady: false, ...ending }));
  return { child, ended, started: Promise.race([ready, failed]) };
}

/** Of a worker: tells whoever waits; in the background, lets go of the terminal and the folder. */
export function becomeReady(stage: Stage, { keepsFolder }: DaemonSettings, vlog: Vlog): void {
  if (stage.isDetached && !keepsFolder) process.chdir("/");
  if (stage.kind === "worker") tellReady();
  if (!stage.isDetached) return;
  vlog.set("console:off");
  closeStandardStreams();
}

/** Tells who started this process that it is ready. */
export function tellReady(): void {
  writeSync(READY_FD, "ready\n");
  closeSync(READY_FD);
}

/** Gives the terminal, or whatever the command's output went to, away. */
export function closeStandardStreams(): void {
  for (const fd of [0, 1, 2]) {
    closeSync(fd);
    openSync("/dev/null", "r+"); // the lowest number that is free: the one just closed
  }
}

/** Whether a process died of a fault of the program: those are worth another try. */
export function hasCrashed({ code, signal }: { readonly code: number | null; readonly signal: string | null }): boolean {
  return signal === null ? code !== 0 : CRASHES.includes(signal);
}
