/** A database daemon in a folder of its own, Tenet's or the original's, run as scripts run it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { spawnSync } from "node:child_process";
import { isInstalled } from "./tenet.ts";

/** Whether the original's programs are there to run and to compare with. */
export const HAS_ORIGINAL = ["ovsdb-server", "ovsdb-tool", "ovsdb-client", "ovs-appctl", "ovs-vsctl"].every((program) =>
  isInstalled(program),
);
if (!HAS_ORIGINAL) console.log("skipped: Open vSwitch's programs are not installed");

/** What a program did. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Which server. */
export type Kind = "tenet" | "original";

/** A folder with databases, sockets, logs, and the daemon that works there. */
export class Daemon {
  readonly folder: string = mkdtempSync(join(tmpdir(), "tenet-d-"));
  readonly #command: readonly string[];

  constructor(kind: Kind) {
    this.#command = kind === "original" ? ["ovsdb-server"] : [process.execPath, resolve("packages/cli/bin/ovsdb-server.js")];
  }

  /** Runs a program in the folder, to its end. */
  run(program: string, ...args: readonly string[]): Outcome {
    const { folder } = this;
    const env = { PATH: process.env["PATH"], OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
    const options = { cwd: folder, env, encoding: "utf8", timeout: 20_000 } as const;
    const { status, stdout, stderr } = spawnSync(program, args, options);
    return { code: status, out: stdout, err: stderr };
  }

  /** Runs the server; with `--detach` it goes on after that. */
  serve(...args: readonly string[]): Outcome {
    const [program = "", ...first] = this.#command;
    return this.run(program, ...first, ...args);
  }

  /** Asks the daemon that `--pidfile` tells of. */
  appctl(...args: readonly string[]): Outcome {
    return this.run("ovs-appctl", "-T", "10", "-t", "ovsdb-server", ...args);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  /** Makes a database file with a schema. */
  create(file: string, schema: object): void {
    writeFileSync(this.path(`${file}.schema`), JSON.stringify(schema));
    const made = this.run("ovsdb-tool", "create", file, `${file}.schema`);
    if (made.code !== 0) throw new Error(made.err);
  }

  [Symbol.dispose](): void {
    this.appctl("exit");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
