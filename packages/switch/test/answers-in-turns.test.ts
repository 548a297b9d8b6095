/** Long answers: they are given bit by bit, so that others need not wait for all of it. */
import {
  encodeMessage,
  GROUP,
  makeMatch,
  METER,
  type MultipartReply,
  type MultipartRequest,
  parseFlow,
  parseGroup,
  parseMeter,
  PORT,
} from "@tenet/openflow";
import { expect, test } from "vitest";
import { SessionGroup } from "../src/service/session-group.ts";
import { finish } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";
import { Controller } from "./controller.ts";

const N = 100;
/** That controllers see. */
const N_TABLES = 254;
/** So much of an answer is told between two chances for others. */
const MAX_PER_STEP = 4;
const ALL_QUEUES = 0xffff_ffff;
const QUERY = { table: 0xff, match: makeMatch(), cookie: 0n, cookieMask: 0n };

/** Of a switch that has {@link N} of everything. */
function controllerOf(): Controller {
  const bench = new Bench(N, []);
  const { pipeline } = bench.bridge;
  for (let n = 1; n <= N; n++) {
    finish(pipeline.applyingMeter(parseMeter(`meter=${n},pktps,bands=type=drop,rate=1`)));
    pipeline.apply([parseGroup(`group_id=${n},type=all,bucket=output:1`)]);
  }
  bench.add(...Array.from({ length: N }, (_, n) => `table=${n % 3},priority=${(n * 7919) % 0x1_0000},actions=drop`));
  return new Controller(bench, new SessionGroup(), 6);
}

/** The parts of the answer, by when others had a chance between them. */
function* ask(controller: Controller, request: MultipartRequest): Generator<MultipartReply[]> {
  const work = controller.session.handle({ version: 6, xid: 1, message: { type: "multipartRequest", request, isLast: true } });
  if (typeof work !== "object") throw new Error("it is answered at once");
  for (let isOver = false; !isOver; ) {
    isOver = work.next().done === true;
    yield controller.heard().flatMap((message) => (message.type === "multipartReply" ? message.reply : []));
  }
}

function entriesOf(reply: MultipartReply): readonly unknown[] {
  const lists = Object.values(reply).filter((value): value is readonly unknown[] => Array.isArray(value));
  return lists.flat();
}

test.each<MultipartRequest>([
  { kind: "flow", ...QUERY },
  { kind: "port", port: PORT.NONE },
  { kind: "portDesc", port: PORT.NONE },
  { kind: "queue", port: PORT.NONE, queue: ALL_QUEUES },
  { kind: "queueDesc", port: PORT.NONE, queue: ALL_QUEUES },
  { kind: "group", group: GROUP.ALL },
  { kind: "groupDesc", group: GROUP.ALL },
  { kind: "meter", meter: METER.ALL },
  { kind: "meterDesc", meter: METER.ALL },
  { kind: "flowMonitor", requests: [{ id: 1, command: "add", flags: 1, table: 0xff, match: makeMatch() }] },
])("an answer about all of $kind gives way after every few", (request) => {
  const told = [...ask(controllerOf(), request)].map((replies) => replies.flatMap(entriesOf).length);
  expect(Math.max(...told)).toBeLessThanOrEqual(MAX_PER_STEP);
  expect(told.reduce((sum, n) => sum + n, 0)).toBe(N);
});

test.each<MultipartRequest>([{ kind: "table" }, { kind: "tableDesc" }])(
  "an answer about all of $kind gives way, too",
  (request) => {
    const told = [...ask(controllerOf(), request)].map((replies) => replies.flatMap(entriesOf).length);
    expect(Math.max(...told)).toBeLessThanOrEqual(MAX_PER_STEP);
    expect(told.reduce((sum, n) => sum + n, 0)).toBe(N_TABLES);
  },
);

test("an add is carried out at once, unless it looks for others that overlap", () => {
  const controller = controllerOf();
  const add = (text: string) => {
    const message = { type: "flowMod", command: "add", flow: parseFlow(text) } as const;
    return controller.session.handle({ version: 6, xid: 1, message });
  };
  expect(add("table=9,tcp,actions=drop")).toBeUndefined();
  expect(typeof add("table=9,check_overlap,udp,actions=drop")).toBe("object");
});

test("what flows counted is added up in turns", () => {
  const bench = new Bench(1, []);
  const controller = new Controller(bench, new SessionGroup(), 6);
  const nSteps: number[] = [];
  for (const nFlows of [1, 3000]) {
    bench.bridge.pipeline.apply(
      Array.from({ length: nFlows }, (_, n) => ({ command: "add", flow: parseFlow(`priority=${n},actions=drop`) }) as const),
    );
    const replies = [...ask(controller, { kind: "aggregate", ...QUERY })];
    expect(replies.flat()).toEqual([{ kind: "aggregate", nPackets: 0n, nBytes: 0n, nFlows }]);
    nSteps.push(replies.length);
  }
  expect(nSteps[1]).toBeGreaterThan((nSteps[0] ?? 0) + 10);
});

test("tables are named one after the other, when the transaction under way is over", () => {
  const controller = controllerOf();
  const { pipeline } = controller.bench.bridge;
  const flows = Array.from(
    { length: N },
    (_, n) => ({ command: "add", flow: parseFlow(`table=9,priority=${n},actions=drop`) }) as const,
  );
  const transaction = pipeline.applying(flows);
  transaction.next();
  const tables = Array.from({ length: N }, (_, table) => ({ table, name: `t${table}`, maxEntries: 1, nTables: N }));
  const naming = ask(controller, { kind: "tableFeatures", tables });
  naming.next();
  expect([pipeline.isBusy, pipeline.table(0).settings.name]).toEqual([true, ""]);
  finish(transaction);
  const nNamed = (): number => tables.filter(({ table, name }) => pipeline.table(table).settings.name === name).length;
  for (let nBefore = 0; nBefore < N; nBefore = nNamed()) {
    naming.next();
    expect(nNamed()).toBeLessThanOrEqual(nBefore + 1);
  }
});

test("an answer about flows waits without a step until the transaction under way is over", async () => {
  const controller = controllerOf();
  const { bridge, vswitch } = controller.bench;
  const { turns } = vswitch;
  const flows = Array.from({ length: 20 * N }, (_, priority) => ({ ...parseFlow("table=9,actions=drop"), priority }));
  const adding = flows.map((flow) => ({ command: "add", flow }) as const);
  turns.begin(vswitch.changingTables(bridge.pipeline.applying(adding)));
  const message = { type: "multipartRequest", request: { kind: "flow", ...QUERY }, isLast: true } as const;
  const work = controller.session.handle({ version: 6, xid: 1, message });
  if (typeof work !== "object") throw new Error("it is answered at once");
  let nWhileBusy = 0;
  await turns.run(
    (function* () {
      for (const value of work) {
        if (bridge.pipeline.isBusy) nWhileBusy++;
        yield value;
      }
    })(),
  );
  expect(nWhileBusy).toBe(1);
  const told = controller.heard().flatMap((reply) => (reply.type === "multipartReply" ? entriesOf(reply.reply) : []));
  expect(told).toHaveLength(N + flows.length);
});

test("flows are listed by table, then best priority first", () => {
  const places = [...ask(controllerOf(), { kind: "flow", ...QUERY })]
    .flat()
    .flatMap((reply) => (reply.kind === "flow" ? reply.flows.map(({ table, priority }) => ({ table, priority })) : []));
  expect(places).toEqual(places.toSorted((a, b) => a.table - b.table || b.priority - a.priority));
  expect(places).toHaveLength(N);
});

test("OpenFlow 1.0: ports are told one after the other, as many as one message has room for", () => {
  const bench = new Bench(1, []);
  const ports = bench.bridge.ports();
  bench.bridge.ports = () => Array.from({ length: 1400 }, () => ports).flat();
  const controller = new Controller(bench, new SessionGroup(), 1);
  const work = controller.session.handle({ version: 1, xid: 1, message: { type: "featuresRequest" } });
  if (typeof work !== "object") throw new Error("it is answered at once");
  let nSteps = 0;
  while (work.next().done !== true) nSteps++;
  const [reply] = controller.heard();
  if (reply?.type !== "featuresReply") throw new Error("it is not answered");
  expect(encodeMessage(reply, 1, 1).length).toBeGreaterThan(0xffff - 48);
  expect([reply.ports.length, nSteps]).toEqual([1364, 1364]);
});
