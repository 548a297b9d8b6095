/** Meters that the kernel's program runs, with buckets that this process draws from, too. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { Meter, type MeterConfig } from "@tenet/datapath";
import type { ActionName } from "../src/ebpf/actions/actions.ts";
import { METER_STATE, METER_WORD } from "../src/meter/token-bucket.ts";
import { keyOf, matchOf, udpFrame } from "./frames.ts";
import { OneFlowProgram } from "./one-flow-program.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const NUMBER = 7;
const FRAME = udpFrame();
const FRAME_BITS = FRAME.length * 8;

/** Milliseconds of the kernel's clock. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

describe.skipIf(obstacle !== undefined)("a meter in the kernel", () => {
  let program: OneFlowProgram;
  let words: Int32Array;

  beforeEach(() => {
    program = new OneFlowProgram(new Set<ActionName>(["send", "copy", "meter"]));
    words = program.meters.shared(NUMBER)?.words ?? new Int32Array();
  });
  afterEach(() => program.close());

  /** The meter as this process has it. */
  function open(unit: MeterConfig["unit"], rate: number, burst: number): Meter {
    const bands = [{ kind: "drop", rate, burst, precedence: 0 } as const];
    return new Meter({ unit, bands }, now(), program.meters.shared(NUMBER));
  }

  /** How many of `n` packets the program lets pass. */
  function passed(n: number): number {
    const actions = OneFlowProgram.translate(keyOf(FRAME), matchOf({ in_port: 1 }).mask, [
      { type: "meter", meter: NUMBER },
      { type: "output", port: 2 },
    ]);
    if (typeof actions === "string") throw new Error(actions);
    return Array.from({ length: n }, () => program.run(FRAME, actions)).filter((outcome) => outcome !== "dropped").length;
  }

  /** A rate of one packet per second gives none while this runs; where it does, time is set back. */
  test("draws from one bucket with this process, and both count", () => {
    const startMs = now();
    const meter = open("pktps", 1, 10);
    expect(passed(4)).toBe(4);
    const nHere = Array.from({ length: 20 }, () => meter.run(100, now())).filter((band) => band === undefined).length;
    const nLate = passed(5);
    expect(4 + nHere + nLate).toBeGreaterThanOrEqual(10);
    expect(4 + nHere + nLate).toBeLessThanOrEqual(11 + (now() - startMs) / 1000);
    expect(meter.stats()).toEqual({
      nPackets: 29,
      nBytes: 2000 + 9 * FRAME.length,
      bands: [{ nPackets: 25 - nHere - nLate, nBytes: 100 * (20 - nHere) + FRAME.length * (5 - nLate) }],
    });
  });

  test("fills by its rate, up to its burst", () => {
    open("pktps", 1, 10);
    passed(12);
    words[METER_WORD.filledMs] = Math.floor(now()) - 3000;
    words[METER_WORD.tokens] = 0;
    expect(passed(3)).toBe(3);
    words[METER_WORD.filledMs] = Math.floor(now()) - 100_000;
    expect(passed(10)).toBe(10);
    expect(words[METER_WORD.tokens]).toBeLessThan(10_000);
  });

  test("measures bits, also where a bucket counts several as one", () => {
    open("kbps", 1, 1);
    words[METER_WORD.tokens] = 2 * FRAME_BITS;
    words[METER_WORD.rate] = 0;
    expect(passed(5)).toBe(2);
    open("kbps", 10_000_000, 0);
    words[METER_WORD.rate] = 0;
    const before = words[METER_WORD.tokens] ?? 0;
    expect(before * 2 ** (words[METER_WORD.shift] ?? 0)).toBe(1e10);
    expect(passed(2)).toBe(2);
    expect(before - (words[METER_WORD.tokens] ?? 0)).toBe(2 * (FRAME_BITS >>> (words[METER_WORD.shift] ?? 0)));
  });

  test("lets all pass where there is none, or none that it can run", () => {
    expect(passed(3)).toBe(3);
    const remarking = new Meter(
      { unit: "pktps", bands: [{ kind: "dscpRemark", rate: 1, burst: 1, precedence: 1 }] },
      now(),
      program.meters.shared(NUMBER),
    );
    expect(remarking.run(100, now())).toBeUndefined();
    expect(words[METER_WORD.state]).toBe(METER_STATE.isForUserSpace);
    expect(program.meters.canRun(NUMBER)).toBe(false);
    const meter = new Meter({ unit: "pktps", bands: [] }, now(), program.meters.shared(NUMBER));
    expect(passed(3)).toBe(3);
    expect(meter.stats()).toEqual({ nPackets: 3, nBytes: 3 * FRAME.length, bands: [] });
  });
});
