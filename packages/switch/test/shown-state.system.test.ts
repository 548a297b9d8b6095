/** What commands show of ports, addresses, bonds, mirrors and flows: this switch and Debian's print the same. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`shown-state.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const MAC = "50:54:00:00:00:05";

/** Commands of which both print the same, on switches that the commands before have changed. */
const SCENES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "an address that was entered takes the place of one that was learned": [
    ["ovs-ofctl", "add-flow", "br0", "actions=normal"],
    ["ovs-appctl", "netdev-dummy/receive", "p1", `in_port(1),eth(src=${MAC},dst=50:54:00:00:00:06),eth_type(0x1234)`],
    ["ovs-appctl", "fdb/add", "br0", "p1", "0", MAC],
    ["ovs-appctl", "fdb/add", "br0", "p2", "0", MAC],
  ],
  "a UDP port that goes without saying is not shown": [
    [
      "ovs-vsctl",
      "add-port",
      "br0",
      "v4",
      "--",
      "set",
      "Interface",
      "v4",
      "type=vxlan",
      "options:remote_ip=1.1.1.1",
      "ofport_request=4",
    ],
    ["ovs-vsctl", "set", "Interface", "v4", "options:dst_port=4789"],
    ["ovs-appctl", "dpif/show"],
    ["ovs-vsctl", "set", "Interface", "v4", "options:dst_port=4790"],
    ["ovs-appctl", "dpif/show"],
  ],
  "a mirror of whole packets cuts none": [
    ["ovs-ofctl", "add-flow", "br0", "in_port=1,actions=2"],
    [
      "ovs-vsctl",
      "--id=@out",
      "get",
      "Port",
      "p3",
      "--",
      "--id=@m",
      "create",
      "Mirror",
      "name=m",
      "select_all=true",
      "output_port=@out",
      "snaplen=100",
      "--",
      "set",
      "Bridge",
      "br0",
      "mirrors=@m",
    ],
    ["ovs-appctl", "ofproto/trace", "br0", "in_port=1,ip"],
    ["ovs-vsctl", "set", "Mirror", "m", "snaplen=65535"],
    ["ovs-appctl", "ofproto/trace", "br0", "in_port=1,ip"],
  ],
  "marks and hashes are shown where they count": [
    ["ovs-appctl", "revalidator/pause"],
    ["ovs-appctl", "dpctl/add-flow", "skb_mark(0x5/0xf),dp_hash(0x3/0x7),in_port(1),eth(),eth_type(0x0800),ipv4(frag=no)", "2"],
    ["ovs-appctl", "dpctl/add-flow", "skb_mark(0),ct_mark(0/0xff),in_port(2),eth(),eth_type(0x0800),ipv4(frag=no)", "2"],
    ["ovs-appctl", "dpctl/dump-flows"],
  ],
  "masks of ports are hexadecimal": [
    ["ovs-appctl", "revalidator/pause"],
    ["ovs-appctl", "dpctl/add-flow", "in_port(1),eth(),eth_type(0x0800),ipv4(proto=6,frag=no),tcp(dst=16/0xfff0)", "2"],
    ["ovs-appctl", "dpctl/dump-flows"],
  ],
};

systemTest.each(Object.entries(SCENES))("%s", { timeout: 60_000 }, async (_, commands) => {
  await using pair = await SideBySide.start();
  for (const [program = "", ...args] of commands) {
    const outputs = await pair.run(program, ...args);
    const [theirs, ours] = outputs.map((output) =>
      output.replace(/^[0-9a-f-]{36}$/gm, "").replace(/(packet_type\(ns=0,id=0\)|eth\(\)),/g, ""),
    );
    expect(ours, [program, ...args].join(" ")).toBe(theirs);
  }
});

systemTest("a bond whose primary member is no member says so", { timeout: 60_000 }, async () => {
  await using pair = await SideBySide.start();
  const members = ["b1", "b2"].flatMap((name) => ["--", "set", "Interface", name, "type=dummy"]);
  await pair.run(
    "ovs-vsctl",
    "add-bond",
    "br0",
    "bond0",
    "b1",
    "b2",
    "bond_mode=active-backup",
    "other_config:bond-primary=b3",
    ...members,
  );
  const shown = await pair.run("ovs-appctl", "bond/show", "bond0");
  const [theirs, ours] = shown.map((text) => text.split("\n").filter((line) => line.includes("primary")));
  expect(theirs).toEqual(["active-backup primary: b3 (no such member)"]);
  expect(ours).toEqual(theirs);
});
