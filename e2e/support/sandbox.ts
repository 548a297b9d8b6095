/**
 * A shell as a reader of the documents has it: in a fresh clone, with nothing running, standard ports free and no namespace there.
 *
 * It lives in network, mount and process namespaces of its own, so that documented commands run just as they are written, beside
 * whatever else the machine does; when it closes, all that it started is gone. Needs root.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Result } from "./tenet.ts";

const UNSHARE = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
/** `/run` names network namespaces, and labs that run. */
const PRIVATE = "mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up";
/** Readers write to these; the rest of the clone is the repository's own. */
const COPIED = ["examples"];
const LEFT_OUT = [".git", ".tenet", ...COPIED];
const COMMAND_BOUND_MS = 30_000;
const LOOK_MS = 10;
const SERVER_LOOK_MS = 100;

/** Why there can be no sandbox here; `undefined` when there can. */
export function sandboxObstacle(): string | undefined {
  const { status, stderr, error } = spawnSync("unshare", [...UNSHARE, "sh", "-c", PRIVATE], { encoding: "utf8" });
  return status === 0 ? undefined : `no namespaces: ${(error?.message ?? stderr).trim()}`;
}

/** A shell in a clone. */
export class Sandbox {
  readonly folder: string = mkdtempSync(join(tmpdir(), "tenet-docs-"));
  readonly #shell: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;
  #output = "";
  #nCommands = 0;
  #nServers = 0;

  constructor() {
    for (const name of readdirSync(".")) if (!LEFT_OUT.includes(name)) symlinkSync(resolve(name), join(this.folder, name));
    for (const name of COPIED) cpSync(name, join(this.folder, name), { recursive: true });
    const own = Object.entries(process.env).filter(([name]) => !/^(TENET|OVN|OVS)_/.test(name));
    const path = `${join(this.folder, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`;
    this.#shell = spawn("unshare", [...UNSHARE, "bash", "--norc", "--noprofile"], {
      cwd: this.folder,
      env: { ...Object.fromEntries(own), PATH: path, NO_COLOR: "1", TZ: "UTC" },
    });
    this.#shell.stdout.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#ended = new Promise((done) => this.#shell.once("exit", () => done()));
    // npx finds the same program, half a second later; one test runs the real one.
    this.#shell.stdin.write(`exec 2>&1\n${PRIVATE}\nnpx() { "$@"; }\n`);
  }

  /** Runs a command to its end. @throws Error when it does not end */
  async run(command: string): Promise<Result> {
    const mark = `--- end of command ${++this.#nCommands} ---`;
    this.#output = "";
    // The next command can ask for `$?` as at a prompt.
    this.#shell.stdin.write(
      `{ ${command}\n} < /dev/null\n__status=$?; printf '\\n%s %d\\n' '${mark}' $__status; (exit $__status)\n`,
    );
    const end = new RegExp(`\\n${mark} (\\d+)\\n`);
    for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
      const found = end.exec(this.#output);
      if (found !== null) return { status: Number(found[1]), out: this.#output.slice(0, found.index) };
      if (waitedMs > COMMAND_BOUND_MS || this.#shell.exitCode !== null)
        throw new Error(`no end of "${command}":\n${this.#output}`);
      await sleep(LOOK_MS);
    }
  }

  /** Starts a command that keeps its terminal, and waits until it has printed its last line. @throws Error when it ends before */
  async serve(command: string, lastLine: RegExp): Promise<Result> {
    const log = `${this.folder}-${++this.#nServers}.log`;
    try {
      // No job of this shell: for the reader it runs in another terminal.
      const pid = (await this.run(`(${command} &> ${log} & echo $!)`)).out.trim();
      for (let waitedMs = 0; waitedMs <= COMMAND_BOUND_MS; waitedMs += SERVER_LOOK_MS) {
        const { out } = await this.run(`cat ${log}`);
        if (lastLine.test(out)) return { status: 0, out };
        const { status } = await this.run(`kill -0 ${pid}`);
        if (status !== 0) return { status: 1, out };
        await sleep(SERVER_LOOK_MS);
      }
      throw new Error(`"${command}" is not ready: ${(await this.run(`cat ${log}`)).out}`);
    } finally {
      rmSync(log, { force: true });
    }
  }

  /** Writes a file of the clone. */
  write(path: string, text: string): void {
    const whole = join(this.folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, text);
  }

  /** Ends the shell and everything that it started, and removes the clone. */
  async close(): Promise<void> {
    this.#shell.kill("SIGKILL");
    await this.#ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
