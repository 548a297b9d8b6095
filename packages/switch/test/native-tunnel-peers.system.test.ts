/**
 * Tunnels through a bridge of ours to the kernel's VXLAN device, whose packets come in fragments, and to Debian's Open vSwitch
 * by all protocols over IPv4 and IPv6.
 */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LiveSwitch, ownName, tool } from "./live-switch.ts";
import { Original, whyNoOriginal } from "./original-switch.ts";
import { INNER_MTU, ip, TunnelField } from "./tunnel-field.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`native-tunnel-peers.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const field = new TunnelField({ prefix: "tnp", network: 220, firstPort: 26_000 });
const { far: FAR, port: PORT, wire: WIRE } = field;
const [OUTSIDE, INSIDE] = [ownName("out"), ownName("in")];
const OUTER = (end: number): string => field.outer(end);
const OUTER6 = (end: number): string => field.outer6(end);

/** A wire to the far namespace and a guest, both plugged into bridges of ours, and our end's addresses on the outer one. */
async function plugIn(live: LiveSwitch): Promise<void> {
  field.lay();
  // The kernel sees the wire too; it is not to answer for addresses that are elsewhere.
  execFileSync("sysctl", ["-qw", `net.ipv4.conf.${WIRE}.arp_ignore=1`]);
  const bridge = (name: string, port: string): string[] => {
    const type = ["--", "set", "Bridge", name, "datapath_type=netdev"];
    return ["--", "add-br", name, ...type, "--", "add-port", name, port];
  };
  const outcome = await live.vsctl("init", ...bridge(OUTSIDE, WIRE), ...bridge(INSIDE, field.plug));
  expect(outcome).toMatchObject({ code: 0, err: "" });
  ip("addr", "add", `${OUTER(1)}/24`, "dev", OUTSIDE);
  ip("addr", "add", `${OUTER6(1)}/64`, "dev", OUTSIDE, "nodad");
  ip("link", "set", OUTSIDE, "up");
}

let live: LiveSwitch;

beforeAll(async () => {
  if (reason !== undefined) return;
  live = await LiveSwitch.start();
  await plugIn(live);
}, 60_000);

afterAll(async () => {
  if (reason !== undefined) return;
  await live[Symbol.asyncDispose]();
  field.cleanUp();
}, 60_000);

/** Gives our inner bridge a tunnel for the time of a test, in which its packets must go through the outer bridge. */
async function withTunnel(settings: readonly string[], run: () => Promise<void>): Promise<void> {
  expect(await live.vsctl("add-port", INSIDE, "tun0", "--", "set", "Interface", "tun0", ...settings)).toMatchObject({ err: "" });
  try {
    await run();
    const flows = (await live.appctl("dpctl/dump-flows")).out;
    expect(flows).toContain("tnl_push");
    expect(flows).toContain("tnl_pop");
  } finally {
    expect(await live.vsctl("del-port", "tun0")).toMatchObject({ code: 0 });
  }
}

systemTest(
  "the kernel's VXLAN device speaks with ours, in fragments where its wire is narrow",
  async () => {
    ip("-n", FAR, "addr", "add", `${OUTER(2)}/24`, "dev", "under");
    field.addVxlan(OUTER, 7);
    const options = [`remote_ip=${OUTER(2)}`, "key=7", `dst_port=${PORT}`].map((pair) => `options:${pair}`);
    await withTunnel(["type=vxlan", ...options], async () => {
      await field.untilPing();
      ip("-n", FAR, "route", "change", `${OUTER(0)}/24`, "dev", "under", "mtu", "lock", "700");
      await field.untilPing("-s", "1300");
      expect((await live.appctl("dpctl/dump-flows")).out).toMatch(/frag=later.*actions:reassemble/);
    });
    ip("-n", FAR, "link", "del", "vx");
  },
  60_000,
);

systemTest(
  "Debian's Open vSwitch speaks with ours by Geneve, VXLAN and GRE, over IPv4 and IPv6, with and without checksums",
  async () => {
    ip("-n", FAR, "addr", "flush", "dev", "under");
    await using far = new Original(FAR);
    await far.start();
    const farVsctl = async (...args: string[]): Promise<void> => {
      const outcome = await tool("ovs-vsctl", [`--db=unix:${far.dir}/db.sock`, "--timeout=10", ...args]);
      expect(outcome).toMatchObject({ code: 0, err: "" });
    };
    const bridge = (name: string): string[] => ["--", "add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev"];
    await farVsctl("init", ...bridge("phy"), "--", "add-port", "phy", "under", ...bridge("inner"));
    execFileSync("ip", ["netns", "exec", FAR, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1"]);
    ip("-n", FAR, "addr", "add", `${OUTER(2)}/24`, "dev", "phy");
    ip("-n", FAR, "addr", "add", `${OUTER6(2)}/64`, "dev", "phy", "nodad");
    ip("-n", FAR, "addr", "add", `${field.inner(2)}/24`, "dev", "inner");
    ip("-n", FAR, "link", "set", "inner", "mtu", INNER_MTU);
    for (const name of ["phy", "inner"]) ip("-n", FAR, "link", "set", name, "up");
    for (const [type, dstPort] of [
      ["geneve", `options:dst_port=${PORT + 1}`],
      ["vxlan", `options:dst_port=${PORT + 2}`],
      ["gre", "options:df_default=true"],
    ] as const) {
      for (const [address, checksum] of [
        [OUTER, "false"],
        [OUTER, "true"],
        [OUTER6, "true"],
      ] as const) {
        const settings = [`type=${type}`, dstPort, "options:key=9", `options:csum=${checksum}`];
        await farVsctl(
          "add-port",
          "inner",
          "tun0",
          "--",
          "set",
          "Interface",
          "tun0",
          ...settings,
          `options:remote_ip=${address(1)}`,
        );
        await withTunnel([...settings, `options:remote_ip=${address(2)}`], () => field.untilPing());
        await farVsctl("del-port", "tun0");
      }
    }
  },
  120_000,
);
