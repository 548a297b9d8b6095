import { FIELDS, getField } from "@tenet/net";
import { formatMatch, PORT_CONFIG } from "@tenet/openflow";
import { expect, test } from "vitest";
import { Bench, keyOf } from "./bench-switch.ts";

const TCP =
  "tcp,dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1024,tp_dst=80";

test("no flow, no output", () => {
  const bench = new Bench(2, []);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual([]);
  expect(bench.megaflows()).toEqual(["recirc_id=0,ip,in_port=1,vlan_tci=0x0000,nw_frag=no"]);
});

test("a megaflow matches on what the tables looked at and no more", () => {
  const bench = new Bench(3, ["table=0,in_port=1,actions=resubmit(,1)", "table=1,priority=5,ip,nw_dst=10.0.0.0/24,actions=2"]);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p2"]);
  expect(bench.megaflows()).toEqual(["recirc_id=0,ip,in_port=1,vlan_tci=0x0000,nw_dst=10.0.0.0/24,nw_frag=no"]);
});

test("a port that is not to receive takes in frames of 802.1D, and those alone are kept out by their own bit", () => {
  const received = (config: number, destination: string): string[] => {
    const bench = new Bench(2, ["actions=2"]);
    Object.assign(bench.bridge.portNamed("p1") ?? {}, { config });
    return bench.send(`in_port=1,dl_dst=${destination}`);
  };
  const [STP, HOST] = ["01:80:c2:00:00:00", "02:00:00:00:00:0b"];
  for (const [config, ofStp, ofHosts] of [
    [0, ["p2"], ["p2"]],
    [PORT_CONFIG.NO_RECV, ["p2"], []],
    [PORT_CONFIG.NO_RECV_STP, [], ["p2"]],
    [PORT_CONFIG.PORT_DOWN, [], []],
  ] as const) {
    expect([received(config, STP), received(config, HOST)], `config ${config}`).toEqual([ofStp, ofHosts]);
  }
  const bench = new Bench(2, ["actions=2"]);
  Object.assign(bench.bridge.portNamed("p1") ?? {}, { config: PORT_CONFIG.NO_RECV });
  bench.send(`in_port=1,dl_dst=${HOST}`);
  expect(bench.megaflows().join()).toContain(`dl_dst=${HOST},`);
});

test("registers carry values between tables and stay out of the megaflow", () => {
  const bench = new Bench(3, [
    "table=0,ip,actions=move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG3[8..15],resubmit(,1)",
    "table=1,reg3=0x100,actions=3",
  ]);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p3"]);
  expect(bench.megaflows()).toEqual(["recirc_id=0,ip,in_port=1,vlan_tci=0x0000,nw_src=0.0.0.1/0.0.0.255,nw_frag=no"]);
});

test("the ingress port has 32 bits under its OXM name, where reserved ports are at the top", () => {
  const bench = new Bench(3, [
    "table=0,reg0=0,ip,in_port=1,actions=set_field:LOCAL->in_port,move:OXM_OF_IN_PORT[]->NXM_NX_REG0[],resubmit(,1)",
    "table=1,reg0=0xfffffffe,actions=move:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15],push:NXM_NX_REG0[],pop:OXM_OF_IN_PORT[],resubmit(,2)",
    "table=2,in_port=LOCAL,reg1=0xfffe,actions=load:2->OXM_OF_IN_PORT[],learn(table=3,OXM_OF_IN_PORT[]),load:0xffff->OXM_OF_IN_PORT[16..31],resubmit(,4)",
    "table=4,in_port=NONE,actions=3",
  ]);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p3"]);
});

test("rewrites are sent once, before the first output that needs them", () => {
  const bench = new Bench(3, [
    "ip,actions=mod_dl_dst:02:00:00:00:00:77,mod_nw_dst:9.9.9.9,2,mod_nw_dst:8.8.8.8,mod_nw_dst:9.9.9.9,3",
  ]);
  const [first, second] = bench.sendWithChanges(`in_port=1,${TCP}`);
  expect(first?.changes).toHaveLength(1);
  const [set] = first?.changes ?? [];
  if (set?.type !== "setMasked") throw new Error("expected a set");
  expect(getField(set.key, FIELDS.nw_dst)).toBe(0x09090909);
  expect(second?.changes).toHaveLength(1);
});

test("setting a field does not put it in the megaflow, putting it back does", () => {
  const set = new Bench(3, ["actions=mod_dl_src:02:00:00:00:00:99,2"]);
  set.send(`in_port=1,${TCP}`);
  expect(set.megaflows()).toEqual(["recirc_id=0,ip,in_port=1,vlan_tci=0x0000,nw_frag=no"]);
  const cloned = new Bench(3, ["actions=clone(mod_dl_src:02:00:00:00:00:99,2),3"]);
  expect(cloned.sendWithChanges(`in_port=1,${TCP}`).map(({ port, changes }) => [port, changes.length])).toEqual([
    ["p2", 1],
    ["p3", 2],
  ]);
  expect(cloned.megaflows()).toEqual(["recirc_id=0,ip,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:0a,nw_frag=no"]);
});

test("a TTL that runs out ends the list of actions, not the one that called it", () => {
  const bench = new Bench(3, ["table=0,ip,actions=resubmit(,1),3", "table=1,ip,actions=dec_ttl,2"]);
  expect(bench.send(`in_port=1,${TCP.replace("nw_ttl=64", "nw_ttl=1")}`)).toEqual(["p3"]);
});

test("a priority is set in a tag that had none", () => {
  const bench = new Bench(3, ["vlan_tci=0x1000/0x1000,actions=strip_vlan,push_vlan:0x8100,set_field:3->vlan_pcp,2"]);
  const [sent] = bench.sendWithChanges(`in_port=1,vlan_tci=0x1005,${TCP}`);
  expect(sent?.changes).toEqual([{ type: "popVlan" }, { type: "pushVlan", tpid: 0x8100, tci: 0x6000 }]);
});

test("fragments have no ports unless the bridge shows them, or drops them", () => {
  const bench = new Bench(3, ["priority=1,actions=2", "priority=9,udp,tp_dst=53,actions=3"]);
  const udp = "in_port=1,udp,nw_src=10.0.0.1,tp_src=1000,tp_dst=53";
  expect(bench.send(udp)).toEqual(["p3"]);
  for (const [handling, outputs] of [
    ["normal", ["p2"]],
    ["nx-match", ["p3"]],
    ["drop", []],
    ["normal", ["p2"]],
  ] as const) {
    bench.vswitch.setFragmentHandling(bench.bridge, handling);
    bench.vswitch.settle();
    expect(bench.send(`${udp},nw_frag=first`), handling).toEqual(outputs);
  }
});

test("NORMAL drops a frame that ends within its tag", () => {
  const bench = new Bench(3);
  expect(bench.send("in_port=1,dl_type=0x8100,dl_dst=ff:ff:ff:ff:ff:ff")).toEqual([]);
});

test("dec_ttl sends ttl - 1 and drops at 1", () => {
  const bench = new Bench(3, ["ip,actions=dec_ttl,2"]);
  const [sent] = bench.sendWithChanges(`in_port=1,${TCP}`);
  const [set] = sent?.changes ?? [];
  expect(set?.type === "setMasked" ? getField(set.key, FIELDS.nw_ttl) : undefined).toBe(63);
  expect(bench.send(`in_port=1,${TCP.replace("nw_ttl=64", "nw_ttl=1")}`)).toEqual([]);
});

test("tags are pushed and popped", () => {
  const bench = new Bench(3, ["in_port=1,actions=push_vlan:0x8100,set_field:4101->vlan_vid,2", "in_port=2,actions=strip_vlan,1"]);
  expect(bench.sendWithChanges(`in_port=1,${TCP}`)).toEqual([
    { port: "p2", changes: [{ type: "pushVlan", tpid: 0x8100, tci: 5 }] },
  ]);
  expect(bench.sendWithChanges(`in_port=2,dl_vlan=5,${TCP}`)).toEqual([{ port: "p1", changes: [{ type: "popVlan" }] }]);
});

test("resubmit gives a port for the lookup alone; output to the ingress port is skipped", () => {
  const bench = new Bench(3, ["in_port=1,actions=resubmit(3,0),1,IN_PORT", "in_port=3,actions=2"]);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p2", "p1"]);
});

test("an endless resubmit is cut off and drops the packet", () => {
  const bench = new Bench(2, ["actions=2,resubmit(,0)"]);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual([]);
  expect(bench.vswitch.trace(bench.bridge, keyOf(`in_port=1,${TCP}`)).failure).toBe("depth");
});

test("more than 4096 resubmits drop the packet", () => {
  const nine = Array.from({ length: 9 }, () => "resubmit(,TABLE)").join(",");
  const flows = [0, 1, 2, 3, 4].map((table) => `table=${table},actions=${nine.replaceAll("TABLE", String(table + 1))}`);
  const bench = new Bench(2, [...flows, "table=5,actions=2"]);
  expect(bench.vswitch.trace(bench.bridge, keyOf(`in_port=1,${TCP}`)).failure).toBe("resubmits");
});

test("write_actions happen at the end; exit stops everything", () => {
  const bench = new Bench(3, ["table=0,actions=write_actions(output:2),goto_table:1", "table=1,actions=3"]);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p3", "p2"]);
  const exits = new Bench(3, ["table=0,actions=resubmit(,1),3", "table=1,actions=2,exit"]);
  expect(exits.send(`in_port=1,${TCP}`)).toEqual(["p2"]);
});

test("the controller action hands over the packet with its metadata", () => {
  const bench = new Bench(2, ["cookie=0x77,actions=load:0x5->NXM_NX_REG1[],controller(max_len=40,reason=action,id=3)"]);
  const packets: string[] = [];
  bench.vswitch.slowPath.onPacketForController(({ punt, frame }) =>
    packets.push(
      `${punt.cookie} ${punt.maxLength} ${punt.controllerId} ${getField(punt.metadata, FIELDS.reg1)} ${frame.length > 0}`,
    ),
  );
  bench.send(`in_port=1,${TCP}`);
  bench.send(`in_port=1,${TCP}`);
  expect(packets).toEqual(["119 40 3 5 true", "119 40 3 5 true"]);
});

test("a trace changes nothing", () => {
  const bench = new Bench(3);
  const { actions, mask } = bench.vswitch.trace(bench.bridge, keyOf(`in_port=1,${TCP}`));
  expect(actions).toHaveLength(2);
  expect(formatMatch({ key: keyOf(`in_port=1,${TCP}`).map((word, i) => word & (mask[i] ?? 0)), mask })).toContain("dl_dst=");
  expect(bench.bridge.macs.size).toBe(0);
  expect(bench.megaflows()).toEqual([]);
});

test("a packet that a controller is to resume stops there, while a clone of it does not stop the rest", () => {
  const paused = new Bench(3, ["actions=2,controller(pause),3"]);
  expect(paused.send(`in_port=1,${TCP}`)).toEqual(["p2"]);
  const cloned = new Bench(3, ["actions=clone(controller(pause),2),3"]);
  expect(cloned.send(`in_port=1,${TCP}`)).toEqual(["p3"]);
});

test("a packet for which too many values are pushed is dropped, and that is counted", () => {
  const levels = Array.from({ length: 12 }, (_, i) => `in_port=${i + 1},actions=resubmit:${i + 2},resubmit:${i + 2},output:2`);
  const pushes = Array.from({ length: 8 }, () => "push:NXM_NX_REG0[]").join();
  const bench = new Bench(2, [...levels, `in_port=13,actions=${pushes}`]);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual([]);
  expect(bench.vswitch.counts.drop_action_stack_too_deep).toBe(1);
});
