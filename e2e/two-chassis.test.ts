/** Two hypervisors, each a switch and a controller of its own in a network namespace, and one southbound database. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { isInstalled, MODE, REASON, run } from "./support/tenet.ts";

const missing = ["ovn-nbctl", "ovs-vsctl", "ovs-appctl", "ip", "ping", "iperf3"].filter((name) => !isInstalled(name));
const canRun = MODE === "namespaces" && missing.length === 0;
const BIN = resolve("packages/cli/bin/tenet.js");
const PATIENCE = { timeout: 30_000, interval: 200 };
/** Outer headers take 50 bytes, and OVN's Geneve option 8. */
const GUEST_MTU = "1440";

describe.skipIf(!canRun)(`two chassis (${canRun ? "root" : `skipped: ${[REASON, ...missing].join(" ")}`})`, () => {
  const home = mkdtempSync(join(tmpdir(), "tenet-chassis-"));
  const children: ChildProcess[] = [];
  const namespaces = ["hv1", "hv2", "vm1", "vm2"].map((name) => `t2c-${name}`);
  const nbctl = (...args: string[]) => run("ovn-nbctl", [`--db=unix:${home}/central/run/nb.sock`, "--timeout=20", ...args]);
  const vsctl = (n: number, ...args: string[]) =>
    run("ovs-vsctl", [`--db=unix:${home}/hv${n}/run/db.sock`, "--timeout=10", ...args]);
  const ip = (...args: string[]): void => expect(run("ip", args)).toMatchObject({ status: 0 });
  const inside = (namespace: string, ...command: string[]) => run("ip", ["netns", "exec", `t2c-${namespace}`, ...command]);

  const start = (place: string, ...args: string[]): void => {
    const command = [process.execPath, BIN, ...args];
    const [program = "", ...rest] = place === "central" ? command : ["ip", "netns", "exec", `t2c-${place}`, ...command];
    children.push(spawn(program, rest, { env: { ...process.env, TENET_HOME: join(home, place) }, stdio: "ignore" }));
  };

  const removeNamespaces = (): void => {
    for (const name of namespaces) run("ip", ["netns", "del", name]);
  };

  beforeAll(async () => {
    removeNamespaces();
    for (const name of namespaces) ip("netns", "add", name);
    ip("link", "add", "under", "netns", "t2c-hv1", "type", "veth", "peer", "name", "under", "netns", "t2c-hv2");
    for (const n of [1, 2]) {
      const [hv, vm] = [`t2c-hv${n}`, `t2c-vm${n}`];
      ip("-n", hv, "link", "set", "lo", "up");
      ip("-n", hv, "addr", "add", `192.168.77.${n}/24`, "dev", "under");
      ip("-n", hv, "link", "set", "under", "up");
      ip("link", "add", `v${n}`, "netns", hv, "type", "veth", "peer", "name", "eth0", "netns", vm);
      ip("-n", hv, "link", "set", `v${n}`, "up");
      ip("-n", vm, "link", "set", "eth0", "address", `0a:00:00:00:00:0${n}`, "mtu", GUEST_MTU, "up");
      ip("-n", vm, "addr", "add", `10.77.0.${n}/24`, "dev", "eth0");
    }
    start("central", "ovsdb-server");
    start("central", "northd");
    await vi.waitUntil(() => existsSync(join(home, "central/run/nb.sock")), PATIENCE);
    for (const n of [1, 2]) start(`hv${n}`, "ovsdb-server");
    for (const n of [1, 2]) {
      await vi.waitUntil(() => existsSync(join(home, `hv${n}`, "run", "db.sock")), PATIENCE);
      const ids = [`system-id=chassis-${n}`, "ovn-encap-type=geneve", `ovn-encap-ip=192.168.77.${n}`];
      const settings = ids.map((id) => `external_ids:${id}`);
      expect(vsctl(n, "--no-wait", "init", "--", "set", "Open_vSwitch", ".", ...settings)).toMatchObject({ status: 0 });
      start(`hv${n}`, "vswitchd");
      start(`hv${n}`, "controller", "--sb", `unix:${home}/central/run/sb.sock`);
    }
  }, 90_000);

  afterAll(async () => {
    for (const child of children) {
      const ended = new Promise((done) => child.once("exit", done));
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await ended;
    }
    removeNamespaces();
    rmSync(home, { recursive: true, force: true });
  });

  test("a logical switch spans both: its ports reach each other through a Geneve tunnel", async () => {
    const addPort = (n: number): string[] => {
      const port = `port${n}`;
      return ["--", "lsp-add", "sw", port, "--", "lsp-set-addresses", port, `0a:00:00:00:00:0${n} 10.77.0.${n}`];
    };
    expect(nbctl("ls-add", "sw", ...addPort(1), ...addPort(2))).toMatchObject({ status: 0 });
    for (const n of [1, 2]) {
      await vi.waitFor(() => expect(vsctl(n, "br-exists", "br-int")).toMatchObject({ status: 0 }), PATIENCE);
      const plug = ["add-port", "br-int", `v${n}`, "--", "set", "Interface", `v${n}`, `external_ids:iface-id=port${n}`];
      expect(vsctl(n, ...plug)).toMatchObject({ status: 0 });
    }
    expect(nbctl("wait-until", "Logical_Switch_Port", "port2", "up=true")).toMatchObject({ status: 0 });
    await vi.waitFor(() => {
      expect(inside("vm1", "ping", "-n", "-c", "1", "-W", "1", "10.77.0.2")).toMatchObject({ status: 0 });
    }, PATIENCE);
    expect(vsctl(1, "get", "Interface", "ovn-chassi-0", "options:remote_ip").out.trim()).toBe('"192.168.77.2"');
    const flows = run("ovs-appctl", ["--timeout=10", "dpctl/dump-flows"], { OVS_RUNDIR: join(home, "hv1", "run") });
    expect(flows.out).toMatch(
      /set\(tunnel\(tun_id=0x1,dst=192\.168\.77\.2,ttl=64,tp_dst=6081,geneve\(\{class=0x102,type=0x80,len=4,0x/,
    );
    expect(flows.out).toMatch(
      /tunnel\(tun_id=0x1,src=192\.168\.77\.2,dst=192\.168\.77\.1,geneve\(\{class=0x102,type=0x80,len=4,0x/,
    );
  }, 90_000);

  test("TCP goes across in bundles", async () => {
    const server = spawn("ip", ["netns", "exec", "t2c-vm2", "iperf3", "-s", "-1"], { stdio: "ignore" });
    children.push(server);
    await vi.waitFor(() => {
      expect(inside("vm1", "iperf3", "-c", "10.77.0.2", "-n", "20M", "-J")).toMatchObject({ status: 0 });
    }, PATIENCE);
    const statistics = (): number => Number(vsctl(1, "get", "Interface", "ovn-chassi-0", "statistics:tx_bytes").out);
    await vi.waitFor(() => expect(statistics()).toBeGreaterThan(5_000_000), PATIENCE);
  }, 60_000);

  test("when a machine goes, so does the tunnel to it", async () => {
    const controller = children.findLast(({ spawnargs }) => spawnargs.includes("controller"));
    controller?.kill("SIGTERM");
    await vi.waitFor(() => expect(vsctl(1, "list-ports", "br-int").out).not.toContain("ovn-chassi"), PATIENCE);
    await vi.waitFor(() => {
      expect(inside("vm1", "ping", "-n", "-c", "1", "-W", "1", "10.77.0.2").status).not.toBe(0);
    }, PATIENCE);
  }, 60_000);
});
