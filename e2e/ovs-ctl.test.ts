/** Debian's own start scripts, `ovs-ctl` and `ovn-ctl`, with the launcher first in the path: they notice no difference. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { run } from "./support/tenet.ts";

const OVS_CTL = "/usr/share/openvswitch/scripts/ovs-ctl";
const OVN_CTL = "/usr/share/ovn/scripts/ovn-ctl";
const obstacle = [OVS_CTL, OVN_CTL].find((script) => !existsSync(script));
if (obstacle !== undefined) console.log(`skipped: ${obstacle} is not installed`);

/** A machine's folders, in one. */
class Machine {
  readonly folder: string = mkdtempSync(join(tmpdir(), "tenet-ctl-"));
  readonly #env: Readonly<Record<string, string>>;

  constructor() {
    for (const name of ["bin", "run", "log", "db", "etc/openvswitch"]) mkdirSync(join(this.folder, name), { recursive: true });
    for (const name of ["ovsdb-server", "ovs-vswitchd", "ovs-dpctl"]) {
      symlinkSync(resolve(`packages/cli/bin/${name}.js`), join(this.folder, "bin", name));
    }
    const folders = { RUNDIR: "run", LOGDIR: "log", DBDIR: "db", SYSCONFDIR: "etc" };
    const variables = Object.entries(folders).flatMap(([name, folder]) =>
      ["OVS", "OVN"].map((prefix) => [`${prefix}_${name}`, join(this.folder, folder)]),
    );
    const path = `${join(this.folder, "bin")}:${process.env["PATH"] ?? ""}`;
    this.#env = { ...(Object.fromEntries(variables) as Record<string, string>), PATH: path };
  }

  run(program: string, ...args: readonly string[]): { readonly status: number | null; readonly out: string } {
    return run(program, args, this.#env);
  }

  /** The program of the process in a pid file. */
  programOf(pidFile: string): string {
    return readlinkSync(`/proc/${readFileSync(join(this.folder, "run", pidFile), "utf8").trim()}/exe`);
  }

  socket(name: string): string {
    return `unix:${join(this.folder, "run", name)}`;
  }

  sockets(): string[] {
    return readdirSync(join(this.folder, "run"));
  }

  [Symbol.dispose](): void {
    this.run(OVS_CTL, "stop");
    this.run(OVN_CTL, "stop_ovsdb");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test.skipIf(obstacle !== undefined)("ovs-ctl makes a database, starts, restarts and stops its server", () => {
  using machine = new Machine();
  const ctl = (...args: string[]) => machine.run(OVS_CTL, "--no-ovs-vswitchd", "--system-id=random", ...args);
  expect(ctl("start")).toMatchObject({ status: 0, out: expect.stringContaining("Starting ovsdb-server") as string });
  expect(machine.programOf("ovsdb-server.pid")).toBe(process.execPath);
  expect(machine.run("ovs-vsctl", "--no-wait", "add-br", "br0").status).toBe(0);
  expect(ctl("restart").status).toBe(0);
  expect(machine.run("ovs-vsctl", "--no-wait", "list-br").out).toBe("br0\n");
  expect(ctl("status").out).toMatch(/^ovsdb-server is running with pid \d+$/m);
  expect(ctl("stop")).toMatchObject({ status: 0, out: expect.stringContaining("Exiting ovsdb-server") as string });
  expect(machine.sockets()).toEqual([]);
});

test.skipIf(obstacle !== undefined)("ovs-ctl starts the switch too, which obeys ovs-vsctl, ovs-ofctl and ovs-appctl", () => {
  using machine = new Machine();
  const ctl = (...args: string[]) => machine.run(OVS_CTL, "--system-id=random", "--no-mlockall", ...args);
  expect(ctl("start")).toMatchObject({ status: 0, out: expect.stringContaining("Starting ovs-vswitchd") as string });
  expect(machine.programOf("ovs-vswitchd.pid")).toBe(process.execPath);
  const dummy = ["add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=dummy"];
  expect(machine.run("ovs-vsctl", "--timeout=20", ...dummy).status).toBe(0);
  expect(machine.run("ovs-ofctl", "dump-flows", "br0", "--no-stats").out).toContain("actions=NORMAL");
  expect(machine.run("ovs-appctl", "vlog/set", "ofproto_dpif:file:dbg").status).toBe(0);
  expect(machine.run("ovs-appctl", "version").out).toMatch(/^ovs-vswitchd \(Open vSwitch\)/);
  expect(machine.run("ovs-appctl", "coverage/show").out).toMatch(/^ofproto_recv_openflow +\d.*total: [1-9]/m);
  expect(machine.run("ovs-dpctl", "-s", "show")).toMatchObject({
    status: 0,
    out: expect.stringContaining("port 100: br0 (dummy-internal)") as string,
  });
  expect(machine.run("ovs-dpctl", "bogus").status).toBe(1);
  expect(ctl("status").out).toMatch(/^ovs-vswitchd is running with pid \d+$/m);
  const refused = machine.run("ovs-vsctl", "--timeout=20", "add-port", "br0", "nosuchdevice");
  expect(refused.out).toContain("See ovs-vswitchd log for details");
  const log = readFileSync(join(machine.folder, "log/ovs-vswitchd.log"), "utf8");
  expect(log).toMatch(/\|bridge\|INFO\|ovs-vswitchd/);
  expect(log).toMatch(/\|bridge\|INFO\|bridge br0: using datapath ID [0-9a-f]{16}$/m);
  expect(log).toContain("|bridge|WARN|could not open network device nosuchdevice (No such device)");
  expect(ctl("stop")).toMatchObject({ status: 0, out: expect.stringContaining("Exiting ovs-vswitchd") as string });
  expect(machine.sockets()).toEqual([]);
});

test.skipIf(obstacle !== undefined)("ovn-ctl does so with the databases of OVN", () => {
  using machine = new Machine();
  expect(machine.run(OVN_CTL, "start_ovsdb").status).toBe(0);
  expect(["ovnnb_db.pid", "ovnsb_db.pid"].map((file) => machine.programOf(file))).toEqual([process.execPath, process.execPath]);
  const nb = machine.socket("ovnnb_db.sock");
  expect(machine.run("ovn-nbctl", `--db=${nb}`, "ls-add", "sw0", "--", "set-connection", "ptcp:0:127.0.0.1").status).toBe(0);
  expect(machine.run("ovn-nbctl", `--db=${nb}`, "ls-list").out).toContain("(sw0)");
  expect(machine.run(OVN_CTL, "status_ovsdb").out).toMatch(/OVN Northbound DB is running[^]*OVN Southbound DB is running/);
  expect(machine.run(OVN_CTL, "stop_ovsdb").status).toBe(0);
  expect(machine.sockets()).toEqual([]);
});
