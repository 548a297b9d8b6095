/** What a bundle held is memory for others when the bundle has gone, and nothing of them shows in what is left of it. */
import { type BundleControlKind, type Message, parseFlow, VERSION } from "@tenet/openflow";
import { expect, test } from "vitest";
import { PackedFlow } from "../src/table/packed-flow.ts";
import { Shapes } from "../src/table/packed-match.ts";
import { everyRule } from "../src/table/every-rule.ts";
import { RecordStore } from "../src/table/record-store.ts";
import { controllersOf } from "./controller.ts";

const N_FLOWS = 2500;

function fill(store: RecordStore, priority: number): PackedFlow[] {
  const shapes = new Shapes();
  return Array.from({ length: N_FLOWS }, (_, n) => {
    const flow = { ...parseFlow(`priority=${priority},actions=drop`), cookie: BigInt(n) };
    return new PackedFlow(flow, shapes.of(flow.match.mask), store);
  });
}

test("flows of a store that was closed read as nothing, and change nothing of those that come into its memory", () => {
  const [first, second] = [new RecordStore(), new RecordStore()];
  const old = fill(first, 1);
  first.close();
  first.close(); // is nothing more
  const fresh = fill(second, 2);
  expect(old.map(({ priority, cookie }) => [priority, cookie])).toEqual(old.map(() => [0, 0n]));
  for (const flow of old) flow.release();
  const more = fill(second, 3);
  expect(fresh.map(({ priority, cookie }) => [priority, cookie])).toEqual(fresh.map((_, n) => [2, BigInt(n)]));
  expect(more.map(({ priority, cookie }) => [priority, cookie])).toEqual(more.map((_, n) => [3, BigInt(n)]));
  expect(old.map(({ priority }) => priority)).toEqual(old.map(() => 0));
});

/** The messages of a bundle that changes flows, each with a cookie of its own. */
function* bundleOf(command: "add" | "modifyStrict", cookieBase: number, end: BundleControlKind): Generator<Message> {
  const numbered = { bundleId: 7, flags: 3 };
  yield { type: "bundleControl", kind: "openRequest", ...numbered };
  for (let n = 0; n < N_FLOWS; n++) {
    const flow = { ...parseFlow(`priority=9,ip,nw_dst=10.0.${n >> 8}.${n & 255},actions=output:${1 + (cookieBase % 2)}`) };
    yield {
      type: "bundleAdd",
      ...numbered,
      message: { type: "flowMod", command, flow: { ...flow, cookie: BigInt(cookieBase + n) } },
      xid: 1,
    };
  }
  yield { type: "bundleControl", kind: end, ...numbered };
}

test("what bundles left in tables is not touched by bundles that come, are given up, or end with their connection", () => {
  const { bench, controllers } = controllersOf(VERSION.OF14, VERSION.OF14);
  const [one, other] = controllers;
  const say = (who: typeof one, messages: Iterable<Message>): void => {
    for (const message of messages) expect(who?.say(message)).toBeUndefined();
  };
  say(one, bundleOf("add", 0, "commitRequest"));
  say(one, bundleOf("add", 100_000, "discardRequest"));
  say(other, [...bundleOf("add", 200_000, "discardRequest")].slice(0, -1));
  other?.leave();
  say(one, bundleOf("modifyStrict", 300_001, "commitRequest"));
  say(one, [...bundleOf("add", 400_000, "discardRequest")].slice(0, -1));
  const rules = bench.bridge.pipeline.select(everyRule());
  expect(rules.map(({ cookie }) => Number(cookie)).sort((a, b) => a - b)).toEqual(rules.map((_, n) => n));
  expect(new Set(rules.map(({ actions }) => JSON.stringify(actions)))).toEqual(
    new Set([JSON.stringify([{ type: "output", port: 2 }])]),
  );
  expect(rules).toHaveLength(N_FLOWS);
});
