import { ManualClock } from "@tenet/kit";
import { ALL_TABLES, FLOW_FLAG, formatFlow, makeMatch, parseFlow, parseMatch } from "@tenet/openflow";
import { type FlowChange, Pipeline, type RuleEvent } from "@tenet/switch";
import { RecordingDatapath } from "./recording-datapath.ts";
import { expect, test } from "vitest";
import { finish } from "../src/turns.ts";

function change(command: FlowChange["command"], text: string, more: Partial<FlowChange["flow"]> = {}): FlowChange {
  const flow = parseFlow(text);
  const isForAllTables = command.startsWith("delete") && !text.includes("table=");
  return { command, flow: { ...flow, ...(isForAllTables ? { table: ALL_TABLES } : {}), ...more } };
}

function pipelineOf(...flows: string[]): { pipeline: Pipeline; clock: ManualClock; events: RuleEvent[] } {
  const clock = new ManualClock(5000);
  const pipeline = new Pipeline(clock, new RecordingDatapath(clock));
  const events: RuleEvent[] = [];
  pipeline.apply(flows.map((text) => change("add", text)));
  pipeline.onChange(({ rules }) => events.push(...rules));
  return { pipeline, clock, events };
}

function dump(pipeline: Pipeline): string[] {
  const rules = pipeline.select({ table: ALL_TABLES, match: makeMatch(), cookie: 0n });
  return rules.map((rule) => formatFlow(rule)).sort();
}

test("add replaces the same match and priority, and starts its counters anew where it says so, but not its idle time", () => {
  const { pipeline, clock } = pipelineOf("priority=5,ip,actions=1");
  const told = (): unknown => {
    const [rule] = pipeline.select({ table: 0, match: makeMatch(), cookie: 0n });
    return rule && { nPackets: rule.nPackets, nBytes: rule.nBytes, usedMs: rule.usedMs, createdMs: rule.createdMs };
  };
  pipeline.select({ table: 0, match: makeMatch(), cookie: 0n })[0]?.count(7, 700, 5001);
  clock.advance(1000);
  pipeline.apply([change("add", "priority=5,ip,actions=2")]);
  expect(dump(pipeline)).toEqual(["priority=5,ip actions=output:2"]);
  expect(told()).toEqual({ nPackets: 7, nBytes: 700, usedMs: 5001, createdMs: 6000 });
  expect(pipeline.nRules).toBe(1);
  clock.advance(1000);
  pipeline.apply([change("add", "priority=5,ip,actions=3", { flags: FLOW_FLAG.RESET_COUNTS })]);
  expect(told()).toEqual({ nPackets: 0, nBytes: 0, usedMs: 5001, createdMs: 7000 });
});

test("modify changes the actions of all flows within the match and keeps counters", () => {
  const { pipeline } = pipelineOf("priority=5,ip,actions=1", "priority=6,tcp,actions=1", "priority=7,arp,actions=1");
  for (const rule of pipeline.select({ table: 0, match: makeMatch(), cookie: 0n })) rule.nPackets = 3;
  pipeline.apply([change("modify", "ip,actions=9")]);
  expect(dump(pipeline)).toEqual([
    "priority=5,ip actions=output:9",
    "priority=6,tcp actions=output:9",
    "priority=7,arp actions=output:1",
  ]);
  expect(pipeline.select({ table: 0, match: makeMatch(), cookie: 0n }).map(({ nPackets }) => nPackets)).toEqual([3, 3, 3]);
  pipeline.apply([change("modify", "ip,actions=9", { flags: FLOW_FLAG.RESET_COUNTS })]);
  expect(pipeline.select({ table: 0, match: parseMatch("ip"), cookie: 0n }).map(({ nPackets }) => nPackets)).toEqual([0, 0]);
});

test("modify of nothing adds only as OpenFlow 1.0 says", () => {
  const { pipeline } = pipelineOf();
  pipeline.apply([change("modify", "ip,actions=9")]);
  expect(pipeline.nRules).toBe(0);
  pipeline.apply([{ ...change("modifyStrict", "priority=3,ip,actions=9"), isUpsert: false }]);
  pipeline.apply([{ ...change("modify", "arp,actions=9", { cookie: 5n, cookieMask: 1n }), isUpsert: true, newCookie: 4n }]);
  expect(pipeline.nRules).toBe(0);
  pipeline.apply([{ ...change("modifyStrict", "priority=3,ip,actions=9", { cookie: 7n }), isUpsert: true, newCookie: 7n }]);
  expect(dump(pipeline)).toEqual(["cookie=0x7, priority=3,ip actions=output:9"]);
  pipeline.apply([{ ...change("modify", "actions=8", { cookie: 7n, cookieMask: 7n }), isUpsert: true, newCookie: 6n }]);
  expect(dump(pipeline)).toEqual(["cookie=0x6, priority=3,ip actions=output:8"]);
});

test("strict commands touch the one flow of that match and priority", () => {
  const { pipeline } = pipelineOf("priority=5,ip,actions=1", "priority=6,ip,actions=1", "priority=6,tcp,actions=1");
  pipeline.apply([change("modifyStrict", "priority=6,ip,actions=2")]);
  pipeline.apply([change("deleteStrict", "priority=5,ip,actions=drop")]);
  expect(dump(pipeline)).toEqual(["priority=6,ip actions=output:2", "priority=6,tcp actions=output:1"]);
});

test("delete obeys cookie masks, output ports and tables", () => {
  const flows = ["cookie=0x10,ip,actions=1", "cookie=0x11,arp,actions=clone(output:2)", "cookie=0x20,table=3,ip,actions=1"];
  const { pipeline } = pipelineOf(...flows);
  pipeline.apply([change("delete", "actions=drop", { outPort: 2 })]);
  expect(pipeline.nRules).toBe(2);
  pipeline.apply([change("delete", "actions=drop", { cookie: 0x10n, cookieMask: 0xf0n })]);
  expect(dump(pipeline)).toEqual(["cookie=0x20, table=3, ip actions=output:1"]);
  pipeline.apply([change("delete", "table=1,actions=drop")]);
  expect(pipeline.nRules).toBe(1);
  pipeline.apply([change("delete", "actions=drop")]);
  expect(pipeline.nRules).toBe(0);
});

test("an overlapping flow is refused when it asks to be", () => {
  const { pipeline } = pipelineOf("priority=5,ip,actions=1");
  const overlap = change("add", "priority=5,in_port=1,actions=2", { flags: FLOW_FLAG.CHECK_OVERLAP });
  expect(() => pipeline.apply([overlap])).toThrow(/overlaps/);
  pipeline.apply([change("add", "priority=6,in_port=1,actions=2", { flags: FLOW_FLAG.CHECK_OVERLAP })]);
  expect(pipeline.nRules).toBe(2);
});

test("a bundle that fails leaves no trace, whatever it did before", () => {
  const { pipeline, events } = pipelineOf("priority=5,ip,actions=1", "priority=6,arp,actions=1");
  const before = dump(pipeline);
  const bundle = [
    change("add", "priority=5,ip,actions=7"),
    change("modify", "arp,actions=7"),
    change("delete", "actions=drop"),
    change("add", "priority=1,udp,actions=7"),
    change("add", "actions=group:4"),
  ];
  expect(() => pipeline.apply(bundle)).toThrow(/no group 4/);
  expect(dump(pipeline)).toEqual(before);
  expect(pipeline.nRules).toBe(2);
  expect(events).toEqual([]);
});

test("flows end when more than their idle or hard timeout is over, and say so", () => {
  const { pipeline, clock, events } = pipelineOf("idle_timeout=10,ip,actions=1", "hard_timeout=20,arp,actions=1");
  clock.advance(9000);
  for (const rule of pipeline.select({ table: 0, match: makeMatch(), cookie: 0n })) rule.usedMs = clock.monotonicMs();
  const reasons = [10_000, 1, 999, 1].map((ms) => {
    clock.advance(ms);
    finish(pipeline.expiring());
    return events.splice(0).map(({ type, reason }) => [type, reason]);
  });
  expect(reasons).toEqual([[], [["removed", "idle"]], [], [["removed", "hard"]]]);
});
