/** Runs the built `tenet` command as a user would, in a state folder of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bestMode } from "@tenet/lab";

/** The example cloud. */
export const EXAMPLE = resolve("examples/three-tier");
const BIN = resolve("packages/cli/bin/tenet.js");
const START_BOUND_MS = 30_000;

/** Whether hosts can be namespaces here, and why not. */
export const { mode: MODE, reason: REASON } = bestMode();

/** What a command printed and how it ended. */
export interface Result {
  readonly status: number | null;
  readonly out: string;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Result {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, ...env },
  });
  return { status, out: `${stdout}${stderr}` };
}

/** Whether a program is installed. */
export function isInstalled(program: string): boolean {
  return spawnSync("which", [program]).status === 0;
}

/** A state folder and what runs on it. */
export class Tenet {
  readonly home: string = mkdtempSync(join(tmpdir(), "tenet-e2e-"));
  readonly prefix: string;
  #child: ChildProcess | undefined;
  #output = "";

  /** @param prefix - starts the names of its namespaces; two that run at once need different ones */
  constructor(prefix = "te-") {
    this.prefix = prefix;
  }

  /** All that `tenet up` has printed. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Path of a socket. */
  socket(name: string): string {
    return join(this.home, "run", name);
  }

  /** Address of the console, from the summary. */
  get consoleUrl(): string {
    return /console +(http\S+)/.exec(this.#output)?.[1] ?? "";
  }

  /** Address of the policy API, from the summary. */
  get policyUrl(): string {
    return /policy API +(http\S+?)\/v1/.exec(this.#output)?.[1] ?? "";
  }

  /** Starts `tenet up`; resolves when the summary is there. @throws Error with the output when it ends before */
  async up(lab: string = EXAMPLE, ...args: readonly string[]): Promise<void> {
    const command = [BIN, "up", lab, "--prefix", this.prefix, "--policy-port", "0", "--console-port", "0", ...args];
    this.#output = "";
    const child = spawn(process.execPath, command, { env: this.#env(), stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    await new Promise<void>((ready, fail) => {
      const tooLate = setTimeout(() => fail(new Error(`tenet up is not ready:\n${this.#output}`)), START_BOUND_MS);
      const read = (chunk: Buffer): void => {
        this.#output += chunk.toString();
        if (/TRY NEXT[^]*\n$/.test(this.#output)) settle(ready);
      };
      const settle = (how: () => void): void => {
        clearTimeout(tooLate);
        how();
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.on("exit", (code) => settle(() => fail(new Error(`tenet up ended with ${code}:\n${this.#output}`))));
    });
  }

  /** Runs another command of `tenet` on the same state folder. */
  run(...args: readonly string[]): Result {
    return run(process.execPath, [BIN, ...args], this.#env());
  }

  /** Sends a signal and waits for the end. @returns the exit code, `null` when the signal ended it */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolveEnd) => child.once("exit", resolveEnd));
    child.kill(signal);
    return await ended;
  }

  /** Stops what runs and removes the state folder. */
  async remove(): Promise<void> {
    await this.end("SIGTERM");
    this.run("down"); // of one that was killed
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Names of sockets that lie in the run folder. */
  leftSockets(): string[] {
    const runDir = join(this.home, "run");
    return existsSync(runDir) ? run("ls", [runDir]).out.split("\n").filter(Boolean) : [];
  }

  /** Namespaces and devices under its prefix. */
  leftDevices(): string[] {
    const names = `${run("ip", ["netns", "list"]).out}\n${run("ip", ["-o", "link"]).out}`;
    return names.split("\n").filter((line) => line.includes(this.prefix));
  }

  #env(): Record<string, string> {
    return { ...process.env, TENET_HOME: this.home, NO_COLOR: "1" } as Record<string, string>;
  }
}
