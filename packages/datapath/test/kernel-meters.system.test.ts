/** Meters that the kernel's program runs, with buckets that this process draws from, too. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { MemoryLink, Meter, type MeterBand, type MeterConfig, UserDatapath } from "@tenet/datapath";
import { internetChecksum } from "@tenet/net";
import type { ActionName } from "../src/ebpf/actions/actions.ts";
import { MAX_SHARED_BANDS, METER_STATE, METER_WORD } from "../src/meter/token-bucket.ts";
import { BASES } from "./any-frame.ts";
import { keyOf, matchOf, udpFrame } from "./frames.ts";
import { OneFlowProgram, type Outcome } from "./one-flow-program.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const NUMBER = 7;
const FRAME = udpFrame();
/** The first class of assured forwarding with the lowest drop precedence, and the next. */
const [AF11, AF12] = [0x28, 0x30];
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
    words = program.meters.take(NUMBER, 1)[0]?.words ?? new Int32Array();
  });
  afterEach(() => program.close());

  /** The meter as this process has it. */
  function open(unit: MeterConfig["unit"], rate: number, burst: number): Meter {
    const bands = [{ kind: "drop", rate, burst, precedence: 0 } as const];
    return new Meter({ unit, bands }, now(), program.meters.take(NUMBER, 1));
  }

  /** How many of `n` packets the program lets pass. */
  function passed(n: number): number {
    return Array.from({ length: n }, () => run(FRAME)).filter((outcome) => outcome !== "dropped").length;
  }

  function run(frame: Uint8Array): Outcome {
    const actions = OneFlowProgram.translate(keyOf(frame), matchOf({ in_port: 1, eth_type: 0 }).mask, [
      { type: "meter", meter: NUMBER },
      { type: "output", port: 2 },
    ]);
    if (typeof actions === "string") throw new Error(actions);
    return program.run(frame, actions);
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
    const many: MeterBand[] = Array.from({ length: MAX_SHARED_BANDS + 1 }, () => ({
      kind: "drop",
      rate: 1,
      burst: 1,
      precedence: 0,
    }));
    const large = new Meter({ unit: "pktps", bands: many }, now(), program.meters.take(NUMBER, many.length));
    expect(large.run(100, now())).toBeUndefined();
    expect(words[METER_WORD.state]).toBe(METER_STATE.isForUserSpace);
    expect(program.meters.canRun(NUMBER, true)).toBe(false);
    const meter = new Meter({ unit: "pktps", bands: [] }, now(), program.meters.take(NUMBER, 0));
    expect(passed(3)).toBe(3);
    expect(meter.stats()).toEqual({ nPackets: 3, nBytes: 3 * FRAME.length, bands: [] });
  });

  test("re-marks what it re-marks here, of all protocols", () => {
    const user = new UserDatapath({ openMemoryLink: (name) => links[Number(name)] ?? new MemoryLink() });
    const links = [new MemoryLink(), new MemoryLink()];
    let sent: Uint8Array | undefined;
    for (const [name, link] of links.entries()) {
      user.addPort({ name: String(name), kind: "memory" });
      link.onFrame((frame) => (sent = frame.slice()));
    }
    fc.assert(
      fc.property(fc.constantFrom(...BASES), fc.nat(0xff), fc.nat(4), (base, tos, precedence) => {
        const frame = withTos(base, tos);
        const config: MeterConfig = { unit: "pktps", bands: [{ kind: "dscpRemark", rate: 1, burst: 0, precedence }] };
        expect(new Meter(config, now(), program.meters.take(NUMBER, 1)).stats().nPackets).toBe(0);
        words[METER_WORD.tokens] = 0;
        words[METER_WORD.rate] = 0;
        const meter = user.addMeter(config);
        user.execute(frame, 1, [{ type: "meter", meter }]); // takes all that there is
        user.execute(frame, 1, [
          { type: "meter", meter },
          { type: "output", port: 2 },
        ]);
        user.removeMeter(meter);
        const outcome = run(frame);
        if (outcome !== "slow") expect(outcome).toEqual(sent);
      }),
      { numRuns: 500 },
    );
  });

  test("acts by the band of the highest rate that is exceeded, and counts by it, as this process does", () => {
    const anyBand = fc.record({
      kind: fc.constantFrom("drop" as const, "dscpRemark" as const),
      rate: fc.integer({ min: 1, max: 3 }),
      burst: fc.integer({ min: 1, max: 5 }),
      precedence: fc.constant(1),
    });
    const frame = withTos(FRAME, AF11);
    fc.assert(
      fc.property(
        fc.array(anyBand, { minLength: 1, maxLength: MAX_SHARED_BANDS }),
        fc.array(fc.boolean(), { maxLength: 20 }),
        (bands, isHere) => {
          const memory = program.meters.take(NUMBER, bands.length);
          const [shared, alone] = [new Meter({ unit: "pktps", bands }, now(), memory), new Meter({ unit: "pktps", bands }, 0)];
          for (const { words: band } of memory) band[METER_WORD.rate] = 0; // nothing comes while this runs
          for (const isRunHere of isHere) {
            const wanted = alone.run(frame.length, 0)?.kind;
            if (isRunHere) expect(shared.run(frame.length, now())?.kind).toBe(wanted);
            else expect(run(frame)).toEqual(wanted === "drop" ? "dropped" : wanted === undefined ? frame : withTos(frame, AF12));
          }
          expect(shared.stats()).toEqual(alone.stats());
        },
      ),
      { numRuns: 300 },
    );
  });

  test("gives the bands of meters that are gone to others, and none to those that have too many", () => {
    for (let id = 1000; id < 4000; id++) program.meters.take(id, MAX_SHARED_BANDS + 1);
    const bands: MeterBand[] = Array.from({ length: MAX_SHARED_BANDS }, (_, i) => ({
      kind: "drop",
      rate: i + 1,
      burst: 1,
      precedence: 0,
    }));
    for (let n = 0; n < 2000; n++) {
      const meter = new Meter({ unit: "pktps", bands }, now(), program.meters.take(NUMBER, bands.length));
      expect(meter.stats().bands).toHaveLength(MAX_SHARED_BANDS);
      expect(program.meters.canRun(NUMBER, true)).toBe(true);
    }
    program.meters.release(NUMBER);
    expect(passed(3)).toBe(3);
  });
});

/** An IP packet with this byte of DSCP and ECN; others stay. */
function withTos(base: Uint8Array, tos: number): Uint8Array {
  const frame = base.slice();
  const view = new DataView(frame.buffer);
  const type = view.getUint16(12);
  if (type === 0x86dd) view.setUint16(14, (view.getUint16(14) & 0xf00f) | (tos << 4));
  if (type !== 0x0800) return frame;
  frame[15] = tos;
  view.setUint16(24, 0);
  view.setUint16(24, internetChecksum(frame, 14, 20));
  return frame;
}
