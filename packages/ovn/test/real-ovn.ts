/** The original programs (ovsdb-server, ovs-vswitchd, ovn-northd, ovn-controller) in a scratch folder, to compare with. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = [
  "ovsdb-server",
  "ovsdb-tool",
  "ovs-vswitchd",
  "ovs-vsctl",
  "ovs-ofctl",
  "ovn-nbctl",
  "ovn-sbctl",
  "ovn-northd",
  "ovn-controller",
];

/** Names of the programs that are missing; a test skips when there are any. */
export function missingPrograms(): string[] {
  const folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
  return PROGRAMS.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
}

export class RealOvn {
  readonly dir: string = mkdtempSync(join(tmpdir(), "ovn-"));
  readonly #running = new Map<string, ChildProcess>();
  readonly #env: NodeJS.ProcessEnv = {
    ...process.env,
    ...Object.fromEntries(
      ["OVS_RUNDIR", "OVN_RUNDIR", "OVS_LOGDIR", "OVN_LOGDIR", "OVS_DBDIR", "OVN_DBDIR"].map((name) => [name, this.dir]),
    ),
  };

  /** Starts the three databases and a switch with dummy ports. */
  async start(): Promise<void> {
    const schemas = {
      nb: "/usr/share/ovn/ovn-nb.ovsschema",
      sb: "/usr/share/ovn/ovn-sb.ovsschema",
      db: "/usr/share/openvswitch/vswitch.ovsschema",
    };
    for (const [name, schema] of Object.entries(schemas)) {
      this.run("ovsdb-tool", "create", join(this.dir, `${name}.db`), schema);
      this.#spawn(
        name,
        "ovsdb-server",
        `--unixctl=${this.dir}/${name}.ctl`,
        `--remote=punix:${this.dir}/${name}.sock`,
        `${this.dir}/${name}.db`,
      );
    }
    for (const name of Object.keys(schemas)) await this.waitFor(() => existsSync(join(this.dir, `${name}.sock`)));
    this.vsctl("--no-wait", "init");
    this.startSwitch();
    this.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=dummy", "fail_mode=secure");
    this.vsctl(
      "set",
      "Open_vSwitch",
      ".",
      "external_ids:system-id=hv1",
      `external_ids:ovn-remote=unix:${this.dir}/sb.sock`,
      "external_ids:ovn-encap-type=geneve",
      "external_ids:ovn-encap-ip=127.0.0.1",
    );
  }

  startSwitch(): void {
    this.#spawn(
      "vswitchd",
      "ovs-vswitchd",
      `--pidfile=${this.dir}/ovs-vswitchd.pid`,
      "--enable-dummy=override",
      "--disable-system",
      `unix:${this.dir}/db.sock`,
    );
  }

  startNorthd(): void {
    this.#spawn(
      "northd",
      "ovn-northd",
      `--unixctl=${this.dir}/northd.ctl`,
      `--ovnnb-db=unix:${this.dir}/nb.sock`,
      `--ovnsb-db=unix:${this.dir}/sb.sock`,
    );
  }

  startController(): void {
    this.#spawn(
      "controller",
      "ovn-controller",
      `--log-file=${this.dir}/controller.log`,
      "-vconsole:off",
      `unix:${this.dir}/db.sock`,
    );
  }

  /** Ends one of the programs. */
  async end(name: string): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
    this.#running.delete(name);
  }

  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()].reverse()) await this.end(name);
    rmSync(this.dir, { recursive: true, force: true });
  }

  nbctl(...args: string[]): string {
    return this.run("ovn-nbctl", `--db=unix:${this.dir}/nb.sock`, "--timeout=20", ...args);
  }

  sbctl(...args: string[]): string {
    return this.run("ovn-sbctl", `--db=unix:${this.dir}/sb.sock`, "--timeout=20", ...args);
  }

  vsctl(...args: string[]): string {
    return this.run("ovs-vsctl", `--db=unix:${this.dir}/db.sock`, "--timeout=20", ...args);
  }

  /** Plugs a dummy interface named `v<port>` into br-int for a logical port. */
  plug(port: string, ofport: number): void {
    this.vsctl(
      "add-port",
      "br-int",
      `v${port}`,
      "--",
      "set",
      "interface",
      `v${port}`,
      "type=dummy",
      `external_ids:iface-id=${port}`,
      `ofport_request=${ofport}`,
    );
  }

  /** The flows of br-int, one per line, as ovs-ofctl prints them. */
  flows(): string[] {
    const text = this.run("ovs-ofctl", "dump-flows", "--no-stats", "br-int");
    return text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }

  controllerLog(): string {
    return readFileSync(join(this.dir, "controller.log"), "utf8");
  }

  run(program: string, ...args: string[]): string {
    return execFileSync(program, args, {
      env: this.#env,
      encoding: "utf8",
      maxBuffer: 1 << 26,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** As {@link run}, while this process goes on. */
  runAsync(program: string, ...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(program, args, { env: this.#env, encoding: "utf8" }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
  }

  async waitFor(holds: () => boolean, timeoutMs = 15_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!holds()) {
      if (Date.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain for: ${holds}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #spawn(name: string, program: string, ...args: string[]): void {
    const child = spawn(program, args, { env: this.#env, stdio: "ignore" });
    // A test run that is broken off must not leave daemons behind.
    const kill = (): boolean => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    this.#running.set(name, child);
  }
}
