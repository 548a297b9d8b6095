/** Full tables, eviction, and what controllers hear of how full tables are. */
import { FIELDS } from "@tenet/net";
import { ALL_TABLES, formatFlow, makeMatch, parseFlow, TABLE_CONFIG, type TableMiss } from "@tenet/openflow";
import type { TableSettings } from "@tenet/switch";
import { expect, test } from "vitest";
import { finish } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";
import { Cables } from "./cables.ts";
import { type Controller, controllersOf } from "./controller.ts";

const SETTINGS: TableSettings = { name: "t", isEvicting: false, evictionGroups: [] };

function limited(settings: Partial<TableSettings>): Bench {
  const bench = new Bench(2, []);
  bench.bridge.pipeline.configureTable(0, { ...SETTINGS, ...settings });
  return bench;
}

function add({ bridge }: Bench, ...flows: string[]): void {
  bridge.pipeline.apply(flows.map((text) => ({ command: "add", flow: parseFlow(text) })));
}

function flowsOf({ bridge }: Bench): string[] {
  return bridge.pipeline
    .select({ table: ALL_TABLES, match: makeMatch(), cookie: 0n })
    .map(({ table, priority, cookie, match, actions }) =>
      formatFlow({ table, priority, cookie, match, actions, flags: 0, idleTimeout: 0, hardTimeout: 0, importance: 0 }),
    )
    .sort();
}

test("a full table refuses one more, and takes one that replaces its like", () => {
  const bench = limited({ flowLimit: 2 });
  add(bench, "tcp,actions=1", "udp,actions=1");
  expect(() => add(bench, "arp,actions=1")).toThrow(expect.objectContaining({ errorName: "OFPFMFC_TABLE_FULL" }));
  add(bench, "tcp,actions=2", "table=1,arp,actions=1");
  expect(flowsOf(bench)).toEqual(["table=1, arp actions=output:1", "tcp actions=output:2", "udp actions=output:1"]);
});

test("the flow that would end first goes for one that comes; flows without a timeout stay", () => {
  const bench = limited({ flowLimit: 3, isEvicting: true });
  add(bench, "hard_timeout=100,tcp,actions=1", "idle_timeout=50,udp,actions=1", "icmp,actions=1");
  add(bench, "arp,actions=1");
  expect(flowsOf(bench)).toEqual(["arp actions=output:1", "icmp actions=output:1", "tcp actions=output:1"]);
  add(bench, "rarp,actions=1");
  const refused = (): void => add(bench, "sctp,actions=1");
  expect(refused).toThrow(expect.objectContaining({ errorName: "OFPFMFC_TABLE_FULL" }));
  expect(flowsOf(bench)).toEqual(["arp actions=output:1", "icmp actions=output:1", "rarp actions=output:1"]);
});

test("the largest group of equal fields loses a flow first", () => {
  const bench = limited({ flowLimit: 4, isEvicting: true, evictionGroups: [FIELDS.in_port] });
  add(
    bench,
    "idle_timeout=9,in_port=1,tcp,actions=1",
    ...["tcp", "udp", "arp"].map((kind, i) => `idle_timeout=${50 - i},in_port=2,${kind},actions=1`),
  );
  add(bench, "idle_timeout=5,in_port=3,tcp,actions=1");
  expect(flowsOf(bench).filter((flow) => flow.startsWith("arp"))).toEqual([]);
  expect(flowsOf(bench)).toHaveLength(4);
});

test("a controller that asks for eviction has the least important go first", () => {
  const bench = limited({ flowLimit: 2 });
  finish(bench.bridge.pipeline.applyingTableMod({ type: "tableMod", table: 0, config: TABLE_CONFIG.EVICTION }));
  add(bench, "hard_timeout=5,importance=9,tcp,actions=1", "hard_timeout=90,importance=2,udp,actions=1");
  add(bench, "hard_timeout=9,importance=5,arp,actions=1");
  expect(flowsOf(bench)).toEqual(["arp actions=output:1", "tcp actions=output:1"]);
});

test("a lower limit evicts at once where the table may", () => {
  const bench = limited({ isEvicting: true });
  add(bench, "hard_timeout=5,tcp,actions=1", "hard_timeout=90,udp,actions=1", "hard_timeout=9,arp,actions=1");
  bench.bridge.pipeline.configureTable(0, { ...SETTINGS, isEvicting: true, flowLimit: 1 });
  expect(flowsOf(bench)).toEqual(["udp actions=output:1"]);
});

test("controllers hear once that a table fills, and once that it empties; those of a version that cannot say it do not", () => {
  const { bench, controllers } = controllersOf(6, 4);
  const [controller, older] = controllers as [Controller, Controller];
  const masks = { packetIn: [0, 0], portStatus: [0, 0], flowRemoved: [0, 0], tableStatus: [24, 0] } as const;
  for (const each of controllers) each.say({ type: "setAsync", ...masks });
  bench.bridge.pipeline.configureTable(0, { ...SETTINGS, flowLimit: 10 });
  const vacancy = { downPercent: 30, upPercent: 60 };
  expect(controller.say({ type: "tableMod", table: 0, config: TABLE_CONFIG.VACANCY_EVENTS, vacancy })).toBeUndefined();
  const reasons = (): string[] => controller.heard().map((message) => (message.type === "tableStatus" ? message.reason : ""));
  for (let n = 0; n < 9; n++) add(bench, `priority=${n},actions=1`);
  expect(reasons()).toEqual(["vacancyDown"]);
  for (let n = 0; n < 9; n++) {
    bench.bridge.pipeline.apply([{ command: "deleteStrict", flow: parseFlow(`priority=${n}`, { purpose: "delete" }) }]);
  }
  expect(reasons()).toEqual(["vacancyUp"]);
  expect(older.heard()).toEqual([]);
});

test("whether a flow overlaps is looked up in turns", () => {
  const bench = new Bench(2, []);
  const { pipeline } = bench.bridge;
  const nFlows = 1500;
  add(bench, ...Array.from({ length: nFlows }, (_, n) => `priority=5,tcp,tp_dst=${n},actions=1`));
  const stepsOf = (text: string): number => {
    let nSteps = 0;
    for (const work = pipeline.applying([{ command: "add", flow: parseFlow(text) }]); work.next().done !== true; ) nSteps++;
    return nSteps;
  };
  const nSteps = stepsOf("priority=5,check_overlap,tcp,tp_dst=0x8000/0x8000,actions=1");
  expect(nSteps).toBeGreaterThan(stepsOf("priority=6,check_overlap,tcp,tp_dst=0x8000/0x8000,actions=1") + nFlows / 400);
  expect(() => stepsOf("priority=5,check_overlap,tcp,tp_dst=0/0x8000,actions=1")).toThrow(
    expect.objectContaining({ errorName: "OFPFMFC_OVERLAP" }),
  );
  expect(pipeline.nRules).toBe(nFlows + 2);
});

test("a packet that finds no flow goes on in the next table, or to the controller, or is dropped, as a table-mod says", async () => {
  await using cables = new Cables("p1", "p2");
  cables.apply("actions=NORMAL", "delete");
  cables.apply("table=2,actions=output:2");
  const configure = (table: number, miss: TableMiss): void => {
    finish(cables.vswitch.configuringTables(cables.bridge, { type: "tableMod", table, config: 0, miss }));
    cables.vswitch.settle();
  };
  const send = (): string[] => cables.send("p1", "ip,nw_dst=10.0.0.2");
  expect(send()).toEqual([]);
  configure(0, "continue");
  expect(send()).toEqual([]);
  configure(1, "continue");
  expect([send(), send()]).toEqual([["p2"], ["p2"]]);
  configure(1, "drop");
  expect(send()).toEqual([]);
  cables.apply("actions=resubmit(,1)");
  configure(1, "continue");
  expect(send(), "a resubmit is back when its table has no flow").toEqual([]);
  cables.apply("actions=NORMAL", "delete");
  cables.apply("table=2,actions=drop", "delete");
  configure(ALL_TABLES, "continue");
  cables.vswitch.setSendsMisses(cables.bridge, true);
  cables.vswitch.settle();
  const punted: number[] = [];
  cables.vswitch.slowPath.onPacketForController(({ punt }) => punted.push(punt.table));
  send();
  expect(punted, "the last table goes by what the bridge does").toEqual([253]);
});
