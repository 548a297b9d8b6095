/** Databases, northd, switch and controller of ours in this process, hosts at memory links, and the original ovn-trace beside. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MemoryLink } from "@tenet/datapath";
import { Scope, silentLogger } from "@tenet/kit";
import { runController, runNorthd } from "@tenet/ovn";
import { Database, OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer, type SchemaJson } from "@tenet/ovsdb";
import { runSwitch } from "@tenet/switch";

const PROGRAMS = ["ovn-nbctl", "ovn-sbctl", "ovn-trace", "ovs-vsctl", "ovs-appctl"];

/** Programs that are missing on this machine. */
export function missingPrograms(): string[] {
  return PROGRAMS.filter((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0);
}

/** One running cloud of one machine. */
export class WholeStack {
  readonly #dir = mkdtempSync(join(tmpdir(), "stack-"));
  readonly #scope = new Scope(new AbortController().signal);
  readonly #links = new Map<string, MemoryLink>();
  readonly #arrived: string[] = [];
  #isTracing = false;

  /** Starts everything. */
  static async start(): Promise<WholeStack> {
    const stack = new WholeStack();
    await stack.#serve("nb", OVN_NORTHBOUND);
    await stack.#serve("sb", OVN_SOUTHBOUND);
    const vswitch = await stack.#serve("db", OPEN_VSWITCH);
    await vswitch.transact([{ op: "insert", table: "Open_vSwitch", row: {} }], { remote: "test" });
    stack.#startRoles();
    await stack.nbctl("init");
    return stack;
  }

  /** Runs ovn-nbctl; commands are separated by "--". */
  nbctl(...args: string[]): Promise<string> {
    return run("ovn-nbctl", `--db=unix:${this.#dir}/nb.sock`, "--timeout=20", ...args);
  }

  sbctl(...args: string[]): Promise<string> {
    return run("ovn-sbctl", `--db=unix:${this.#dir}/sb.sock`, "--timeout=20", ...args);
  }

  /** Plugs hosts in, one per logical port. */
  async plug(ports: readonly string[]): Promise<void> {
    const plugging = (port: string): string =>
      `-- add-port br-int v${port} -- set Interface v${port} type=dummy external_ids:iface-id=${port}`;
    const commands = ports.flatMap((port) => plugging(port).split(" "));
    const bridge = ["--may-exist", "add-br", "br-int", "--", "set", "Bridge", "br-int", "fail_mode=secure"];
    await run("ovs-vsctl", `--db=unix:${this.#dir}/db.sock`, "--timeout=20", ...bridge, ...commands);
  }

  /** Sends a frame from a host. @returns the logical ports whose hosts got it, sorted, each as often as it came */
  send(port: string, frame: Uint8Array): string[] {
    this.#arrived.length = 0;
    const link = this.#links.get(`v${port}`);
    if (link?.isPlugged !== true) throw new Error(`No host at port ${port}`);
    link.send(frame);
    return this.#arrived.toSorted();
  }

  /** Starts ovn-trace as a daemon on the southbound database as it is now: it reads that once. */
  async readTrace(): Promise<void> {
    await this.#endTracer();
    const control = join(this.#dir, "trace.ctl");
    const args = [`--db=unix:${this.#dir}/sb.sock`, `--unixctl=${control}`, `--pidfile=${this.#dir}/trace.pid`, "--detach"];
    await run("ovn-trace", ...args);
    this.#isTracing = true;
  }

  async #endTracer(): Promise<void> {
    if (this.#isTracing) await run("ovs-appctl", "-t", join(this.#dir, "trace.ctl"), "exit");
    this.#isTracing = false;
  }

  /** What ovn-trace says: the logical ports that get the packet, sorted. */
  async trace(microflow: string): Promise<string[]> {
    const text = await run("ovs-appctl", "-t", join(this.#dir, "trace.ctl"), "trace", "--minimal", microflow);
    return [...text.matchAll(/^ *output\("(.*)"\);/gm)].map(([, port]) => port ?? "").toSorted();
  }

  /** The whole story of a packet by ovn-trace. */
  story(microflow: string): Promise<string> {
    return run("ovs-appctl", "-t", join(this.#dir, "trace.ctl"), "trace", "--detailed", microflow);
  }

  async stop(): Promise<void> {
    await this.#endTracer();
    await this.#scope[Symbol.asyncDispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #serve(name: string, schema: SchemaJson): Promise<Database> {
    const database = this.#scope.use(await Database.open({ schema }));
    const server = this.#scope.use(new OvsdbServer([database], silentLogger));
    await server.listen(`punix:${this.#dir}/${name}.sock`);
    return database;
  }

  #startRoles(): void {
    const [nb, sb, vswitch] = ["nb", "sb", "db"].map((name) => `unix:${this.#dir}/${name}.sock`) as [string, string, string];
    const { signal, abort } = abortable();
    const openMemoryPort = (name: string): MemoryLink => this.#openLink(name);
    const running = Promise.all([
      runNorthd({ nb, sb }, silentLogger, signal),
      runSwitch({ database: vswitch, runDir: this.#dir, openMemoryPort }, silentLogger, signal),
      runController({ sb, vswitch, runDir: this.#dir, systemId: "hv1" }, silentLogger, signal),
    ]);
    this.#scope.defer(async () => {
      abort();
      await running;
    });
  }

  #openLink(name: string): MemoryLink {
    const link = this.#links.get(name) ?? new MemoryLink();
    this.#links.set(name, link);
    link.onFrame(() => this.#arrived.push(name.slice(1)));
    return link;
  }
}

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** The roles run in this very process: nothing may block it. */
async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  return stdout;
}
