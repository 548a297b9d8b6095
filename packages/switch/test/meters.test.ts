import { type MeterMod, parseMeter } from "@tenet/openflow";
import { expect, test } from "vitest";
import { finish } from "../src/turns.ts";
import { formatDatapathActions, formatPunt } from "../src/trace/format-datapath.ts";
import { Bench } from "./bench-switch.ts";

const PACKET = "in_port=1,udp,nw_src=10.0.0.1,tp_src=1000,tp_dst=53";

function withMeters(meters: readonly string[], flows: readonly string[]): Bench {
  const bench = new Bench(3, []);
  for (const text of meters) finish(bench.bridge.pipeline.applyingMeter(parseMeter(text)));
  bench.add(...flows);
  return bench;
}

function sendMany(bench: Bench, n: number): number {
  return Array.from({ length: n }, () => bench.send(PACKET).length).reduce((sum, each) => sum + each, 0);
}

test("packets above the rate are dropped where the meter stands, and counted; a change starts it anew", () => {
  const bench = withMeters(["meter=5,pktps,burst,bands=type=drop,rate=10,burst_size=3"], ["actions=meter:5,3"]);
  expect(sendMany(bench, 5)).toBe(3);
  const [meter] = bench.bridge.pipeline.meters.select(5);
  if (meter === undefined) throw new Error("the meter is gone");
  expect(bench.bridge.pipeline.meters.statsOf(meter)).toMatchObject({ nPackets: 5, bands: [{ nPackets: 2 }] });
  finish(bench.bridge.pipeline.applyingMeter(parseMeter("meter=5,pktps,bands=type=drop,rate=1", { command: "modify" })));
  expect(sendMany(bench, 5)).toBe(1);
});

test("bridges have meters of their own under the same number, which go with them", () => {
  const bench = withMeters(["meter=1,pktps,bands=type=drop,rate=1"], []);
  const other = bench.vswitch.addBridge("br1");
  finish(other.pipeline.applyingMeter(parseMeter("meter=1,pktps,bands=type=drop,rate=9")));
  const numbers = [bench.bridge, other].map((bridge) => bridge.pipeline.meters.get(1)?.datapathMeter);
  expect(new Set(numbers).size).toBe(2);
  bench.vswitch.removeBridge(other);
  bench.vswitch.tick();
  expect(bench.datapath.meterStats(numbers[1] ?? -1)).toBeUndefined();
  expect(bench.datapath.meterStats(numbers[0] ?? -1)).toBeDefined();
});

test("what waits for the tables of a bridge that goes neither leaves meters in the datapath nor takes those of others", () => {
  const { vswitch, datapath, bridge } = new Bench(1, []);
  const add = (n: number): MeterMod => parseMeter(`meter=${n},pktps,bands=type=drop,rate=9`);
  const deleteAll = parseMeter("", { command: "delete" });
  const there = (): number[] => [0, 1, 2, 3].filter((number) => datapath.meterStats(number) !== undefined);
  const other = vswitch.addBridge("br1");
  const { pipeline } = other;
  finish(pipeline.applyingMeter(add(1)));
  const underWay = pipeline.applyingMeter(deleteAll);
  while (pipeline.meters.has(1)) underWay.next();
  const waiting = [add(1), deleteAll, add(2)].map((mod) => pipeline.applyingMeter(mod));
  expect(waiting.map((work) => work.next().value)).toEqual(waiting.map(() => "blocked"));
  vswitch.removeBridge(other);
  vswitch.tick();
  expect(there()).toEqual([]);
  finish(bridge.pipeline.applyingMeter(add(1)));
  for (const work of [underWay, ...waiting]) finish(work);
  vswitch.tick();
  expect(there()).toEqual([bridge.pipeline.meters.get(1)?.datapathMeter]);
});

test("flows go with the meter that they refer to, and controllers are told why", () => {
  const bench = withMeters(["meter=1,pktps,bands=type=drop,rate=1"], ["actions=meter:1,2", "table=1,actions=2"]);
  const reasons: (string | undefined)[] = [];
  bench.bridge.pipeline.onChange(({ rules }) => reasons.push(...rules.map(({ reason }) => reason)));
  expect(bench.bridge.pipeline.referencesToMeter(1)).toBe(1);
  finish(bench.bridge.pipeline.applyingMeter(parseMeter("", { command: "delete" })));
  expect([reasons, bench.bridge.pipeline.nRules]).toEqual([["meter"], 1]);
  expect(bench.send(PACKET)).toEqual([]);
});

test("many flows go with their meter in turns, and packets see them all or none", () => {
  const nFlows = 600;
  const bench = withMeters(["meter=1,pktps,bands=type=drop,rate=9"], ["table=1,actions=2"]);
  bench.add(...Array.from({ length: nFlows }, (_, n) => `priority=${n},actions=meter:1,2`));
  const { pipeline } = bench.bridge;
  const work = pipeline.applyingMeter(parseMeter("", { command: "delete" }));
  let nSteps = 0;
  let nMost = 0;
  for (let nBefore = pipeline.nRules; work.next().done !== true; nBefore = pipeline.nRules) {
    nMost = Math.max(nMost, nBefore - pipeline.nRules);
    if (++nSteps === nFlows / 2) expect(bench.send(PACKET)).toEqual(["p2"]);
  }
  expect([nMost, pipeline.nRules, pipeline.meters.get(1)]).toEqual([1, 1, undefined]);
  bench.vswitch.settle();
  expect(bench.send(PACKET)).toEqual([]);
});

test.each([
  ["add", "meter=1,pktps,bands=type=drop,rate=1", "OFPMMFC_METER_EXISTS"],
  ["modify", "meter=2,pktps,bands=type=drop,rate=1", "OFPMMFC_UNKNOWN_METER"],
  ["add", `meter=3,pktps,bands=${"type=drop,rate=1 ".repeat(9)}`, "OFPMMFC_OUT_OF_BANDS"],
] as const)("%s %s is refused as %s", (command, text, errorName) => {
  const bench = withMeters(["meter=1,pktps,bands=type=drop,rate=1"], []);
  const refused = (): void => finish(bench.bridge.pipeline.applyingMeter(parseMeter(text, { command })));
  expect(refused).toThrow(expect.objectContaining({ errorName }));
});

test("a flow that refers to a meter which is not there is refused", () => {
  expect(() => withMeters([], ["actions=meter:9,2"])).toThrow(expect.objectContaining({ errorName: "OFPMMFC_INVALID_METER" }));
});

test("packets to controllers are limited by the meter that the action names, else by that of controllers", () => {
  const bench = withMeters(
    ["meter=controller,pktps,bands=type=drop,rate=2", "meter=7,pktps,bands=type=drop,rate=1"],
    ["priority=1,actions=controller(id=1),2", "priority=2,tcp,actions=controller(id=2,meter_id=7),2"],
  );
  const ids: number[] = [];
  bench.vswitch.slowPath.onPacketForController(({ punt }) => ids.push(punt.controllerId));
  expect(sendMany(bench, 5)).toBe(5);
  for (let n = 0; n < 5; n++) expect(bench.send("in_port=1,tcp")).toEqual(["p2"]);
  expect(ids).toEqual([1, 1, 2]);
  const sample = /^sample\(sample=100\.0%,actions\(meter\(\d+\),userspace\(pid=0,controller\(reason=1,.*\)\)\)\),1$/;
  for (const { actions, key } of bench.datapath.flows()) {
    const punt = (id: number): string => formatPunt(id, bench.vswitch.slowPath.puntOf(id), false);
    expect(formatDatapathActions(actions, key, () => "1", punt)).toMatch(sample);
  }
  finish(bench.bridge.pipeline.applyingMeter(parseMeter("meter=controller", { command: "delete" })));
  bench.vswitch.settle();
  sendMany(bench, 4);
  expect(ids).toHaveLength(7);
});

test("the number of a meter that is not wanted any more goes to another when no megaflow has it", () => {
  const bench = new Bench(3, ["actions=output:3"]);
  const [first, second, third] = [1, 2, 3].map((ofport) => bench.bridge.port(ofport));
  if (first === undefined || second === undefined || third === undefined) throw new Error("the ports are not there");
  const limit = { unit: "pktps", bands: [{ kind: "drop", rate: 1, burst: 1, precedence: 0 }] } as const;
  bench.vswitch.setPolicing(first, [limit]);
  const [number] = first.policers;
  bench.send(PACKET);
  bench.vswitch.setPolicing(first, []);
  bench.vswitch.setPolicing(second, [limit]);
  expect(second.policers).not.toContain(number);
  bench.vswitch.tick();
  bench.vswitch.setPolicing(third, [limit]);
  expect(third.policers).toEqual([number]);
});

test("many meters go in turns, with their flows, and packets see them all or none", () => {
  const nMeters = 300;
  const numbers = Array.from({ length: nMeters }, (_, n) => n + 1);
  const bench = withMeters(
    numbers.map((n) => `meter=${n},pktps,bands=type=drop,rate=1`),
    ["priority=1,actions=meter:7,2"],
  );
  const { pipeline } = bench.bridge;
  const inDatapath = numbers.map((n) => pipeline.meters.get(n)?.datapathMeter ?? -1);
  const nLeft = (): number => inDatapath.filter((number) => bench.datapath.meterStats(number) !== undefined).length;
  const work = pipeline.applyingMeter(parseMeter("", { command: "delete" }));
  let nSteps = 0;
  while (pipeline.meters.get(1) !== undefined) {
    if (nSteps === nMeters) expect([sendMany(bench, 2), pipeline.meters.has(1)]).toEqual([1, false]);
    work.next();
    nSteps++;
  }
  expect([nSteps > nMeters, pipeline.meters.get(nMeters), bench.send(PACKET)]).toEqual([true, undefined, []]);
  finish(work);
  let nMost = 0;
  const tick = bench.vswitch.tickingAnew();
  for (let nBefore = nLeft(); tick.next().done !== true; nBefore = nLeft()) nMost = Math.max(nMost, nBefore - nLeft());
  expect([nMost, nLeft()]).toEqual([1, 0]);
});
