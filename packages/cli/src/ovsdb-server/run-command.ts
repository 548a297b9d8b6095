/** The command of `--run`, for whose sake the server lives. */
import { spawn } from "node:child_process";
import { describeEnd } from "../daemon/monitor.ts";

/** How a command ended. */
export interface CommandEnd {
  /** 0 when it succeeded, else 1. */
  readonly exitCode: 0 | 1;
  /** What is to be said about a failure. */
  readonly problem: string | undefined;
}

/** Runs a command in a shell, to its end; a signal ends it before. */
export function runCommand(commandLine: string, signal: AbortSignal): Promise<CommandEnd> {
  const child = spawn("/bin/sh", ["-c", commandLine], { stdio: "inherit" });
  const stop = () => child.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ exitCode: 1, problem: `${commandLine}: ${error.message}` }));
    child.once("exit", (code, killer) => {
      signal.removeEventListener("abort", stop);
      const problem = `${commandLine}: child exited, ${describeEnd({ code, signal: killer })}`;
      resolve(code === 0 ? { exitCode: 0, problem: undefined } : { exitCode: 1, problem });
    });
  });
}
