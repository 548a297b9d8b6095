/** Tunnels to the kernel's own VXLAN device and to Debian's Open vSwitch, through namespaces: pings and TCP both ways. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LiveSwitch, tool, until, whyNot } from "./live-switch.ts";

const reason = whyNot() ?? (existsSync("/usr/sbin/ovs-vswitchd") ? undefined : "needs ovs-vswitchd");
if (reason !== undefined) console.log(`tunnels.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

/** Runs that share the machine have names, networks and UDP ports of their own. */
const RUN = process.pid % 200;
const PORT = 20_000 + RUN * 10;
const [GUEST, FAR] = [`ttg${RUN}`, `ttf${RUN}`];
const OUTER = (end: number): string => `10.20${RUN % 5}.${RUN}.${end}`;
const OUTER6 = (end: number): string => `fd77:${RUN}::${end}`;
const INNER = (end: number): string => `10.21${RUN % 5}.${RUN}.${end}`;
/** The outer headers take 70 bytes over IPv6, and some for options. */
const INNER_MTU = "1400";
const PATIENCE_MS = 20_000;

const ip = (...args: string[]): void => void execFileSync("ip", args, { stdio: "ignore" });
const ipQuietly = (...args: string[]): void => {
  try {
    ip(...args);
  } catch {
    // It is not there.
  }
};

function cleanUp(): void {
  for (const name of [GUEST, FAR]) ipQuietly("netns", "del", name);
  for (const name of [`ttgv${RUN}`, `ttfv${RUN}`]) ipQuietly("link", "del", name);
}

/** The other end of the underlay in a namespace, and a guest that is plugged into our bridge. */
function cable(): void {
  cleanUp();
  for (const name of [GUEST, FAR]) ip("netns", "add", name);
  ip("link", "add", `ttfv${RUN}`, "type", "veth", "peer", "name", "under", "netns", FAR);
  ip("link", "add", `ttgv${RUN}`, "type", "veth", "peer", "name", "eth0", "netns", GUEST);
  ip("addr", "add", `${OUTER(1)}/24`, "dev", `ttfv${RUN}`);
  ip("addr", "add", `${OUTER6(1)}/64`, "dev", `ttfv${RUN}`, "nodad");
  for (const name of [`ttfv${RUN}`, `ttgv${RUN}`]) ip("link", "set", name, "up");
  ip("-n", GUEST, "addr", "add", `${INNER(1)}/24`, "dev", "eth0");
  ip("-n", GUEST, "link", "set", "eth0", "mtu", INNER_MTU, "up");
  ip("-n", FAR, "link", "set", "lo", "up");
  ip("-n", FAR, "link", "set", "under", "up");
}

const inside = (namespace: string, ...command: string[]) => tool("ip", ["netns", "exec", namespace, ...command]);

/** The far ends have other MAC addresses than in the test before. */
async function untilPing(): Promise<void> {
  ip("-n", GUEST, "neigh", "flush", "all");
  ip("neigh", "flush", "dev", `ttfv${RUN}`);
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const { code, out } = await inside(GUEST, "ping", "-n", "-c", "1", "-W", "1", INNER(2));
    if (code === 0) return;
    if (Date.now() > end) throw new Error(out);
  }
}

let live: LiveSwitch;

beforeAll(async () => {
  if (reason !== undefined) return;
  cable();
  live = await LiveSwitch.start();
  const bridge = ["add-br", "br0", "--", "add-port", "br0", `ttgv${RUN}`];
  expect(await live.vsctl(...bridge)).toMatchObject({ code: 0, err: "" });
}, 60_000);

afterAll(async () => {
  if (reason !== undefined) return;
  await live[Symbol.asyncDispose]();
  cleanUp();
}, 60_000);

/** Gives our bridge a tunnel for the time of a test. */
async function withTunnel(options: readonly string[], run: () => Promise<void>): Promise<void> {
  const settings = ["--", "set", "Interface", "tun0", ...options];
  expect(await live.vsctl("add-port", "br0", "tun0", ...settings)).toMatchObject({ code: 0, err: "" });
  try {
    await run();
  } finally {
    expect(await live.vsctl("del-port", "tun0")).toMatchObject({ code: 0 });
  }
}

const option = (text: string): string[] => text.split(" ").map((pair) => `options:${pair}`);

describe("the kernel's VXLAN device", () => {
  const device = (...args: string[]): void => {
    ipQuietly("-n", FAR, "link", "del", "vx");
    ip("-n", FAR, "link", "add", "vx", "type", "vxlan", ...args, "dstport", String(PORT));
    ip("-n", FAR, "addr", "add", `${INNER(2)}/24`, "dev", "vx");
    ip("-n", FAR, "link", "set", "vx", "mtu", INNER_MTU, "up");
  };

  systemTest(
    "speaks with ours: pings, TCP in bundles, and statistics in the database",
    async () => {
      ip("-n", FAR, "addr", "add", `${OUTER(2)}/24`, "dev", "under");
      device("id", "7", "local", OUTER(2), "remote", OUTER(1));
      await withTunnel(["type=vxlan", ...option(`remote_ip=${OUTER(2)} key=7 dst_port=${PORT}`)], async () => {
        await untilPing();
        const server = spawn("ip", ["netns", "exec", FAR, "iperf3", "-s", "-1"], { stdio: "ignore" });
        const ended = new Promise((resolve) => server.once("exit", resolve));
        const client = async (): Promise<string> => (await inside(GUEST, "iperf3", "-c", INNER(2), "-n", "10M", "-J")).out;
        const end = Date.now() + PATIENCE_MS;
        for (let out = await client(); out.includes('"error"'); out = await client()) {
          if (Date.now() > end) throw new Error(out);
        }
        await ended;
        const sent = async (): Promise<number> =>
          Number((await live.vsctl("get", "Interface", "tun0", "statistics:tx_bytes")).out);
        await vi.waitFor(async () => expect(await sent()).toBeGreaterThan(1_000_000), { timeout: PATIENCE_MS, interval: 500 });
        expect((await live.appctl("dpif/show")).out).toContain(`tun0 2/`);
        expect((await live.appctl("dpctl/dump-flows")).out).toMatch(
          new RegExp(`set\\(tunnel\\(tun_id=0x7,dst=${OUTER(2)},ttl=64,tp_dst=${PORT},flags\\(df\\|key\\)\\)\\)`),
        );
      });
    },
    90_000,
  );

  systemTest(
    "speaks with ours over IPv6",
    async () => {
      ip("-n", FAR, "addr", "add", `${OUTER6(2)}/64`, "dev", "under", "nodad");
      device("id", "8", "local", OUTER6(2), "remote", OUTER6(1));
      await withTunnel(["type=vxlan", ...option(`remote_ip=${OUTER6(2)} key=8 dst_port=${PORT}`)], untilPing);
    },
    60_000,
  );
});

describe("Debian's Open vSwitch", () => {
  const options = `key=flow dst_port=${PORT + 1}`;
  const dir = reason === undefined ? mkdtempSync(join(tmpdir(), "tenet-far-")) : "";
  const env = { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir };
  const children: ReturnType<typeof spawn>[] = [];
  const launch = (program: string, ...args: string[]): void => {
    const command = ["netns", "exec", FAR, program, "--pidfile", ...args];
    children.push(spawn("ip", command, { env, cwd: dir, stdio: "ignore" }));
  };
  const farOfctl = async (...args: string[]): Promise<void> => {
    expect(await tool("ovs-ofctl", args, { OVS_RUNDIR: dir })).toMatchObject({ code: 0, err: "" });
  };

  /** Its user space sends by itself: the underlay is a bridge of its own, with the address on the bridge. */
  beforeAll(async () => {
    if (reason !== undefined) return;
    execFileSync("ovsdb-tool", ["create", "conf.db", "/usr/share/openvswitch/vswitch.ovsschema"], { env, cwd: dir });
    launch("ovsdb-server", "conf.db", `--remote=punix:${dir}/db.sock`);
    await until(() => existsSync(join(dir, "db.sock")));
    launch("/usr/sbin/ovs-vswitchd", `unix:${dir}/db.sock`);
    const bridge = (name: string): string[] => ["--", "add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev"];
    const settings = ["type=geneve", ...option(`remote_ip=${OUTER(1)} ${options}`)];
    const tunnel = ["--", "add-port", "inner", "tun0", "--", "set", "Interface", "tun0", ...settings];
    const commands = [
      "init",
      ...bridge("phy"),
      "--",
      "add-port",
      "phy",
      "under",
      ...bridge("inner"),
      "fail_mode=secure",
      ...tunnel,
    ];
    const outcome = await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", ...commands]);
    expect(outcome).toMatchObject({ code: 0, err: "" });
    ipQuietly("-n", FAR, "link", "del", "vx");
    ip("-n", FAR, "addr", "flush", "dev", "under");
    ip("-n", FAR, "link", "set", "inner", "mtu", INNER_MTU);
    for (const name of ["phy", "inner"]) ip("-n", FAR, "link", "set", name, "up");
    ip("-n", FAR, "addr", "add", `${OUTER(2)}/24`, "dev", "phy");
    ip("-n", FAR, "addr", "add", `${INNER(2)}/24`, "dev", "inner");
  }, 60_000);

  afterAll(async () => {
    for (const child of children.reverse()) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGTERM")) await ended;
    }
    if (dir !== "") rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  systemTest(
    "takes options of our Geneve headers, and we take its",
    async () => {
      const map = "{class=0x102,type=0x80,len=4}->tun_metadata0";
      await withTunnel(["type=geneve", ...option(`remote_ip=${OUTER(2)} ${options}`)], async () => {
        for (const args of [
          ["add-tlv-map", "br0", map],
          ["del-flows", "br0"],
          ["add-flow", "br0", "in_port=1,actions=set_tunnel:9,set_field:0x1234->tun_metadata0,output:tun0"],
          ["add-flow", "br0", "in_port=tun0,tun_id=9,tun_metadata0=0x4321,actions=output:1"],
        ]) {
          expect(await live.ofctl(...args)).toMatchObject({ code: 0, err: "" });
        }
        await farOfctl("add-tlv-map", "inner", map);
        await farOfctl("add-flow", "inner", "in_port=LOCAL,actions=set_tunnel:9,set_field:0x4321->tun_metadata0,output:tun0");
        await farOfctl("add-flow", "inner", "in_port=tun0,tun_id=9,tun_metadata0=0x1234,actions=LOCAL");
        await untilPing();
        expect((await live.appctl("dpctl/dump-flows")).out).toContain("geneve({class=0x102,type=0x80,len=4,0x4321})");
      });
    },
    60_000,
  );
});
