/** ofproto/trace by the real ovs-appctl: this switch and Debian's print the same. */
import { expect, test, vi } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`trace.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

systemTest("a trace shows ports by their names when it is asked to, in flows and in actions", { timeout: 60_000 }, async () => {
  await using pair = await SideBySide.start();
  for (const flow of [
    "in_port=1,ip,actions=clone(set_field:1.1.1.1->ip_dst,2),resubmit(3,1)",
    "table=1,in_port=3,actions=strip_vlan,p3",
  ]) {
    await pair.run("ovs-ofctl", "add-flow", "br0", flow);
  }
  const traces = await pair.run("ovs-appctl", "ofproto/trace", "--names", "br0", "in_port=p1,tcp,nw_dst=9.9.9.9");
  const [theirs, ours] = traces.map((trace) => trace.replace(/^Megaflow: .*/m, "")); // ours may match on less
  expect(theirs).toContain("output:p2");
  expect(ours).toBe(theirs);
});

const PATIENCE = { timeout: 10_000, interval: 100 };
const FRAME = "50540000000a50540000000908004500001c0000000000112fda0a0000010a00000200350035000895d6";
/** Control commands, most of which cannot be carried out. */
const ARGUMENTS: readonly (readonly string[])[] = [
  ["ofproto/trace"],
  ["ofproto/trace", "br0"],
  ["ofproto/trace", "nosuch", "in_port=1"],
  ["ofproto/trace", "nosuch", "in_port(1),eth()"],
  ["ofproto/trace", "br0", "in_port(1),eth()", "-generate"],
  ["ofproto/trace", "ovs-dummy", "in_port=1"],
  ["ofproto/trace", "br0", "packet_type=(0,0),in_port=1,arp"],
  ["ofproto/trace", "in_port=1,ip", FRAME],
  [
    "ofproto/trace",
    "in_port(p1),eth(),eth_type(0x8100),vlan(vid=5,pcp=0),encap(eth_type(0x8100),vlan(vid=7,pcp=0),encap(eth_type(0x0806)))",
  ],
  ["ofproto/trace", "in_port(p1),skb_mark(7)", FRAME],
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

const TCP_FLOW = "in_port(1),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),ipv4(proto=6),tcp(src=1,dst=80)";

systemTest("a packet that no flow matches goes to a controller of OpenFlow 1.0, whole, and a trace says so", async () => {
  await using pair = await SideBySide.start();
  const vsctl = (...args: string[]): Promise<unknown> => pair.run("ovs-vsctl", "--db=unix:DIR/db.sock", "--timeout=10", ...args);
  await vsctl("add-br", "br1", "--", "set", "Bridge", "br1", "datapath_type=dummy", "fail_mode=secure");
  for (const [bridge, n] of [
    ["br0", 0],
    ["br1", 1],
  ] as const) {
    const patch = ["type=patch", `options:peer=patch${1 - n}`, "ofport_request=9"];
    await vsctl("add-port", bridge, `patch${n}`, "--", "set", "Interface", `patch${n}`, ...patch);
  }
  await pair.run("ovs-ofctl", "-OOpenFlow13", "add-flow", "br0", "in_port=2,actions=goto_table:5");
  for (const flow of ["in_port=3,actions=resubmit(,6),2", "in_port=1,udp,actions=9"]) {
    await pair.run("ovs-ofctl", "add-flow", "br0", flow);
  }
  await pair.run("ovs-ofctl", "add-flow", "br1", "in_port=LOCAL,actions=9");
  const trace = async (...args: string[]): Promise<string> => {
    const [theirs, ours] = (await pair.run("ovs-appctl", "ofproto/trace", ...args)).map((text) =>
      text.replace(/recirc_id=\d+,rule/, "rule").replace(/^Datapath actions: \d+$/m, "Datapath actions: PORT"),
    );
    expect(ours, args.join(" ")).toBe(theirs);
    return ours ?? "";
  };
  const PACKETS = ["br0 in_port=1,tcp", "br0 in_port=2,tcp", "br0 in_port=3,tcp", "br1 in_port=LOCAL,tcp", "br0 in_port=1,udp"];
  for (const packet of PACKETS) expect(await trace(...packet.split(" "))).not.toContain("packet-in");
  await pair.run("ovs-ofctl", "set-frags", "br0", "drop");
  expect(await trace("br0", "in_port=1,tcp,nw_frag=first")).toContain("fragment handling mode");
  expect(await trace("br1", "in_port=LOCAL,tcp,nw_frag=first")).toContain("reg0=0x3");
  await pair.run("ovs-ofctl", "set-frags", "br0", "normal");

  await pair.run("bash", "-c", "ovs-ofctl monitor br0 20 --detach --no-chdir --pidfile=DIR/monitor.pid > DIR/monitor 2>&1");
  try {
    for (const packet of PACKETS) await trace(...packet.split(" "));
    expect(await trace("br0", "in_port=2,tcp")).toContain(' 5. No match, and a "packet-in" is called for.');
    for (const port of ["p1", "p2", "p3"]) await pair.run("ovs-appctl", "netdev-dummy/receive", port, TCP_FLOW);
    await vi.waitFor(async () => {
      const [theirs, ours] = await pair.run("cat", "DIR/monitor");
      expect(theirs?.match(/data_len=118/g)).toHaveLength(2);
      expect(ours).toBe(theirs);
    }, PATIENCE);
  } finally {
    await pair.run("bash", "-c", "kill $(cat DIR/monitor.pid)");
  }
  await vi.waitFor(async () => expect(await trace("br0", "in_port=2,tcp")).not.toContain("packet-in"), PATIENCE);
});

const TCP_PACKET =
  "eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,tos=1,ttl=64,frag=no),tcp(src=8,dst=9)";

systemTest("a trace of a flow of the datapath finds the tunnel that it came by, and what its options say", async () => {
  await using pair = await SideBySide.start();
  const add = (name: string, ...settings: string[]): string[] => [
    "--",
    "add-port",
    "br0",
    name,
    "--",
    "set",
    "Interface",
    name,
    ...settings,
  ];
  await pair.run(
    "ovs-vsctl",
    ...add("t4", "type=gre", "options:remote_ip=1.1.1.1", "options:key=flow", "ofport_request=4"),
    ...add("t5", "type=geneve", "options:remote_ip=1.1.1.1", "ofport_request=5"),
  );
  await pair.run(
    "ovs-ofctl",
    "add-tlv-map",
    "br0",
    "{class=0xffff,type=0,len=4}->tun_metadata0,{class=0xffff,type=1,len=0}->tun_metadata1",
  );
  for (const flow of [
    "priority=1,in_port=t4,tun_id=5,actions=2",
    "priority=2,tun_metadata0=0xb,actions=3",
    "priority=3,tun_metadata1,actions=2",
    "priority=0,actions=in_port",
  ]) {
    await pair.run("ovs-ofctl", "add-flow", "br0", flow);
  }
  const [theirPorts, ourPorts] = await pair.run("ovs-appctl", "dpif/show");
  expect(ourPorts).toBe(theirPorts);
  const tunnels = [
    "tunnel(tun_id=0x5,src=1.1.1.1,dst=2.2.2.2,tos=0x3,ttl=64,flags(key)),in_port(4)",
    "tunnel(tun_id=0x6,src=1.1.1.1,dst=2.2.2.2,ttl=64,flags(df|key)),in_port(4)",
    "tunnel(tun_id=0x6,src=9.9.9.9,dst=2.2.2.2,ttl=64,flags(key)),in_port(4)",
    "tunnel(tun_id=0x0,src=1.1.1.1,dst=2.2.2.2,ttl=64,geneve({class=0xffff,type=0,len=4,0xb}),flags(df|key)),in_port(6081)",
    "tunnel(tun_id=0x0,src=1.1.1.1,dst=2.2.2.2,ttl=64,geneve({class=0xffff,type=9,len=8,0xb}),flags(df|key)),in_port(6081)",
    "tunnel(tun_id=0x0,src=1.1.1.1,dst=2.2.2.2,ttl=64,geneve({class=0xffff,type=0x1,len=0}),flags(csum|oam)),in_port(6081)",
  ];
  for (const isNative of ["true", "false"]) {
    await pair.run("ovs-appctl", "dpif/set-dp-features", "br0", "tnl_push_pop", isNative);
    for (const tunnel of tunnels) {
      const traces = await pair.run(
        "ovs-appctl",
        "ofproto/trace",
        "ovs-dummy",
        `recirc_id(0),skb_mark(0),${tunnel},${TCP_PACKET}`,
      );
      // What goes on into a tunnel takes options along, and ours match on those.
      const [theirs, ours] = traces.map((trace) => (trace.includes("IN_PORT") ? trace.replace(/^Megaflow: .*$/gm, "") : trace));
      expect(ours, tunnel).toBe(theirs);
    }
    const [theirs, ours] = await pair.run("ovs-appctl", "dpif/set-dp-features", "br0", "tnl_push_pop");
    expect(ours).toBe(theirs);
  }
});

systemTest("a packet to be traced may be written with spaces, and without a port", async () => {
  await using pair = await SideBySide.start();
  await pair.run("ovs-ofctl", "add-flow", "br0", "actions=normal");
  const spaced = FRAME.replaceAll(/(..)/g, "$1 ");
  for (const args of [
    ["br0", "in_port=1", spaced],
    ["br0", "icmp,dl_src=50:54:00:00:00:05"],
  ]) {
    const traces = await pair.run("ovs-appctl", "ofproto/trace", ...args);
    const [theirs, ours] = traces.map((trace) =>
      trace
        .replace(/^Megaflow: .*$/m, "")
        .replace(/^(Datapath actions: )(.*)$/m, (_, head, ports) => head + ports.split(",").sort().join()),
    );
    expect(ours, args.join(" ")).toBe(theirs);
  }
});

systemTest("tables see where the action set sends a packet", async () => {
  await using pair = await SideBySide.start();
  await pair.run("ovs-ofctl", "-OOpenFlow15", "add-group", "br0", "group_id=5,type=all,bucket=output:1");
  for (const flow of [
    "table=0,actset_output=unset,actions=write_actions(output(2)),goto_table(1)",
    "table=1,actset_output=2,actions=write_actions(group(5),output(3)),goto_table(2)",
    "table=2,actset_output=unset,actions=clear_actions,write_actions(output(3)),goto_table(3)",
    "table=3,actset_output=3,actions=1",
  ]) {
    await pair.run("ovs-ofctl", "-OOpenFlow15", "add-flow", "br0", flow);
  }
  const traces = await pair.run("ovs-appctl", "ofproto/trace", "ovs-dummy", `in_port(2),${TCP_PACKET}`);
  const [theirs, ours] = traces.map((trace) => trace.replace(/^Final flow: .*$/m, "")); // to the original it is another
  expect(theirs).toContain("Datapath actions: 1,3");
  expect(ours).toBe(theirs);
});
