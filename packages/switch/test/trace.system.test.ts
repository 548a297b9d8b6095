/** ofproto/trace by the real ovs-appctl: this switch and Debian's print the same. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`trace.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

systemTest("a trace shows ports by their names when it is asked to, in flows and in actions", { timeout: 60_000 }, async () => {
  await using pair = await SideBySide.start();
  for (const flow of ["in_port=1,ip,actions=clone(set_field:1.1.1.1->ip_dst,2),resubmit(3,1)", "table=1,in_port=3,actions=p3"]) {
    await pair.run("ovs-ofctl", "add-flow", "br0", flow);
  }
  const traces = await pair.run("ovs-appctl", "ofproto/trace", "--names", "br0", "in_port=p1,tcp,nw_dst=9.9.9.9");
  const [theirs, ours] = traces.map((trace) => trace.replace(/^Megaflow: .*/m, "")); // ours may match on less
  expect(theirs).toContain("output:p2");
  expect(ours).toBe(theirs);
});

const FRAME = "50540000000a50540000000908004500001c0000000000112fda0a0000010a00000200350035000895d6";
/** Control commands, most of which cannot be carried out. */
const ARGUMENTS: readonly (readonly string[])[] = [
  ["ofproto/trace"],
  ["ofproto/trace", "br0"],
  ["ofproto/trace", "nosuch", "in_port=1"],
  ["ofproto/trace", "br0", "in_port=1", "5054"],
  ["ofproto/trace", "br0", "in_port=1", "50x4"],
  ["ofproto/trace", "br0", "in_port=1", FRAME],
  ["ofproto/trace", "br0", "in_port=1", "--ct-next"],
  ["ofproto/trace", "br0", "in_port=1", "--ct-next", "bogus"],
  ["ofproto/trace", "br0", "in_port=1,tcp", "--no-names"],
  ["ofproto/trace", "-consistent", "br0", "in_port=1,tcp"],
  ["ofproto/trace", "--names", "br0", "in_port=1,tcp"],
  ["ofproto/trace", "in_port(p1)"],
  ["ofproto/trace", "ovs-dummy", "in_port(p2),eth(),eth_type(0x0800),ipv4()"],
  ["ofproto/trace", "in_port(99),eth()"],
  ["ofproto/trace-packet-out", "-consistent", "--names", "br0", "in_port=1,tcp", "output:2"],
  ["ofproto/trace-packet-out", "br0", "in_port=1,tcp", "output:77"],
  ["dpif/show-dp-features", "nosuch"],
  ["dpif/set-dp-features", "br0", "ct_state"],
  ["dpif/set-dp-features", "br0", "ct_state", "true"],
  ["dpif/set-dp-features", "br0", "ct_state", "x"],
  ["dpif/set-dp-features", "br0", "max_vlan_headers", "x"],
  ["dpif/set-dp-features", "br0", "bogus", "true"],
  ["dpif/set-dp-features", "nosuch", "ct_state"],
];

systemTest("commands that trace, and ask what the datapath can do, answer wrong arguments as the original does", async () => {
  await using pair = await SideBySide.start();
  for (const args of ARGUMENTS) {
    const [theirs, ours] = await pair.run("ovs-appctl", ...args);
    expect(ours, args.join(" ")).toBe(theirs);
  }
});

systemTest("a trace says why a packet of another VLAN is dropped", async () => {
  await using pair = await SideBySide.start();
  await pair.run("ovs-ofctl", "add-flow", "br0", "actions=NORMAL");
  const ports = [
    "p1",
    "tag=5",
    "--",
    "set",
    "Port",
    "p2",
    "trunks=5,6",
    "--",
    "set",
    "Port",
    "p3",
    "vlan_mode=dot1q-tunnel",
    "tag=9",
    "cvlans=3",
  ];
  await pair.run("ovs-vsctl", "--db=unix:DIR/db.sock", "--timeout=10", "set", "Port", ...ports);
  for (const inPort of [1, 2, 3]) {
    const [theirs, ours] = await pair.run("ovs-appctl", "ofproto/trace", "br0", `in_port=${inPort},dl_vlan=8,ip`);
    expect(theirs).toContain("disallowed VLAN VID");
    expect(ours).toBe(theirs);
  }
});
