/** Packets through `learn` here and at Debian's Open vSwitch: the same flows come of them, and go. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`learn.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const FLOWS = `
table=0,priority=9,in_port=1,tcp,actions=learn(table=10,idle_timeout=60,hard_timeout=90,fin_idle_timeout=5,fin_hard_timeout=6,priority=7,cookie=0x77,send_flow_rem,eth_type=0x800,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_IP_DST[],load:NXM_OF_IP_DST[]->NXM_NX_REG1[],output:NXM_OF_IN_PORT[])
table=0,priority=9,in_port=2,actions=learn(table=11,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],load:0x1234->NXM_NX_XXREG1[8..23])
table=0,priority=9,in_port=3,actions=learn(table=12,limit=2,result_dst=reg0[0],cookie=0x12,eth_dst=eth_src),resubmit(,1)
table=1,reg0=1,actions=learn(table=13,delete_learned,cookie=0x13,in_port=LOCAL,eth_dst=eth_src,reg0[3..7]=5,load:7->NXM_NX_REG3[])
table=1,reg0=0,actions=learn(table=14,NXM_OF_IN_PORT[],output:NXM_OF_IN_PORT[])
`;

/** A frame as `netdev-dummy/receive` reads it. */
function frameFrom(mac: number, vlan = ""): string {
  const link = `in_port(1),eth(src=02:00:00:00:00:0${mac},dst=02:00:00:00:00:0a)`;
  const tail =
    "eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,tos=0,ttl=64,frag=no),tcp(src=1024,dst=80),tcp_flags(ack)";
  return vlan === "" ? `${link},${tail}` : `${link},eth_type(0x8100),vlan(vid=${vlan},pcp=2),encap(${tail})`;
}

const PACKETS: readonly (readonly [port: string, frame: string])[] = [
  ["p1", frameFrom(1)],
  ["p1", frameFrom(1)],
  ["p2", frameFrom(2)],
  ["p2", frameFrom(2, "7")],
  ["p3", frameFrom(3)],
  ["p3", frameFrom(4)],
  ["p3", frameFrom(5)],
];

systemTest("packets teach the flows that they teach the original", async () => {
  await using pair = await SideBySide.start();
  pair.writeFile("flows.txt", FLOWS);
  const [theirs, ours] = await pair.run("ovs-ofctl", "add-flows", "DIR/br0.mgmt", "DIR/flows.txt");
  expect(ours).toBe(theirs);
  const dump = (): Promise<[string, string]> =>
    pair.run("ovs-ofctl", "--no-stats", "--sort=priority", "dump-flows", "DIR/br0.mgmt");
  for (const [port, frame] of PACKETS) await pair.run("ovs-appctl", "netdev-dummy/receive", port, frame);
  await expect.poll(async () => linesOf(await dump()), { timeout: 20_000 }).toEqual([13, 13]);
  expectSame(await dump());
  await pair.run("ovs-ofctl", "del-flows", "DIR/br0.mgmt", "table=1,reg0=1/0xffffffff");
  await expect.poll(async () => linesOf(await dump()), { timeout: 20_000 }).toEqual([10, 10]);
  expectSame(await dump());
});

function linesOf(outputs: readonly string[]): number[] {
  return outputs.map((output) => output.trimEnd().split("\n").length);
}

function expectSame([theirs, ours]: readonly [string, string]): void {
  const sorted = (output: string): string[] => output.trimEnd().split("\n").sort();
  expect(sorted(ours)).toEqual(sorted(theirs));
}
