import { type Logger, silentLogger } from "@tenet/kit";
import { expect, test } from "vitest";
import { logFailures } from "../src/control/log-failures.ts";
import { Bench } from "./bench-switch.ts";

test("how a packet went that the tables have no answer for is told to the log, once a minute", () => {
  const bench = new Bench(2, ["in_port=1,actions=resubmit(,0)", "in_port=2,actions=1"]);
  const told: { bridge: unknown; nUntold: number; trace: string }[] = [];
  const log: Logger = { ...silentLogger, warn: (fields) => told.push(fields as (typeof told)[number]) };
  logFailures(bench.vswitch, bench.clock, log);
  bench.send("in_port=2,tcp");
  expect(told).toEqual([]);
  for (const elapsedMs of [0, 59_000, 1_000]) {
    bench.clock.advance(elapsedMs);
    for (const megaflow of bench.datapath.flows()) bench.vswitch.cache.evict(megaflow);
    expect(bench.send("in_port=1,tcp")).toEqual([]);
  }
  expect(told.map(({ nUntold }) => nUntold)).toEqual([0, 1]);
  expect(told[0]?.bridge).toBe("br0");
  expect(told[0]?.trace).toMatch(/^Flow: tcp,in_port=1,/);
  expect(told[0]?.trace.match(/^ *resubmit\(,0\)$/gm)).toHaveLength(65);
  expect(told[0]?.trace).toContain("Translation failed (Recursion too deep), packet is dropped.");
});
