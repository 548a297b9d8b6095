/** Databases in a folder of their own, the original northd, and the original clients. */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { silentLogger } from "@tenet/kit";
import { Database, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer } from "@tenet/ovsdb";

const PROGRAMS = ["ovsdb-server", "ovsdb-tool", "ovn-northd", "ovn-nbctl", "ovn-sbctl", "ovn-trace"];

/** Programs that are missing on this machine. */
export function missingPrograms(): string[] {
  return PROGRAMS.filter((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0);
}

/** A northbound and a southbound database, served by the original server or by ours. */
export class Deployment {
  readonly directory: string;
  readonly nb: string;
  readonly sb: string;
  readonly #children: ChildProcess[] = [];
  readonly #servers: OvsdbServer[] = [];

  private constructor() {
    this.directory = mkdtempSync(join(tmpdir(), "northd-"));
    this.nb = `unix:${this.directory}/nb.sock`;
    this.sb = `unix:${this.directory}/sb.sock`;
  }

  /** Starts original database servers. */
  static async start(): Promise<Deployment> {
    const it = new Deployment();
    for (const name of ["nb", "sb"]) {
      execFileSync("ovsdb-tool", ["create", `${it.directory}/${name}.db`, `/usr/share/ovn/ovn-${name}.ovsschema`]);
      it.#spawn("ovsdb-server", [
        `--remote=punix:${it.directory}/${name}.sock`,
        `--unixctl=${it.directory}/${name}.ctl`,
        `${it.directory}/${name}.db`,
      ]);
    }
    await it.#appears("nb.sock");
    await it.#appears("sb.sock");
    return it;
  }

  /** Starts our database server, in this process. */
  static async startOurs(): Promise<Deployment> {
    const it = new Deployment();
    for (const [name, schema] of Object.entries({ nb: OVN_NORTHBOUND, sb: OVN_SOUTHBOUND })) {
      const server = new OvsdbServer([await Database.open({ schema })], silentLogger);
      await server.listen(`punix:${it.directory}/${name}.sock`);
      it.#servers.push(server);
    }
    return it;
  }

  /** Starts the original northd. @returns ends it */
  async startNorthd(): Promise<() => Promise<void>> {
    const northd = this.#spawn("ovn-northd", [
      `--ovnnb-db=${this.nb}`,
      `--ovnsb-db=${this.sb}`,
      `--unixctl=${this.directory}/northd.ctl`,
    ]);
    await this.#appears("northd.ctl");
    return () => end(northd);
  }

  nbctl(...args: string[]): Promise<string> {
    return run("ovn-nbctl", [`--db=${this.nb}`, "--timeout=20", ...args]);
  }

  sbctl(...args: string[]): Promise<string> {
    return run("ovn-sbctl", [`--db=${this.sb}`, "--timeout=20", ...args]);
  }

  trace(datapath: string, flow: string): Promise<string> {
    return run("ovn-trace", [`--db=${this.sb}`, "--minimal", datapath, flow]);
  }

  /** Rows of a southbound table, chosen columns only, as the client prints them in JSON. */
  async rows(table: string, ...columns: string[]): Promise<{ [column: string]: unknown }[]> {
    const text = await this.sbctl("--format=json", `--columns=${["_uuid", ...columns].join(",")}`, "list", table);
    const { headings, data }: { headings: string[]; data: unknown[][] } = JSON.parse(text);
    return data.map((row) => Object.fromEntries(headings.map((heading, i) => [heading, row[i]])));
  }

  /** Stops what was started and removes the folder. */
  async stop(): Promise<void> {
    for (const child of this.#children) await end(child);
    for (const server of this.#servers) await server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #spawn(program: string, args: string[]): ChildProcess {
    const child = spawn(program, args, { stdio: "ignore", env: { ...process.env, OVS_RUNDIR: this.directory } });
    this.#children.push(child);
    return child;
  }

  async #appears(file: string): Promise<void> {
    for (let i = 0; i < 200 && !existsSync(join(this.directory, file)); i++) await sleep(25);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill();
  await exited;
}

/** The role under test runs in this very process: nothing may block it. */
async function run(program: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  return stdout;
}
