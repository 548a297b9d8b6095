import { composePacket } from "@tenet/net";
import { expect, test } from "vitest";
import { ManualClock } from "@tenet/kit";
import { switchCommands } from "@tenet/switch";
import { Bench, keyOf } from "./bench-switch.ts";

/** What Open vSwitch 3.1 prints for the same flows and packets. */
const ORIGINAL = `Flow: tcp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=0.0.0.0,nw_dst=10.0.0.1,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=0,tp_dst=80,tcp_flags=0

bridge("br0")
-------------
 0. ip,in_port=1, priority 100, cookie 0x12
    load:0x5->NXM_NX_REG0[]
    resubmit(,1)
     1. reg0=0x5, priority 5
            load:0x3->NXM_NX_REG1[]
            clone(mod_dl_src:00:00:00:00:00:09,output:2)
            mod_dl_src:00:00:00:00:00:09
            output:2
            output:3
    output:2

Final flow: tcp,reg0=0x5,reg1=0x3,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=0.0.0.0,nw_dst=10.0.0.1,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=0,tp_dst=80,tcp_flags=0
Megaflow: recirc_id=0,eth,ip,in_port=1,dl_src=00:00:00:00:00:00,nw_frag=no
Datapath actions: set(eth(src=00:00:00:00:00:09)),2,set(eth(src=00:00:00:00:00:00)),3,2
`;

const FLOWS = [
  "table=0,priority=100,cookie=0x12,ip,in_port=1 actions=load:0x5->NXM_NX_REG0[],resubmit(,1),output:2",
  "table=0,priority=90,arp actions=mod_dl_dst:00:00:00:00:00:07,goto_table:2",
  "table=1,priority=5,reg0=5 actions=load:0x3->NXM_NX_REG1[],clone(mod_dl_src:00:00:00:00:00:09,output:2),output:3",
  "table=2,priority=7,actions=NORMAL,note:01.02",
];

function run(bench: Bench, name: string, ...args: string[]): string {
  const command = switchCommands(bench.vswitch, { reconnect: () => undefined }, new ManualClock(), () => undefined).find(
    (each) => each.name === name,
  );
  return String(command?.run(args));
}

test("ofproto/trace prints what the original prints", () => {
  const bench = new Bench(3, FLOWS);
  expect(run(bench, "ofproto/trace", "br0", "in_port=1,tcp,nw_dst=10.0.0.1,nw_ttl=64,tp_dst=80")).toBe(ORIGINAL);
});

test("a packet that the datapath gives back is traced from where it goes on", () => {
  const bench = new Bench(3, ["table=0,tcp,actions=set_field:5->reg3,ct(table=1)", "table=1,reg3=5,ct_state=+new,tcp,actions=2"]);
  bench.send("in_port=1,tcp");
  const traces = [
    run(bench, "ofproto/trace", "recirc_id(0x1),ct_state(+new+trk),in_port(1),eth(),eth_type(0x0800),ipv4(proto=6),tcp()"),
    run(bench, "ofproto/trace", "br0", "recirc_id=1,ct_state=+new+trk,in_port=1,tcp"),
  ];
  for (const trace of traces) {
    expect(trace).toMatch(/^Flow: recirc_id=0x1,ct_state=new\|trk,eth,tcp,in_port=1,/);
    expect(trace).toContain("    thaw\n        Resuming from table 1\n 1. ct_state=+new");
    expect(trace).toMatch(/^Megaflow: recirc_id=0x1,ct_state=\+new/m);
    expect(trace).toMatch(/^Datapath actions: 2$/m);
  }
  for (const args of [["recirc_id(0x42)"], ["br0", "recirc_id=0x42,tcp"]]) {
    expect(() => run(bench, "ofproto/trace", ...args)).toThrow("no recirculation data for recirc_id 0x42");
  }
  bench.vswitch.removeBridge(bench.bridge);
  expect(() => run(bench, "ofproto/trace", "recirc_id(0x1)")).toThrow("no recirculation data for recirc_id 0x1");
});

test("tenet/trace tells each table with its flow, and where the packet left", () => {
  const bench = new Bench(3, FLOWS);
  const story = JSON.parse(run(bench, "tenet/trace", "br0", "in_port=p1,tcp,nw_dst=10.0.0.1,tp_dst=80"));
  expect(story).toMatchObject({
    bridge: "br0",
    inPort: 1,
    verdict: "forwarded",
    outputs: [
      { bridge: "br0", port: 2, name: "p2" },
      { bridge: "br0", port: 3, name: "p3" },
      { bridge: "br0", port: 2, name: "p2" },
    ],
    steps: [
      { table: 0, depth: 0, cookie: "0x12", priority: 100, match: "ip,in_port=1" },
      { table: 1, depth: 1, cookie: "0x0", priority: 5, match: "reg0=0x5", notes: [] },
    ],
  });
  expect(story.steps[0].flowText).toBe(
    "cookie=0x12, priority=100,ip,in_port=1 actions=load:0x5->NXM_NX_REG0[],resubmit(,1),output:2",
  );
  expect(story.megaflow.match).toContain("dl_src=");
});

test("tenet/trace tells which lookup or action needed each bit of the megaflow", () => {
  const bench = new Bench(2, [
    "table=0,priority=9,tcp,tp_dst=22,actions=drop",
    "table=0,priority=8,udp,tp_dst=80,actions=drop",
    "table=0,priority=5,ip,nw_dst=10.0.0.0/8,actions=move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG0[0..7],resubmit(,1)",
    "table=1,priority=7,reg0=7,ipv6,actions=drop",
    "table=1,priority=1,actions=2",
  ]);
  const { megaflow } = JSON.parse(run(bench, "tenet/trace", "br0", "in_port=1,tcp,nw_src=10.0.0.5,nw_dst=10.0.0.1,tp_dst=80"));
  const [always, lookup, action, ...others] = megaflow.reasons;
  expect(always).toEqual({ match: "recirc_id=0,ip,in_port=p1,vlan_tci=0x0000,nw_frag=no", kind: "always" });
  expect(lookup).toMatchObject({
    match: expect.stringMatching(/^tcp,nw_dst=10.0.0.0\/8,tp_dst=/),
    kind: "lookup",
    table: 0,
    isInRule: true,
    ruledOut: ["priority=9,tcp,tp_dst=22", "priority=8,udp,tp_dst=80"],
    nRuledOut: 2,
  });
  expect(action).toEqual({
    match: "ip,nw_src=0.0.0.5/0.0.0.255",
    kind: "action",
    action: "move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG0[0..7]",
  });
  expect(others).toEqual([]);
});

test("tenet/trace says why a packet was dropped, and takes a packet in hexadecimal", () => {
  const bench = new Bench(3, FLOWS);
  const miss = JSON.parse(run(bench, "tenet/trace", "br0", "in_port=2,ipv6"));
  expect(miss).toMatchObject({ verdict: "dropped", outputs: [], steps: [{ table: 0, depth: 0, notes: [] }] });
  const hex = Buffer.from(composePacket(keyOf("arp,dl_src=02:00:00:00:00:0a,arp_op=1"))).toString("hex");
  const arp = JSON.parse(run(bench, "tenet/trace", "br0", "in_port=1", hex));
  expect(arp.steps.map(({ table }: { table: number }) => table)).toEqual([0, 2]);
  expect(arp.steps[1].notes).toEqual(["no learned MAC for destination, flooding"]);
  expect(bench.bridge.macs.size).toBe(0);
});

test("what is done to a copy last is done to the packet", () => {
  const bench = new Bench(3, ["ip,actions=clone(ct(commit),2),clone(ct(commit),clone(ct(commit),3))"]);
  expect(run(bench, "ofproto/trace", "br0", "in_port=1,tcp")).toContain(
    "Datapath actions: clone(ct(commit),2),ct(commit),ct(commit),3\n",
  );
});

test("an unknown bridge or a malformed flow is told to the caller", () => {
  const bench = new Bench(1);
  expect(() => run(bench, "ofproto/trace", "br9", "ip")).toThrow("br9: unknown bridge");
  expect(() => run(bench, "ofproto/trace", "br0", "in_prt=1")).toThrow(/Unknown field "in_prt"/);
  expect(() => run(bench, "fdb/show", "br9")).toThrow("no such bridge");
});

test.each([
  ["ipv6,nw_ttl=64", "dec_ttl,set_field:::5->ipv6_src", "set(ipv6(src=::5,hlimit=63))"],
  ["arp,arp_op=1", "load:2->NXM_OF_ARP_OP[],load:7->NXM_OF_ARP_TPA[]", "set(arp(tip=0.0.0.7,op=2))"],
  ["sctp", "set_field:7->sctp_dst", "set(sctp(dst=7))"],
  ["ip,nw_tos=0", "mod_nw_tos:16", "set(ipv4(tos=0x10/0xfc))"],
  [
    "icmp6,icmp_type=135,nd_target=fe80::2",
    "set_field:fe80::1->nd_target,set_field:02:00:00:00:00:05->nd_sll",
    "set(nd(target=fe80::1,sll=02:00:00:00:00:05))",
  ],
])("what is set in %s has the names that it has there", (packet, actions, set) => {
  const bench = new Bench(2, [
    `${packet.split(",")[0]}${packet.includes("icmp_type") ? ",icmp_type=135" : ""},actions=${actions},2`,
  ]);
  const trace = switchCommands(bench.vswitch, { reconnect: () => undefined }, new ManualClock(), () => undefined).find(
    ({ name }) => name === "ofproto/trace",
  );
  expect(trace?.run(["br0", `in_port=1,${packet}`])).toContain(`Datapath actions: ${set},2`);
});
