/** The original programs as peers of system tests. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Scope } from "@tenet/kit";

const run = promisify(execFile);

/** Whether all programs are installed; says on the console which one is missing. */
export function arePeersInstalled(...programs: readonly string[]): boolean {
  const missing = programs.filter((program) => spawnSync("which", [program]).status !== 0);
  if (missing.length > 0) console.log(`skipped: ${missing.join(", ")} not installed`);
  return missing.length === 0;
}

/** Runs a program to its end. @returns its standard output @throws when it exits with another code than 0 */
export async function peer(folder: string, program: string, ...options: readonly string[]): Promise<string> {
  const { stdout } = await run(program, options, { env: environment(folder), timeout: 20_000, maxBuffer: 1e8 });
  return stdout;
}

/** Runs a program that is expected to fail. @returns its exit code and standard error */
export async function failingPeer(
  folder: string,
  program: string,
  ...options: readonly string[]
): Promise<{ code: number; stderr: string }> {
  try {
    await peer(folder, program, ...options);
    return { code: 0, stderr: "" };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, stderr };
  }
}

/** Starts a program that the scope ends. */
export function backgroundPeer(scope: Scope, folder: string, program: string, ...options: readonly string[]): ChildProcess {
  const child = spawn(program, options, { env: environment(folder), stdio: ["ignore", "pipe", "pipe"] });
  scope.defer(() => void child.kill("SIGKILL"));
  return child;
}

/** Starts the original server on database files, with further options, and waits for its socket. @returns its address */
export async function startOriginalServer(scope: Scope, folder: string, ...filesAndOptions: readonly string[]): Promise<string> {
  const socket = join(folder, "original.sock");
  backgroundPeer(
    scope,
    folder,
    "ovsdb-server",
    `--remote=punix:${socket}`,
    `--unixctl=${join(folder, "ctl")}`,
    "--log-file=/dev/null",
    ...filesAndOptions,
  );
  await waitForSocket(socket);
  return `unix:${socket}`;
}

/** Resolves when somebody has made a socket there. */
export async function waitForSocket(path: string): Promise<void> {
  for (let nTries = 0; !existsSync(path); nTries++) {
    if (nTries > 800) throw new Error(`no server made "${path}"`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The environment in which an original program finds and leaves nothing outside of a folder. */
export function environment(folder: string): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return { PATH, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder, OVN_RUNDIR: folder };
}
