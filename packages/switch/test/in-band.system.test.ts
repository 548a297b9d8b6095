/** Control connections through the bridge they control, and names of datapaths, as with Debian's switch. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { inBandFlows } from "../src/controller/in-band-flows.ts";
import { LinuxNetwork } from "../src/tunnel/host-network.ts";
import { LiveHost, tool, until } from "./live-switch.ts";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`in-band.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

/** A trace without its megaflow, which matches on fewer bits here, without what only the original remarks, and with numbers of ports of the datapath all alike. */
const story = (trace: string): string =>
  trace
    .replace(/^Megaflow: .*\n/m, "")
    .replace(/^.*outputting DHCP packet.*\n/m, "")
    .replace(/^Datapath actions: .*$/m, (line) => line.replace(/\d+/g, "N"));
const lines = (text: string): string[] => text.trim().split("\n").sort();

/** Configures both, and waits until both have the same hidden flows, so many. */
async function configure(pair: SideBySide, nHidden: number, ...args: string[]): Promise<void> {
  for (const dir of pair.dirs)
    expect(await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", ...args])).toMatchObject({ err: "" });
  let both: string[][] = [];
  await until(async () => {
    both = (await pair.run("ovs-appctl", "bridge/dump-flows", "br0")).map(lines);
    return both.every((flows) => flows.filter((flow) => flow.includes("priority=1800")).length === nHidden);
  });
  expect(both[1]).toEqual(both[0]);
}

systemTest(
  "controllers and managers are reached through a bridge whose flows drop everything",
  async () => {
    await using pair = await SideBySide.start();
    await configure(
      pair,
      13,
      "set-controller",
      "br0",
      "tcp:10.0.0.9",
      "ssl:10.0.0.9:7000",
      "ptcp:0",
      "--",
      "set-manager",
      "tcp:10.0.0.8",
    );
    for (const flow of [
      "in_port=p1,arp,arp_op=2,arp_tpa=10.0.0.9",
      "in_port=p1,arp,arp_op=1,arp_spa=10.0.0.9",
      "in_port=p1,arp,arp_op=1,arp_spa=10.0.0.7",
      "in_port=LOCAL,arp,arp_op=1,dl_src=02:00:00:00:00:aa",
      "in_port=p2,tcp,nw_src=10.0.0.9,tcp_src=7000",
      "in_port=p2,tcp,nw_src=10.0.0.9,tcp_src=7001",
      "in_port=LOCAL,tcp,nw_dst=10.0.0.9,tcp_dst=6653",
      "in_port=LOCAL,udp,dl_src=02:00:00:00:00:aa,udp_src=68,udp_dst=67",
      "in_port=p3,udp,udp_src=67,udp_dst=68",
      "in_port=p3,udp,udp_src=67,udp_dst=69",
      "in_port=p3,icmp",
    ]) {
      const [theirs, ours] = await pair.run("ovs-appctl", "ofproto/trace", "br0", flow);
      expect(story(ours), flow).toBe(story(theirs));
    }
    await pair.run("ovs-ofctl", "del-flows", "br0");
    await configure(pair, 13, "set", "Bridge", "br0", "other-config:in-band-queue=3");
    await configure(
      pair,
      11,
      "set-controller",
      "br0",
      "tcp:10.0.0.9",
      "--",
      "set",
      "Controller",
      "br0",
      "connection_mode=in-band",
    );
    await configure(pair, 7, "set", "Controller", "br0", "connection_mode=out-of-band");
    await configure(pair, 0, "set", "Bridge", "br0", "other-config:disable-in-band=true");
  },
  120_000,
);

systemTest("commands refuse datapaths that are not there", async () => {
  await using pair = await SideBySide.start();
  for (const command of [
    "dump-conntrack",
    "ct-stats-show",
    "ct-get-nconns",
    "ct-get-maxconns",
    "dump-flows",
    "flush-conntrack",
    "ct-get-limits",
  ]) {
    for (const args of [["nosuch"], ["dummy@ovs-dummy"]]) {
      const [theirs, ours] = await pair.run("ovs-appctl", `dpctl/${command}`, ...args);
      if (args[0] === "nosuch") expect(ours, command).toBe(theirs);
      else expect(ours, command).not.toContain("error");
    }
  }
  for (const args of [["nosuch"], ["nosuch", "5"]]) {
    const [theirs, ours] = await pair.run("ovs-appctl", "dpctl/ct-set-maxconns", ...args);
    expect(ours).toBe(theirs);
  }
});

systemTest("the Ethernet address of a neighbour is what the host's table says", () => {
  using host = new LiveHost(1);
  using network = new LinuxNetwork();
  const neighbor = [0, 0, 0xffff, 0x0a61_004d] as const;
  expect(network.macOf(neighbor)).toBeUndefined();
  execFileSync("ip", ["neigh", "add", "10.97.0.77", "lladdr", "0a:00:00:00:00:77", "nud", "permanent", "dev", host.port]);
  expect(network.macOf(neighbor)).toBe(0x0a0000000077);
});

test("the next hop of a controller has flows of its own as soon as it is known, each only once", () => {
  const remote = { address: 0x0a000009, port: 6653, nextHopMac: 0x0a0000000001 };
  const flows = inBandFlows(0x020000000001, [remote, { ...remote, port: 6654 }]);
  expect(flows.map(({ priority }) => priority)).toEqual([
    180_000, 180_001, 180_002, 180_003, 180_004, 180_005, 180_006, 180_007, 180_007, 180_008, 180_008,
  ]);
  expect(inBandFlows(0x020000000001, [])).toEqual([]);
});
