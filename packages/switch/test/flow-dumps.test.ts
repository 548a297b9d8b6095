/** Dumps of flows that go on while flows come, change and go: each that packets meet all the time is told once. */
import { ALL_TABLES, type FlowStats, makeMatch, type MultipartRequest, parseFlow } from "@tenet/openflow";
import { RefusedError, type TableChange } from "@tenet/switch";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { SessionGroup } from "../src/service/session-group.ts";
import type { Pipeline } from "../src/table/pipeline.ts";
import { finish } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";
import { Controller } from "./controller.ts";

const QUERY = { table: ALL_TABLES, match: makeMatch(), cookie: 0n, cookieMask: 0n };
/** More than are looked at, or told, between two chances for others. */
const N_FLOWS = 600;

const add = (n: number, output: number): TableChange => ({
  command: "add",
  flow: parseFlow(`table=${n % 2},priority=${(n * 7919) % N_FLOWS},udp,tp_src=${n},actions=output:${output}`),
});
const addAll = (output: number): TableChange[] => Array.from({ length: N_FLOWS }, (_, n) => add(n, output));
const before = addAll(1);
const after = addAll(2);
const deleteAll: TableChange = { command: "delete", flow: parseFlow("", { purpose: "delete" }) };
const wrong: TableChange = { command: "add", flow: parseFlow("actions=group:7") };

function controllerOf(): Controller {
  const bench = new Bench(3, []);
  bench.bridge.pipeline.apply(before);
  return new Controller(bench, new SessionGroup(), 6);
}

/** Asks, and has something done after some steps of the work on the answer. @returns how many steps there were */
function askAnd(controller: Controller, request: MultipartRequest, meanwhile: (nSteps: number) => void): number {
  const work = controller.session.handle({ version: 6, xid: 1, message: { type: "multipartRequest", request, isLast: true } });
  if (typeof work !== "object") throw new Error("it is answered at once");
  let nSteps = 0;
  while (work.next().done !== true) meanwhile(++nSteps);
  return nSteps;
}

function toldBy(controller: Controller): FlowStats[] {
  return controller
    .heard()
    .flatMap((message) => (message.type === "multipartReply" && message.reply.kind === "flow" ? message.reply.flows : []));
}

/** What tells flows apart. */
function keysOf(flows: readonly FlowStats[]): string[] {
  return flows
    .map(({ table, priority, match }) => `${table} ${priority} ${match.key.filter((word) => word !== 0).join()}`)
    .sort();
}

/** Changes during which packets meet all flows, as they were or as they will be. */
const CHANGES: Readonly<Record<string, (pipeline: Pipeline) => Generator<unknown>>> = {
  *"one by one"(pipeline) {
    for (const each of after) yield pipeline.apply([each]);
  },
  together: (pipeline) => pipeline.applying(after),
  anew: (pipeline) => pipeline.applying([deleteAll, ...after]),
  "refused at the end": (pipeline) => pipeline.applying([...after, wrong]),
  "deleted, and refused": (pipeline) => pipeline.applying([deleteAll, wrong]),
  "anew, and refused": (pipeline) => pipeline.applying([deleteAll, ...after, wrong]),
};

test("a flow that is replaced, in a transaction or alone, is in a dump once", () => {
  const property = fc.property(fc.constantFrom(...Object.values(CHANGES)), fc.nat(60), (change, start) => {
    const controller = controllerOf();
    const { pipeline } = controller.bench.bridge;
    const keys = keysOf(tell(controller));
    const work = refusable(change(pipeline));
    askAnd(controller, { kind: "flow", ...QUERY }, (nSteps) => {
      if (nSteps > start) work.next();
    });
    expect(keysOf(toldBy(controller))).toEqual(keys);
    while (work.next().done !== true);
    finish(pipeline.expiring());
    expect(keysOf(tell(controller))).toEqual(keys);
  });
  fc.assert(property, { seed: inject("seed"), numRuns: 25 * inject("effort") });
});

/** Work that may be refused. */
function* refusable(work: Generator<unknown>): Generator<unknown> {
  try {
    yield* work;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
  }
}

function tell(controller: Controller): FlowStats[] {
  askAnd(controller, { kind: "flow", ...QUERY }, () => undefined);
  return toldBy(controller);
}

test.each(["aggregate", "flow"] as const)("%s tells what flows counted that go when it has begun", (kind) => {
  const controller = controllerOf();
  const { pipeline } = controller.bench.bridge;
  for (const rule of pipeline.select(QUERY)) rule.count(1, 60, 0);
  const nSteps = askAnd(controller, { kind, ...QUERY }, () => undefined);
  controller.heard();
  askAnd(controller, { kind, ...QUERY }, (n) => {
    if (n !== nSteps - 1) return;
    finish(pipeline.applying([deleteAll]));
    finish(pipeline.expiring());
    pipeline.apply(after);
  });
  const replies = controller.heard().flatMap((message) => (message.type === "multipartReply" ? message.reply : []));
  const counts = replies.flatMap((reply) =>
    reply.kind === "aggregate" ? reply.nPackets : reply.kind === "flow" ? reply.flows.map(({ nPackets }) => nPackets) : [],
  );
  expect(counts.reduce((sum, n) => sum + n, 0n)).toBe(BigInt(N_FLOWS));
});

test("what went gives its records back when the dump is over, or its connection", () => {
  const controller = controllerOf();
  const { pipeline } = controller.bench.bridge;
  for (const isLeft of [false, true]) {
    const rules = pipeline.select(QUERY);
    askAnd(controller, { kind: "flow", ...QUERY }, (n) => {
      if (n !== 20) return;
      finish(pipeline.applying([deleteAll, ...after]));
      expect(rules.some(({ isReleased }) => isReleased)).toBe(false);
      if (isLeft) controller.leave();
    });
    expect(toldBy(controller).length < N_FLOWS).toBe(isLeft);
    finish(pipeline.expiring());
    expect(rules.every(({ isReleased }) => isReleased)).toBe(true);
  }
});
