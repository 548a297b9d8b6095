/** Changes of the tables that go on in turns. */
import { makeMatch, parseFlow } from "@tenet/openflow";
import { RefusedError, type TableChange } from "@tenet/switch";
import { expect, test } from "vitest";
import { finish } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";

const add = (text: string): TableChange => ({ command: "add", flow: parseFlow(text) });
const remove = (text: string): TableChange => ({ command: "delete", flow: parseFlow(text, { purpose: "delete" }) });
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
