/** Changes of the tables that go on in turns. */
import { ALL_TABLES, makeMatch, parseFlow, parseGroup, parseMeter } from "@tenet/openflow";
import { RefusedError, type TableChange } from "@tenet/switch";
import { expect, test } from "vitest";
import { startingOver } from "../src/database/start-over.ts";
import { RecordStore } from "../src/table/record-store.ts";
import { finish } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";

const add = (text: string): TableChange => ({ command: "add", flow: parseFlow(text) });
const remove = (text: string): TableChange => ({ command: "delete", flow: parseFlow(text, { purpose: "delete" }) });
const modify = (text: string): TableChange => ({ command: "modify", flow: parseFlow(text) });
const groupMod = (command: "add" | "modify" | "delete", text: string): TableChange => parseGroup(text, { command });
const PACKET = "in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,udp,nw_ttl=64";

/** The priorities of all flows. */
function flowsOf({ bridge }: Bench): number[] {
  return bridge.pipeline
    .select({ table: 0, match: makeMatch(), cookie: 0n })
    .map(({ priority }) => priority)
    .sort();
}

test("packets see a transaction when all of it is done, and megaflows follow", () => {
  const bench = new Bench(3, ["priority=1,actions=output:2"]);
  const work = bench.bridge.pipeline.applying([
    remove("table=0"),
    add("priority=2,udp,actions=output:3"),
    add("priority=3,tcp,actions=drop"),
  ]);
  expect(bench.send(PACKET)).toEqual(["p2"]);
  let nSteps = 0;
  for (; work.next().done !== true; nSteps++) {
    if (bench.bridge.pipeline.isBusy) expect(bench.send(PACKET).length).toBe(1);
  }
  expect(nSteps).toBeGreaterThan(3);
  bench.vswitch.settle();
  expect(bench.send(PACKET)).toEqual(["p3"]);
  expect(flowsOf(bench)).toEqual([2, 3]);
});

test("a transaction that is refused leaves no trace, in turns too", () => {
  const bench = new Bench(3, ["priority=1,actions=output:2"]);
  const changes = [remove("table=0"), add("priority=2,udp,actions=output:3"), add("actions=group:7")];
  expect(() => finish(bench.bridge.pipeline.applying(changes))).toThrow(RefusedError);
  expect(bench.send(PACKET)).toEqual(["p2"]);
  expect(flowsOf(bench)).toEqual([1]);
});

test("who cannot wait brings the transaction under way to its end first", () => {
  const bench = new Bench(3, ["priority=1,actions=output:2"]);
  const { pipeline } = bench.bridge;
  const work = pipeline.applying([add("priority=2,udp,actions=output:3"), add("priority=3,udp,actions=output:2,output:3")]);
  work.next();
  expect(pipeline.isBusy).toBe(true);
  pipeline.apply([add("priority=4,udp,actions=drop")]);
  expect(pipeline.isBusy).toBe(false);
  expect(flowsOf(bench)).toEqual([1, 2, 3, 4]);
  finish(work);
  expect(bench.send(PACKET)).toEqual([]);
});

/** Goes on with a transaction step by step, with a packet after each. @returns where the packets went, without repetitions */
function sendMeanwhile(bench: Bench, changes: readonly TableChange[]): string[] {
  const seen: string[] = [];
  for (const work = bench.bridge.pipeline.applying(changes); work.next().done !== true; ) {
    bench.vswitch.settle();
    const ports = bench.send(PACKET).join("+") || "nowhere";
    if (seen.at(-1) !== ports) seen.push(ports);
  }
  return seen;
}

test("packets see flows as they were before all of a transaction is done that modifies them", () => {
  const bench = new Bench(3, ["priority=1,actions=output:2", "priority=2,udp,actions=resubmit(,1)", "table=1,actions=output:2"]);
  const seen = sendMeanwhile(bench, [
    modify("table=0,actions=resubmit(,1)"),
    modify("table=1,actions=output:3"),
    add("table=1,priority=9,tcp,actions=drop"),
    modify("table=1,actions=output:2,output:3"),
  ]);
  expect(seen).toEqual(["p2", "p2+p3"]);
});

test("a refused transaction leaves modified flows with the actions and counters that they had", () => {
  const bench = new Bench(3, ["cookie=5,actions=output:2"]);
  bench.send(PACKET);
  finish(bench.vswitch.cache.readingStatistics());
  const changes = [
    modify("reset_counts,actions=output:3"),
    modify("actions=conjunction(1,1/2)"),
    modify("actions=output:3,output:2"),
    add("actions=group:7"),
  ];
  expect(() => finish(bench.bridge.pipeline.applying(changes))).toThrow(RefusedError);
  const [rule] = bench.bridge.pipeline.select({ table: 0, match: makeMatch(), cookie: 0n });
  expect([rule?.cookie, rule?.nPackets, rule?.actions]).toEqual([5n, 1, [{ type: "output", port: 2 }]]);
  expect(bench.send(PACKET)).toEqual(["p2"]);
});

test("packets that were not counted yet count for the flow that takes the place of theirs, unless that counts anew", () => {
  const bench = new Bench(3, ["actions=output:2"]);
  const { pipeline } = bench.bridge;
  const nPackets = (): number | undefined => {
    bench.vswitch.settle();
    finish(bench.vswitch.cache.readingStatistics());
    return pipeline.select({ table: 0, match: makeMatch(), cookie: 0n })[0]?.nPackets;
  };
  const sendThree = (): void => [1, 2, 3].forEach(() => void bench.send(PACKET));
  sendThree();
  pipeline.apply([add("actions=output:3")]);
  pipeline.apply([add("actions=output:2")]);
  expect(nPackets()).toBe(3);
  sendThree();
  finish(pipeline.applying([add("actions=output:3"), add("cookie=7,actions=output:3")]));
  sendThree();
  expect(nPackets()).toBe(9);
  sendThree();
  expect(() => finish(pipeline.applying([add("actions=output:2"), add("actions=output:1"), add("actions=group:7")]))).toThrow();
  expect(nPackets()).toBe(12);
  sendThree();
  pipeline.apply([add("reset_counts,actions=output:2")]);
  expect(nPackets()).toBe(0);
});

test("flows that become conjunctive, or are so no more, in turns", () => {
  const flows = ["priority=5,udp,actions=output:2", "priority=5,in_port=1,actions=drop", "priority=6,conj_id=9,actions=output:3"];
  const bench = new Bench(3, flows);
  const seen = sendMeanwhile(bench, [modify("udp,actions=conjunction(9,1/2)"), modify("in_port=1,actions=conjunction(9,2/2)")]);
  expect(seen.at(-1)).toBe("p3");
  expect(seen.length).toBe(2);
  expect(sendMeanwhile(bench, [modify("udp,actions=output:2")]).at(-1)).toBe("p2");
});

test("packets see groups as they were before all of a transaction is done", () => {
  const bench = new Bench(3, ["actions=output:3"]);
  const first = [
    groupMod("add", "group_id=1,type=all,bucket=output:2"),
    modify("actions=group:1"),
    groupMod("modify", "group_id=1,type=all,bucket=output:2,bucket=output:3"),
  ];
  expect(sendMeanwhile(bench, first)).toEqual(["p3", "p2+p3"]);
  const { pipeline } = bench.bridge;
  expect(() => finish(pipeline.applying([groupMod("delete", "group_id=1"), add("actions=group:1")]))).toThrow(RefusedError);
  expect(bench.send(PACKET)).toEqual(["p2", "p3"]);
  expect(sendMeanwhile(bench, [groupMod("delete", "group_id=1"), add("actions=output:2")])).toEqual(["p2+p3", "p2"]);
  expect([pipeline.groups.has(1), pipeline.groups.get(1)]).toEqual([false, undefined]);
});

test("a flow that a packet teaches is there at once, whatever goes on in turns", () => {
  const teaches = "priority=2,udp,actions=learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:3->NXM_NX_REG0[]),output:2";
  const bench = new Bench(3, [teaches]);
  const { pipeline } = bench.bridge;
  const many = Array.from({ length: 50 }, (_, n) => add(`table=2,priority=${n},actions=drop`));
  const work = pipeline.applying([...many, add("table=1,priority=5,actions=drop")]);
  work.next();
  bench.send(PACKET);
  expect(pipeline.isBusy).toBe(true);
  expect(pipeline.table(1).classifier.size).toBe(1);
  const key = makeMatch().key;
  expect(pipeline.table(1).classifier.lookup(key)).toBeUndefined();
  finish(work);
  expect(pipeline.table(1).classifier.size).toBe(2);
  expect(pipeline.nRules).toBe(53);
});

test("rules whose time is over while a transaction goes on expire when it is done", () => {
  const bench = new Bench(3, ["hard_timeout=5,actions=output:2"]);
  const { pipeline } = bench.bridge;
  const work = pipeline.applying([add("priority=1,actions=output:3"), add("priority=2,tcp,actions=drop")]);
  work.next();
  bench.clock.advance(6000);
  finish(pipeline.expiring());
  expect(pipeline.nRules).toBe(2);
  finish(work);
  expect(flowsOf(bench)).toEqual([1, 2]);
});

test("rules that expire when a transaction is done do not show the next one, which has begun, before its end", () => {
  const bench = new Bench(3, ["table=9,hard_timeout=5,actions=drop", "actions=output:2"]);
  const { pipeline } = bench.bridge;
  const work = pipeline.applying([add("table=8,actions=drop"), add("table=7,actions=drop")]);
  work.next();
  bench.clock.advance(6000);
  finish(pipeline.expiring());
  pipeline.apply([add("table=6,actions=drop")]); // cannot wait
  const next = pipeline.applying([remove("table=0"), add("actions=output:3")]);
  while (pipeline.table(0).classifier.size > 0) next.next();
  finish(work);
  expect(bench.send(PACKET)).toEqual(["p2"]);
  finish(next);
  bench.vswitch.settle();
  expect([bench.send(PACKET), pipeline.table(9).classifier.size]).toEqual([["p3"], 0]);
});

test("a flow that a refused transaction has left is there for packets until the next one that removes it is done", () => {
  const nFlows = 600;
  const bench = new Bench(
    3,
    Array.from({ length: nFlows }, (_, n) => `udp,tp_dst=${n},actions=output:2`),
  );
  const { pipeline } = bench.bridge;
  const refused = pipeline.applying([remove("table=0"), add("table=254,actions=drop")]);
  do refused.next();
  while (pipeline.isBusy);
  refused.next();
  const next = pipeline.applying([remove("table=0"), add("actions=output:3")]);
  while (pipeline.nRules > 0) next.next();
  expect(() => finish(refused)).toThrow(RefusedError);
  for (const port of [0, nFlows - 1]) expect(bench.send(`${PACKET},tp_dst=${port}`)).toEqual(["p2"]);
  finish(next);
  bench.vswitch.settle();
  expect([bench.send(PACKET), pipeline.table(0).classifier.nSubtables]).toEqual([["p3"], 1]);
});

test("a bridge that starts over loses its flows in turns, and packets see all of that at once", () => {
  const nFlows = 300;
  const bench = new Bench(
    3,
    Array.from({ length: nFlows }, (_, n) => `priority=${n},actions=output:2`),
  );
  bench.bridge.pipeline.apply([parseGroup("group_id=1,type=all,bucket=output:2")]);
  finish(bench.bridge.pipeline.applyingMeter(parseMeter("meter=1,pktps,bands=type=drop,rate=9")));
  let nSteps = 0;
  const seen: string[] = [];
  for (const work = startingOver(bench.bridge, "secure"); work.next().done !== true; nSteps++) {
    if (nSteps % 50 === 0) seen.push(...bench.send(PACKET));
  }
  expect([nSteps > nFlows, new Set(seen)]).toEqual([true, new Set(["p2"])]);
  bench.vswitch.settle();
  expect([bench.bridge.pipeline.nRules, bench.send(PACKET)]).toEqual([0, []]);
  expect([bench.bridge.pipeline.groups.get(1), bench.bridge.pipeline.meters.get(1)]).toEqual([undefined, undefined]);
});

test("when many rules expire at once others come first after a few", () => {
  const nFlows = 300;
  const bench = new Bench(
    3,
    Array.from({ length: nFlows }, (_, n) => `priority=${n},hard_timeout=5,actions=drop`),
  );
  const { pipeline } = bench.bridge;
  bench.clock.advance(6000);
  let nMost = 0;
  for (const work = pipeline.expiring(); pipeline.nRules > 0; ) {
    const nBefore = pipeline.nRules;
    work.next();
    nMost = Math.max(nMost, nBefore - pipeline.nRules);
  }
  expect(nMost).toBeLessThan(nFlows / 20);
});

test("a transaction that begins while rules expire in turns is not shown by them before its end", () => {
  const mortal = Array.from({ length: 300 }, (_, n) => `table=9,priority=${n},idle_timeout=60,actions=drop`);
  const held = Array.from({ length: 600 }, (_, n) => `table=0,priority=${n},actions=output:2`);
  const bench = new Bench(3, [...mortal, ...held]);
  const { pipeline } = bench.bridge;
  const expiring = pipeline.expiring();
  expiring.next();
  const work = pipeline.applying([remove("table=0"), ...held.map((text) => add(text.replace("output:2", "output:3")))]);
  while (pipeline.nRules > mortal.length) work.next();
  while (pipeline.nRules === mortal.length) work.next();
  bench.clock.advance(61_000);
  finish(expiring);
  expect(bench.send(PACKET)).toEqual(["p2"]);
  finish(work);
  bench.vswitch.settle();
  expect(bench.send(PACKET)).toEqual(["p3"]);
  expect([pipeline.nRules, pipeline.table(0).classifier.size, flowsOf(bench).length]).toEqual([600, 600, 600]);
});

test("of a long transaction listeners are told in short parts, each rule once", () => {
  const bench = new Bench(3, []);
  const { pipeline } = bench.bridge;
  const parts: number[] = [];
  pipeline.onChange(({ rules }) => parts.push(rules.length));
  pipeline.apply(Array.from({ length: 1000 }, (_, n) => add(`priority=${n},actions=drop`)));
  expect(Math.max(...parts)).toBeLessThanOrEqual(32); // each controller is sent a message about each
  expect(parts.reduce((sum, n) => sum + n, 0)).toBe(1000);
});

test("the database saying of a table what it said before does not bring a transaction to its end", () => {
  const bench = new Bench(3, []);
  const { pipeline } = bench.bridge;
  const settings = { name: "first", isEvicting: false, evictionGroups: [] };
  finish(pipeline.configuringTables(new Map([[0, settings]])));
  const work = pipeline.applying([add("priority=1,actions=drop"), add("priority=2,actions=drop")]);
  work.next();
  finish(pipeline.configuringTables(new Map([[0, { ...settings }]])));
  expect(pipeline.isBusy).toBe(true);
  const configuring = pipeline.configuringTables(new Map([[0, { ...settings, flowLimit: 9 }]]));
  expect(configuring.next().value).toBe("blocked");
  finish(work);
  finish(configuring);
  expect([pipeline.isBusy, pipeline.nRules, pipeline.table(0).limit]).toEqual([false, 2, 9]);
});

test.each([1, 2, 3, 4])(
  "what a packet teaches may evict a flow that is about to be changed or deleted, after step %i",
  (nSteps) => {
    for (const change of [modify("actions=group:1"), remove("table=0")]) {
      const bench = new Bench(
        3,
        [1, 2, 3].map((n) => `priority=${n},hard_timeout=${10 * n},actions=drop`),
      );
      const { pipeline } = bench.bridge;
      pipeline.apply([groupMod("add", "group_id=1,type=all,bucket=output:1")]);
      finish(pipeline.configuringTables(new Map([[0, { name: "", isEvicting: true, evictionGroups: [], flowLimit: 3 }]])));
      const work = pipeline.applying([change]);
      for (let step = 0; step < nSteps; step++) work.next();
      expect(pipeline.learned.learn(parseFlow("priority=9,udp,hard_timeout=99,actions=drop"), 0)).toBe(true);
      finish(work);
      const rules = pipeline.select({ table: 0, match: makeMatch(), cookie: 0n });
      expect(rules.map(({ priority }) => priority)).toContain(9);
      expect(pipeline.nRules).toBe(rules.length);
      expect(pipeline.referencesToGroup(1)).toBe(rules.filter((rule) => rule.refersToGroup(1)).length);
    }
  },
);

test.each([false, true])(
  "what a packet teaches may evict a flow of a transaction that is refused: one that it adds: %s",
  (isAdded) => {
    const { pipeline } = new Bench(3, []).bridge;
    const flow = "table=1,hard_timeout=10,actions=group:1";
    pipeline.apply([groupMod("add", "group_id=1,type=all,bucket=output:1"), ...(isAdded ? [] : [add(flow)])]);
    finish(pipeline.configuringTables(new Map([[1, { name: "", isEvicting: true, evictionGroups: [], flowLimit: 1 }]])));
    const change = isAdded ? add(flow) : modify("table=1,actions=drop");
    const others = Array.from({ length: 600 }, (_, n) => add(`priority=${n},actions=drop`));
    const work = pipeline.applying([change, ...others, add("table=254,actions=drop")]);
    while (pipeline.nRules < 2) work.next();
    expect(pipeline.learned.learn(parseFlow("table=1,priority=9,udp,hard_timeout=99,actions=drop"), 0)).toBe(true);
    expect(pipeline.isBusy).toBe(false); // the transaction came to its end first
    expect(() => finish(work)).toThrow(RefusedError);
    expect([pipeline.nRules, pipeline.table(1).classifier.size, pipeline.referencesToGroup(1)]).toEqual([1, 1, 0]);
  },
);

test("what a packet teaches while a transaction goes on may evict a flow that has taught others, which go with it", () => {
  const teacher = "table=1,hard_timeout=9,actions=learn(table=9,delete_learned,cookie=7,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])";
  const { pipeline } = new Bench(3, [teacher, "table=9,cookie=7,actions=drop"]).bridge;
  finish(pipeline.configuringTables(new Map([[1, { name: "", isEvicting: true, evictionGroups: [], flowLimit: 1 }]])));
  const work = pipeline.applying(Array.from({ length: 50 }, (_, n) => add(`priority=${n},actions=drop`)));
  work.next();
  expect(pipeline.learned.learn(parseFlow("table=1,priority=9,udp,hard_timeout=99,actions=drop"), 0)).toBe(true);
  finish(work);
  expect([0, 1, 9].map((table) => pipeline.table(table).classifier.size)).toEqual([50, 1, 0]);
});

test("nobody hears that a flow came after it went, which a transaction adds and a packet's lesson evicts", () => {
  const { pipeline } = new Bench(3, []).bridge;
  finish(pipeline.configuringTables(new Map([[1, { name: "", isEvicting: true, evictionGroups: [], flowLimit: 1 }]])));
  const heard: string[] = [];
  pipeline.onChange(({ rules }) => {
    for (const { type, rule } of rules) if (rule.table === 1) heard.push(`${type} ${rule.priority}`);
  });
  const others = Array.from({ length: 600 }, (_, n) => add(`priority=${n},actions=drop`));
  const work = pipeline.applying([add("table=1,priority=5,hard_timeout=10,actions=drop"), ...others]);
  while (pipeline.nRules < 2) work.next();
  pipeline.learned.learn(parseFlow("table=1,priority=9,udp,hard_timeout=99,actions=drop"), 0);
  finish(work);
  expect(heard).toEqual(["added 5", "removed 5", "added 9"]);
});

test("a flow that is kept for later and leaves its table to the switch comes to the first", () => {
  const bench = new Bench(3, []);
  const { pipeline } = bench.bridge;
  const flow = { ...parseFlow("priority=5,udp,actions=output:2"), table: ALL_TABLES };
  pipeline.apply([{ command: "add", flow: pipeline.keep(flow, "add", new RecordStore()) }]);
  expect(flowsOf(bench)).toEqual([5]);
  expect(bench.send(PACKET)).toEqual(["p2"]);
});
