/** Tunnels in the kernel to Debian's Open vSwitch, by all protocols over IPv4 and IPv6, with and without outer checksums. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { kernelObstacle } from "@tenet/datapath";
import { LiveSwitch, tool } from "./live-switch.ts";
import { Original, whyNoOriginal } from "./original-switch.ts";
import { INNER_MTU, ip, PATIENCE_MS, TunnelField } from "./tunnel-field.ts";

const reason = whyNoOriginal() ?? kernelObstacle()?.reason ?? (existsSync("/usr/sbin/ethtool") ? undefined : "needs ethtool");
if (reason !== undefined) console.log(`kernel-tunnel-peers.system.test.ts: skipped, ${reason}`);

const field = new TunnelField({ prefix: "tkp", network: 180, firstPort: 28_000 });
const { far: FAR, port: PORT } = field;
const TYPES = { geneve: PORT + 1, vxlan: PORT + 2, gre: 0 } as const;
const OUTER = {
  IPv4: (end: number): string => field.outer(end),
  IPv6: (end: number): string => field.outer6(end),
} as const;

let live: LiveSwitch;
let original: Original;

/** The original's user space sends by itself: the underlay is a bridge of its own, with the addresses on the bridge. */
async function startOriginal(): Promise<void> {
  original = new Original(FAR);
  await original.start();
  const bridge = (name: string): string[] => ["--", "add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev"];
  await farVsctl("init", ...bridge("phy"), "--", "add-port", "phy", "under", ...bridge("inner"));
  execFileSync("ip", ["netns", "exec", FAR, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1"]);
  ip("-n", FAR, "addr", "add", `${field.outer(2)}/24`, "dev", "phy");
  ip("-n", FAR, "addr", "add", `${field.outer6(2)}/64`, "dev", "phy", "nodad");
  ip("-n", FAR, "addr", "add", `${field.inner(2)}/24`, "dev", "inner");
  ip("-n", FAR, "link", "set", "inner", "mtu", INNER_MTU);
  for (const name of ["phy", "inner"]) ip("-n", FAR, "link", "set", name, "up");
}

async function farVsctl(...args: string[]): Promise<void> {
  const outcome = await tool("ovs-vsctl", [`--db=unix:${original.dir}/db.sock`, "--timeout=10", ...args]);
  expect(outcome).toMatchObject({ code: 0, err: "" });
}

/** Pings through the tunnel until both ways are in the kernel. */
async function untilInKernel(): Promise<void> {
  await vi.waitFor(
    async () => {
      await field.untilPing("-s", "1200");
      const flows = (await live.appctl("dpctl/dump-flows")).out;
      const { nFlowsInKernel } = JSON.parse((await live.appctl("tenet/datapath")).out) as { nFlowsInKernel: number };
      expect(flows).toMatch(/eth_type\(0x0800\).*set\(tunnel/);
      expect(nFlowsInKernel).toBeGreaterThanOrEqual(2);
    },
    { timeout: PATIENCE_MS, interval: 100 },
  );
}

describe.skipIf(reason !== undefined)("tunnels in the kernel", () => {
  beforeAll(async () => {
    field.lay();
    // The original does not see what a sender on the same machine leaves to do.
    execFileSync("ethtool", ["-K", field.wire, "tx", "off"], { stdio: "ignore" });
    ip("addr", "add", `${field.outer(1)}/24`, "dev", field.wire);
    ip("addr", "add", `${field.outer6(1)}/64`, "dev", field.wire, "nodad");
    live = await LiveSwitch.start({ datapath: "ebpf" });
    expect(await live.vsctl("add-br", "br0", "--", "add-port", "br0", field.plug)).toMatchObject({ code: 0, err: "" });
    await startOriginal();
  }, 60_000);

  afterAll(async () => {
    await live[Symbol.asyncDispose]();
    await original[Symbol.asyncDispose]();
    field.cleanUp();
  }, 60_000);

  const cases = (["geneve", "vxlan", "gre"] as const).flatMap((type) =>
    (["IPv4", "IPv6"] as const).flatMap((family) => [false, true].map((hasChecksum) => ({ type, family, hasChecksum }))),
  );

  test.each(cases)("speak $type over $family with the original, outer checksums: $hasChecksum", async (row) => {
    const { type, family, hasChecksum } = row;
    const options = (end: number): string[] => [
      `type=${type === "gre" && family === "IPv6" && end === 2 ? "ip6gre" : type}`,
      ...(TYPES[type] === 0 ? [] : [`options:dst_port=${TYPES[type]}`]),
      ...["key=9", `csum=${hasChecksum}`, `remote_ip=${OUTER[family](end)}`].map((pair) => `options:${pair}`),
    ];
    const tunnel = (bridge: string, end: number): string[] => {
      return ["add-port", bridge, "tun0", "--", "set", "Interface", "tun0", ...options(end)];
    };
    await farVsctl(...tunnel("inner", 1));
    expect(await live.vsctl(...tunnel("br0", 2))).toMatchObject({ code: 0, err: "" });
    await untilInKernel();
    await farVsctl("del-port", "tun0");
    expect(await live.vsctl("del-port", "tun0")).toMatchObject({ code: 0, err: "" });
  });
});
