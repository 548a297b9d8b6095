/** Watches a worker and starts another when it crashes, at most one in ten seconds. @see ovsdb-server(1), `--monitor` */
import type { Vlog } from "./vlog/vlog.ts";
import { closeStandardStreams, hasCrashed, type NextStage, type Stage, startStage, tellReady } from "./stages.ts";

const RESTART_MS = 10_000;
const SIGNAL_TEXTS: Readonly<Record<string, string>> = {
  SIGABRT: "Aborted",
  SIGBUS: "Bus error",
  SIGFPE: "Floating point exception",
  SIGILL: "Illegal instruction",
  SIGKILL: "Killed",
  SIGPIPE: "Broken pipe",
  SIGSEGV: "Segmentation fault",
  SIGTERM: "Terminated",
};

/** How a process ended, in the original's words. */
export function describeEnd({ code, signal }: { readonly code: number | null; readonly signal: string | null }): string {
  return signal === null ? `exit status ${code ?? 0}` : `killed (${SIGNAL_TEXTS[signal] ?? signal})`;
}

/**
 * Runs workers until one ends in peace or cannot start.
 *
 * @param program - its name, for `ps`, and what workers are started with
 * @param stop - when it aborts, the worker is told to end, and no other is started
 * @returns the exit code
 */
export async function monitor(
  program: { readonly name: string; readonly workerFlags: readonly string[] },
  stage: Stage,
  vlog: Vlog,
  stop: AbortSignal,
): Promise<number> {
  let worker: NextStage | undefined;
  let carried: string | undefined;
  stop.addEventListener("abort", () => worker?.child.kill("SIGTERM"));
  for (let nCrashes = 0, isTold = false; ; nCrashes++) {
    const startedAt = performance.now();
    worker = startStage("worker", program.workerFlags, stage.isDetached, false, { carried, keep: (text) => (carried = text) });
    const { pid } = worker.child;
    const start = await worker.started;
    if (!start.isReady && !isTold) return start.code ?? 1;
    if (!isTold && stage.kind === "monitor") {
      tellReady();
      closeStandardStreams();
    }
    isTold = true;
    process.title = `${program.name}: monitoring pid ${pid} (healthy)`;
    const end = await worker.ended;
    if (stop.aborted || !hasCrashed(end)) {
      vlog.write("daemon_unix", "info", `pid ${pid} died, ${describeEnd(end)}, exiting`);
      return end.code ?? 1;
    }
    const news = `${nCrashes + 1} crashes: pid ${pid} died, ${describeEnd(end)}`;
    const waitMs = RESTART_MS - (performance.now() - startedAt);
    if (nCrashes > 0 && waitMs > 0) {
      vlog.write("daemon_unix", "warn", `${news}, waiting until 10 seconds since last restart`);
      await pause(waitMs, stop);
    } else {
      vlog.write("daemon_unix", "err", `${news}, restarting`);
    }
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
