/** `learn` and `fin_timeout`: flows that packets teach, how they live on, and how they go. */
import { formatFlow, PACKET_IN_REASON, parseFlow } from "@tenet/openflow";
import { expect, test, vi } from "vitest";
import { PackedFlow } from "../src/table/packed-flow.ts";
import { TraceTree } from "../src/trace/trace-tree.ts";
import { SessionGroup } from "../src/service/session-group.ts";
import type { Work } from "../src/turns.ts";
import { Bench, keyOf } from "./bench-switch.ts";
import { Controller } from "./controller.ts";

const A = "dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b";
const B = "dl_src=02:00:00:00:00:0b,dl_dst=02:00:00:00:00:0a";
const MAC_LEARNING = [
  "table=0,actions=learn(table=10,idle_timeout=20,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]),resubmit(,10),resubmit(,1)",
  "table=1,priority=1,actions=FLOOD",
  "table=1,priority=2,reg0=1,actions=output:1",
  "table=1,priority=2,reg0=2,actions=output:2",
];

function flowsOf(bench: Bench, table: number): string[] {
  const flows = [...bench.bridge.pipeline.table(table).classifier.rules()];
  return flows.map((flow) => formatFlow(flow)).sort();
}

test("a packet teaches a flow that later packets find", () => {
  const bench = new Bench(3, MAC_LEARNING);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2", "p3"]);
  expect(flowsOf(bench, 10)).toEqual([
    "table=10, idle_timeout=20, dl_dst=02:00:00:00:00:0a actions=load:0x1->NXM_NX_REG0[0..15]",
  ]);
  expect(bench.send(`in_port=2,${B}`)).toEqual(["p1"]);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
});

test("a packet that looked in a table before it taught a flow there has no megaflow that says so for ever", () => {
  const bench = new Bench(3, [
    "table=0,udp,actions=resubmit(,1),learn(table=1,priority=5,eth_type=0x800,nw_proto=17,load:7->NXM_NX_REG0[]),resubmit(,2)",
    "table=2,reg0=0,actions=2",
    "table=2,reg0=7,actions=3",
  ]);
  expect(bench.send("in_port=1,udp,tp_dst=53")).toEqual(["p2"]);
  expect(bench.send("in_port=1,udp,tp_dst=53")).toEqual(["p3"]);
});

test("what is learned from is in the megaflow", () => {
  const bench = new Bench(2, ["actions=learn(table=9,reg0[0..7]=NXM_OF_ETH_SRC[8..15]),2"]);
  bench.send(`in_port=1,${A}`);
  expect(bench.megaflows()).toEqual([
    "recirc_id=0,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00/00:00:00:00:ff:00,dl_type=0x05ff",
  ]);
});

test("traffic that hits the cache keeps a learned flow alive", () => {
  const bench = new Bench(3, MAC_LEARNING);
  bench.send(`in_port=1,${A}`);
  const nMisses = bench.datapath.nMisses;
  for (let seconds = 0; seconds < 60; seconds += 5) {
    bench.clock.advance(5000);
    bench.send(`in_port=1,${A}`);
    bench.vswitch.tick();
  }
  expect(bench.datapath.nMisses).toBe(nMisses);
  expect(flowsOf(bench, 10)).toHaveLength(1);
  bench.clock.advance(21_000);
  bench.vswitch.tick();
  expect(flowsOf(bench, 10)).toEqual([]);
});

test("an address that moves changes the learned flow", () => {
  const bench = new Bench(3, MAC_LEARNING);
  bench.send(`in_port=1,${A}`);
  bench.send(`in_port=2,${B}`);
  bench.send(`in_port=3,${A}`);
  expect(flowsOf(bench, 10)[0]).toContain("load:0x3->");
  bench.send(`in_port=1,${A}`);
  bench.vswitch.tick();
  expect(bench.send(`in_port=2,${B}`)).toEqual(["p1"]);
});

test("with the last flow that learns, what was learned goes", () => {
  const learning = (priority: number): string =>
    `priority=${priority},actions=learn(table=9,delete_learned,cookie=0x7,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]),2`;
  const bench = new Bench(2, [learning(1), learning(2), "table=9,cookie=0x8,reg0=1,actions=drop"]);
  bench.send(`in_port=1,${A}`);
  expect(flowsOf(bench, 9)).toHaveLength(2);
  bench.bridge.pipeline.apply([{ command: "deleteStrict", flow: parseFlow("priority=1,actions=drop") }]);
  expect(flowsOf(bench, 9)).toHaveLength(2);
  bench.bridge.pipeline.apply([{ command: "modifyStrict", flow: parseFlow("priority=2,actions=drop") }]);
  expect(flowsOf(bench, 9)).toEqual(["cookie=0x8, table=9, reg0=0x1 actions=drop"]);
});

/** The most flows that went in one step. */
function mostAtOnce(bench: Bench, work: Work<unknown>): number {
  const { pipeline } = bench.bridge;
  let nMost = 0;
  for (let isOver = false; !isOver; ) {
    const nBefore = pipeline.nRules;
    isOver = work.next().done === true;
    nMost = Math.max(nMost, nBefore - pipeline.nRules);
  }
  return nMost;
}

test.each(["expires", "is deleted"])(
  "many learned flows go in turns when the one that taught them %s, and packets see them all or none",
  (how) => {
    const learned = Array.from({ length: 600 }, (_, n) => `table=9,cookie=7,priority=${n + 1},actions=2`);
    const teacher =
      "priority=1,udp,hard_timeout=5,actions=learn(table=9,delete_learned,cookie=7,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])";
    const controller = new Controller(new Bench(2, [teacher, "actions=resubmit(,9)", ...learned]), new SessionGroup(), 6);
    const { bench } = controller;
    const message = { type: "flowMod", command: "deleteStrict", flow: parseFlow("priority=1,udp,actions=drop") } as const;
    if (how === "expires") bench.clock.advance(6000);
    const work = how === "expires" ? bench.vswitch.tickingAnew() : controller.session.handle({ version: 6, xid: 1, message });
    if (typeof work !== "object") throw new Error("it is done at once");
    for (let nRules = Infinity; nRules > 300; { nRules } = bench.bridge.pipeline) work.next();
    expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
    expect(mostAtOnce(bench, work)).toBe(1);
    bench.vswitch.settle();
    expect([bench.send(`in_port=1,${A}`), bench.bridge.pipeline.nRules]).toEqual([[], 1]);
  },
);

test("beyond its limit nothing is learned, and the result says so", () => {
  const bench = new Bench(3, [
    "actions=learn(table=9,limit=1,result_dst=reg0[0],cookie=0x7,idle_timeout=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]),resubmit(,1)",
    "table=1,reg0=1,actions=2",
    "table=1,reg0=0,actions=3",
  ]);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
  expect(bench.send(`in_port=1,${B}`)).toEqual(["p3"]);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
  bench.vswitch.tick();
  bench.clock.advance(6000);
  bench.vswitch.tick();
  expect(bench.send(`in_port=1,${B}`)).toEqual(["p2"]);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p3"]);
});

test("how many flows were learned is known without a look at all of the table, whatever came, changed and went", () => {
  const nOthers = 1000;
  const others = Array.from({ length: nOthers }, (_, n) => `table=9,cookie=${n + 100},priority=${n},actions=drop`);
  const bench = new Bench(2, others);
  const { learned } = bench.bridge.pipeline;
  const teach = (n: number): boolean => learned.learn(parseFlow(`table=9,cookie=7,tcp,tp_dst=${n},actions=drop`), 3);
  expect([teach(1), teach(2)]).toEqual([true, true]);
  const spy = vi.spyOn(PackedFlow.prototype, "cookie", "get");
  expect([teach(3), teach(4)]).toEqual([true, false]);
  const nLooks = spy.mock.calls.length;
  spy.mockRestore();
  expect(nLooks).toBeLessThan(nOthers / 20);
  bench.bridge.pipeline.apply([
    { command: "deleteStrict", flow: parseFlow("table=9,tcp,tp_dst=1", { purpose: "delete" }) },
    { command: "modifyStrict", flow: parseFlow("table=9,cookie=8,tcp,tp_dst=2,actions=drop"), newCookie: 8n },
    { command: "add", flow: parseFlow("table=8,cookie=7,actions=drop") },
  ]);
  expect([4, 5, 6].map(teach)).toEqual([true, true, false]);
});

test("the end of a TCP connection lowers the timeouts of the flow it ran through, those of a cached flow too", () => {
  const bench = new Bench(2, ["idle_timeout=60,tcp,actions=fin_timeout(idle_timeout=5,hard_timeout=9),2"]);
  const send = (flags: string): void => void bench.send(`in_port=1,tcp,nw_src=10.0.0.1,tp_src=1,tp_dst=2,tcp_flags=${flags}`);
  send("+ack");
  expect(flowsOf(bench, 0)).toEqual(["idle_timeout=60, tcp actions=fin_timeout(idle_timeout=5,hard_timeout=9),output:2"]);
  send("+fin+ack");
  bench.vswitch.tick();
  expect(flowsOf(bench, 0)[0]).toContain("idle_timeout=5, hard_timeout=9");
});

test("a flow that goes for the one that it teaches is carried out and traced to its end as it was", () => {
  const bench = new Bench(2, []);
  bench.bridge.pipeline.configureTable(0, { name: "", isEvicting: true, evictionGroups: [], flowLimit: 1 });
  const reasons: number[] = [];
  bench.vswitch.slowPath.onPacketForController(({ punt }) => reasons.push(punt.reason));
  const flow =
    "priority=5,cookie=0x7,idle_timeout=60,udp,in_port=1 actions=learn(table=0,hard_timeout=90,NXM_OF_IN_PORT[]),CONTROLLER";
  bench.add(flow);
  const tree = new TraceTree();
  bench.vswitch.trace(bench.bridge, keyOf("in_port=1,udp"), { observer: tree, teaches: true });
  const [root] = tree.roots;
  const [node] = root?.kind === "bridge" ? root.children : [];
  const found = node?.kind === "table" && typeof node.found !== "string" ? node.found : undefined;
  expect([found?.isHeld, found?.priority, found?.cookie]).toEqual([false, 5, 7n]);
  bench.add(flow);
  bench.send("in_port=1,udp");
  expect(reasons).toEqual([PACKET_IN_REASON.ACTION]);
});
