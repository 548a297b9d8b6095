/** What goes wrong: killed processes, bad files, unusable folders and ports, no privileges. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelObstacle } from "@tenet/datapath";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EXAMPLE, isInstalled, MODE, REASON, run, Tenet } from "./support/tenet.ts";

const isRoot = MODE === "namespaces";

describe("tenet up", () => {
  let tenet: Tenet;
  let lab: string;

  beforeEach(() => {
    tenet = new Tenet("tr-");
    lab = mkdtempSync(join(tmpdir(), "tenet-lab-"));
    cpSync(EXAMPLE, lab, { recursive: true });
  });

  afterEach(async () => {
    await tenet.remove();
    rmSync(lab, { recursive: true, force: true });
  });

  const edit = (file: string, from: string, to: string): void => {
    const path = join(lab, file);
    const text = readFileSync(path, "utf8");
    expect(text).toContain(from);
    writeFileSync(path, text.replace(from, to));
  };

  test("--once checks the example and leaves nothing behind", () => {
    const { status, out } = tenet.run(
      "up",
      EXAMPLE,
      "--once",
      "--prefix",
      tenet.prefix,
      "--policy-port",
      "0",
      "--console-port",
      "0",
    );
    expect(out).toContain("checked: all is as the lab expects");
    expect(status).toBe(0);
    expect(tenet.leftSockets()).toEqual([]);
    expect(tenet.leftDevices()).toEqual([]);
  });

  test("--once fails when packets contradict the lab, and says where it expects otherwise", () => {
    edit("lab.yaml", "app1 -> db1 tcp 5432: open", "app1 -> db1 tcp 5432: blocked");
    const { status, out } = tenet.run("up", lab, "--once", "--prefix", tenet.prefix, "--policy-port", "0", "--console-port", "0");
    expect(status).toBe(1);
    expect(out).toMatch(/app1 -> db1 tcp 5432.*lab\.yaml:\d+/);
  });

  test.each([
    ["lab.yaml", "listen: [5432]", "listen: [543200]", /lab\.yaml:\d+:\d+: .*543200/],
    [
      "lab.yaml",
      "addresses: [10.0.1.31/24]",
      "adresses: [10.0.1.31/24]",
      /lab\.yaml:\d+:\d+: unknown key "adresses"[^]*did you mean "addresses"/,
    ],
    [
      "northbound.yaml",
      "port_security",
      "port_securty",
      /northbound\.yaml:\d+:\d+: .*port_securty[^]*did you mean "port_security"/,
    ],
  ])("a fault in %s is told with its place (%s)", (file, from, to, message) => {
    edit(file, from, to);
    const { status, out } = tenet.run("up", lab, "--once");
    expect(status).toBe(1);
    expect(out).toMatch(message);
    expect(tenet.leftSockets()).toEqual([]);
  });

  test("a broken policy file is told, and the rest comes up", () => {
    writeFileSync(join(lab, "policies", "broken.dl"), "error(x) :- nb:Logical_Swtch(name=x)\n");
    const { status, out } = tenet.run("up", lab, "--once", "--prefix", tenet.prefix, "--policy-port", "0", "--console-port", "0");
    expect(out).toContain("three-tier is up");
    expect(out).toMatch(/broken.*broken\.dl:1:\d+[^]*Logical_Switch/);
    expect(status).toBe(1);
  });

  test("a state folder that cannot be made is told", () => {
    const { status, out } = run(process.execPath, ["packages/cli/bin/tenet.js", "up"], { TENET_HOME: "/dev/null/tenet" });
    expect(status).toBe(1);
    expect(out).toContain('Cannot make the state folder "/dev/null/tenet"');
  });

  test("a port in use is told, and what had started is stopped", async () => {
    const other = createServer();
    await new Promise<void>((ready) => other.listen(0, "127.0.0.1", ready));
    const { port } = other.address() as { port: number };
    const { status, out } = tenet.run(
      "up",
      EXAMPLE,
      "--prefix",
      tenet.prefix,
      "--policy-port",
      "0",
      "--console-port",
      String(port),
    );
    other.close();
    expect(status).toBe(1);
    expect(out).toMatch(new RegExp(`console on 127.0.0.1:${port}[^]*--console-port`));
    expect(tenet.leftSockets()).toEqual([]);
  });

  test("a reader of the output that goes away is an end like any other", () => {
    const up = "up --hosts simulated --policy-port 0 --console-port 0";
    const { out } = run("sh", ["-c", `node packages/cli/bin/tenet.js ${up} | head -3`], { TENET_HOME: tenet.home });
    expect(out.trim()).toBe("Tenet");
    expect(tenet.leftSockets()).toEqual([]);
  });

  test.skipIf(!isInstalled("ovs-appctl"))("the databases alone start in a fresh folder, and end when told to", () => {
    const server = ["packages/cli/bin/tenet.js", "ovsdb-server", "--detach"];
    const { status, out } = run(process.execPath, server, { TENET_HOME: join(tenet.home, "fresh") });
    expect(status).toBe(0);
    expect(out.match(/\|INFO\|remote served/g)).toHaveLength(3);
    const exit = ["-T", "10", "-t", "ovsdb-server", "exit"];
    expect(run("ovs-appctl", exit, { OVS_RUNDIR: join(tenet.home, "fresh/run") })).toEqual({ status: 0, out: "" });
  });

  test.skipIf(!isInstalled("ovs-appctl"))("ovs-appctl asks the databases of a tenet up, and gives them a remote", async () => {
    await tenet.up(EXAMPLE, "--hosts", "simulated");
    const env = { OVS_RUNDIR: join(tenet.home, "run") };
    const ask = (...args: string[]) => run("ovs-appctl", ["-T", "10", "-t", "ovsdb-server", ...args], env);
    expect(ask("ovsdb-server/list-dbs").out).toBe("OVN_Northbound\nOVN_Southbound\nOpen_vSwitch\n_Server\n");
    expect(ask("version").out).toMatch(/^ovsdb-server \(Open vSwitch\) /);
    expect(ask("ovsdb-server/add-remote", "punix:all.sock")).toEqual({ status: 0, out: "" });
    expect(run("ovn-nbctl", [`--db=unix:${tenet.socket("all.sock")}`, "ls-list"]).out).toContain("(prod)");
    expect(ask("ovsdb-server/compact", "OVN_Northbound").status).toBe(0);
    expect(ask("memory/show").out).toMatch(/^atoms:\d+ cells:\d+ /);
    expect(await tenet.end("SIGINT")).toBe(0);
    expect(tenet.leftSockets()).toEqual([]);
  });

  test("what is asked of a Tenet that does not run says how to start it", () => {
    for (const command of [["status"], ["down"], ["why", "a -> b"]]) {
      const { status, out } = tenet.run(...command);
      expect(status).toBe(1);
      expect(out).toContain("tenet up");
    }
  });

  test("simulated hosts see the same network", async () => {
    await tenet.up(EXAMPLE, "--hosts", "simulated");
    expect(tenet.output).toContain("simulated inside the process");
    expect(tenet.run("why", "web1 -> db1 tcp 5432").out).toMatch(/DROPPED[^]*db-nothing-else/);
    expect(await tenet.end("SIGINT")).toBe(0);
    expect(tenet.leftSockets()).toEqual([]);
  });

  test.skipIf(!isRoot)(`simulated hosts and namespaces reach each other alike (${isRoot ? "root" : REASON})`, () => {
    const matrix = (mode: string): string => {
      const ports = ["--policy-port", "0", "--console-port", "0"];
      const { out } = tenet.run("up", EXAMPLE, "--once", "--hosts", mode, "--prefix", tenet.prefix, ...ports);
      return /REACHABILITY[^]*?\n\n/.exec(out)?.[0] ?? out;
    };
    expect(matrix("simulated")).toBe(matrix("namespaces"));
  });

  test.skipIf(!isRoot)(`after kill -9 the next start cleans up and works (${isRoot ? "root" : REASON})`, async () => {
    await tenet.up();
    await tenet.end("SIGKILL");
    expect(tenet.leftDevices().length).toBeGreaterThan(0);
    await tenet.up();
    expect(tenet.output).toContain("three-tier is up: 7 hosts");
    expect(await tenet.end("SIGTERM")).toBe(0);
    expect(tenet.leftDevices()).toEqual([]);
    expect(tenet.leftSockets()).toEqual([]);
  });

  test.skipIf(!isRoot)(`after kill -9 tenet down takes away what was left (${isRoot ? "root" : REASON})`, async () => {
    const namesIn = (folder: string, prefix: string) => readdirSync(folder).filter((name) => name.startsWith(prefix));
    const inKernel = () => [...namesIn("/sys/fs/bpf", "tenet-"), ...namesIn("/sys/class/net", `tup${tenet.pid}.`)];
    const before = inKernel();
    await tenet.up();
    await tenet.end("SIGKILL");
    const left = kernelObstacle() === undefined ? "7 hosts, flows in the kernel and \\d+ sockets" : "7 hosts and \\d+ sockets";
    expect(tenet.run("status").out).toMatch(new RegExp(`Nothing runs on .*; one that was killed has left ${left}`));
    const { status, out } = tenet.run("down");
    expect(out).toMatch(new RegExp(`^nothing ran; what one that was killed had left is gone: ${left}\n$`));
    expect(status).toBe(0);
    expect(tenet.leftDevices()).toEqual([]);
    expect(tenet.leftSockets()).toEqual([]);
    expect(inKernel()).toEqual(before);
    expect(tenet.run("down").out).not.toContain("killed");
  });

  test.skipIf(!isRoot)(
    `hosts of a lab that was killed do not outlive a start without it (${isRoot ? "root" : REASON})`,
    async () => {
      await tenet.up();
      await tenet.end("SIGKILL");
      expect(tenet.leftDevices()).not.toEqual([]);
      await tenet.up(EXAMPLE, "--hosts", "simulated");
      expect(tenet.leftDevices()).toEqual([]);
    },
  );

  test("what is asked of a Tenet that is stopped says how to end it", async () => {
    await tenet.up(EXAMPLE, "--hosts", "simulated");
    process.kill(tenet.pid, "SIGSTOP");
    const { status, out } = tenet.run("status");
    process.kill(tenet.pid, "SIGCONT");
    expect(status).toBe(1);
    expect(out).toContain(`no answer within 10 s`);
    expect(out).toContain(`kill -9 ${tenet.pid}`);
    expect(tenet.run("status").status).toBe(0);
  });

  test.skipIf(!isRoot)(`without privileges hosts are simulated, and it says why (${isRoot ? "root" : REASON})`, () => {
    const command = ["packages/cli/bin/tenet.js", "up", EXAMPLE, "--once", "--policy-port", "0", "--console-port", "0"];
    const drop = ["--bounding-set=-all", "--inh-caps=-all", process.execPath];
    const { status, out } = run("setpriv", [...drop, ...command], { TENET_HOME: tenet.home });
    expect(out).toMatch(/7 hosts, simulated inside the process[^\n]*\n +no network namespaces: .*CAP_NET_ADMIN/);
    expect(status).toBe(0);
  });

  test("what was written survives kill -9", async () => {
    await tenet.up(EXAMPLE, "--hosts", "simulated");
    const story = () => JSON.parse(tenet.run("why", "web1 -> db1 tcp 5432", "-o", "json").out);
    const { uuid, transaction } = story().cause;
    await tenet.end("SIGKILL");
    await tenet.up(EXAMPLE, "--hosts", "simulated");
    expect(story().cause).toMatchObject({ uuid, transaction });
  });
});
