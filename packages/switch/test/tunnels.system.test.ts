/** Tunnels to the kernel's own VXLAN device and to Debian's Open vSwitch, through namespaces: pings and TCP both ways. */
import { spawn } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { LiveSwitch, tool } from "./live-switch.ts";
import { Original, whyNoOriginal } from "./original-switch.ts";
import { INNER_MTU, ip, ipQuietly, PATIENCE_MS, TunnelField } from "./tunnel-field.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`tunnels.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const field = new TunnelField({ prefix: "tt", network: 200, firstPort: 20_000 });
const { far: FAR, port: PORT } = field;
const OUTER = (end: number): string => field.outer(end);
const OUTER6 = (end: number): string => field.outer6(end);
const INNER = (end: number): string => field.inner(end);

/** Lays the cables; our end of the underlay has addresses. */
function cable(): void {
  field.lay();
  ip("addr", "add", `${OUTER(1)}/24`, "dev", field.wire);
  ip("addr", "add", `${OUTER6(1)}/64`, "dev", field.wire, "nodad");
}

const inside = (namespace: string, ...command: string[]) => tool("ip", ["netns", "exec", namespace, ...command]);

let live: LiveSwitch;

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

describe.each(["user", "auto"] as const)("with datapath %s", (datapath) => {
  beforeAll(async () => {
    if (reason !== undefined) return;
    cable();
    live = await LiveSwitch.start({ datapath });
    const bridge = ["add-br", "br0", "--", "add-port", "br0", field.plug];
    expect(await live.vsctl(...bridge)).toMatchObject({ code: 0, err: "" });
  }, 60_000);

  afterAll(async () => {
    if (reason !== undefined) return;
    await live[Symbol.asyncDispose]();
    field.cleanUp();
  }, 60_000);

  describe("the kernel's VXLAN device", () => {
    afterEach(() => ipQuietly("-n", FAR, "link", "del", "vx"));

    systemTest(
      "speaks with ours: pings, TCP in bundles, and statistics in the database",
      async () => {
        ip("-n", FAR, "addr", "add", `${OUTER(2)}/24`, "dev", "under");
        field.addVxlan(OUTER, 7);
        await withTunnel(["type=vxlan", ...option(`remote_ip=${OUTER(2)} key=7 dst_port=${PORT}`)], async () => {
          await field.untilPing();
          const server = spawn("ip", ["netns", "exec", FAR, "iperf3", "-s", "-1"], { stdio: "ignore" });
          const ended = new Promise((resolve) => server.once("exit", resolve));
          const client = async (): Promise<string> =>
            (await inside(field.guest, "iperf3", "-c", INNER(2), "-n", "10M", "-J")).out;
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
        field.addVxlan(OUTER6, 8);
        await withTunnel(["type=vxlan", ...option(`remote_ip=${OUTER6(2)} key=8 dst_port=${PORT}`)], () => field.untilPing());
      },
      60_000,
    );
  });

  describe("Debian's Open vSwitch", () => {
    const options = `key=flow dst_port=${PORT + 1}`;
    let original: Original;
    const farOfctl = async (...args: string[]): Promise<void> => {
      expect(await tool("ovs-ofctl", args, { OVS_RUNDIR: original.dir })).toMatchObject({ code: 0, err: "" });
    };

    /** Its user space sends by itself: the underlay is a bridge of its own, with the address on the bridge. */
    beforeAll(async () => {
      if (reason !== undefined) return;
      original = new Original(FAR);
      await original.start();
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
      const outcome = await tool("ovs-vsctl", [`--db=unix:${original.dir}/db.sock`, "--timeout=10", ...commands]);
      expect(outcome).toMatchObject({ code: 0, err: "" });
      ip("-n", FAR, "addr", "flush", "dev", "under");
      // Or the host there answers by that device, too, for the bridge that has its address now.
      ip("netns", "exec", FAR, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1");
      ip("-n", FAR, "link", "set", "inner", "mtu", INNER_MTU);
      for (const name of ["phy", "inner"]) ip("-n", FAR, "link", "set", name, "up");
      ip("-n", FAR, "addr", "add", `${OUTER(2)}/24`, "dev", "phy");
      ip("-n", FAR, "addr", "add", `${INNER(2)}/24`, "dev", "inner");
    }, 60_000);

    afterAll(async () => {
      if (reason === undefined) await original[Symbol.asyncDispose]();
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
          await field.untilPing();
          expect((await live.appctl("dpctl/dump-flows")).out).toContain("geneve({class=0x102,type=0x80,len=4,0x4321})");
        });
      },
      60_000,
    );
  });
});
