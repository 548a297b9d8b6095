import { Meter, type MeterBand, UserDatapath, MemoryLink } from "@tenet/datapath";
import { ManualClock } from "@tenet/kit";
import { FIELDS, getField } from "@tenet/net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyOf, matchOf, udpFrame } from "./frames.ts";

const drop = (rate: number, burst = 0): MeterBand => ({ kind: "drop", rate, burst, precedence: 0 });

describe("a meter", () => {
  test("lets a burst pass at once, then its rate", () => {
    const meter = new Meter({ unit: "pktps", bands: [drop(10, 4)] }, 0);
    const passed = (n: number, nowMs: number): number =>
      Array.from({ length: n }, () => meter.run(100, nowMs)).filter((band) => band === undefined).length;
    expect(passed(30, 0)).toBe(4);
    expect(passed(30, 200)).toBe(2);
    expect(passed(30, 100_000)).toBe(4);
    expect(meter.stats()).toEqual({ nPackets: 90, nBytes: 9000, bands: [{ nPackets: 80, nBytes: 8000 }] });
  });

  test("without a burst holds a second of its rate, and measures bits", () => {
    const meter = new Meter({ unit: "kbps", bands: [drop(8)] }, 0);
    const passed = Array.from({ length: 20 }, () => meter.run(125, 0)).filter((band) => band === undefined);
    expect(passed).toHaveLength(8);
  });

  test("acts by the band of the highest rate that is exceeded", () => {
    const remark: MeterBand = { kind: "dscpRemark", rate: 1, burst: 1, precedence: 1 };
    const meter = new Meter({ unit: "pktps", bands: [remark, drop(2, 2)] }, 0);
    expect(Array.from({ length: 3 }, () => meter.run(1, 0)?.kind)).toEqual([undefined, "dscpRemark", "drop"]);
  });

  test("never passes more than its burst and what its rate gives, whatever comes when", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.array(fc.tuple(fc.nat(500), fc.nat(20)), { maxLength: 50 }),
        (rate, burst, arrivals) => {
          const meter = new Meter({ unit: "pktps", bands: [drop(rate, burst)] }, 0);
          let nowMs = 0;
          let nPassed = 0;
          for (const [waitMs, nPackets] of arrivals) {
            nowMs += waitMs;
            for (let n = 0; n < nPackets; n++) if (meter.run(60, nowMs) === undefined) nPassed++;
            expect(nPassed).toBeLessThanOrEqual(burst + (rate * nowMs) / 1000);
          }
        },
      ),
    );
  });
});

test("the datapath drops what is above the rate and goes on with the rest; a meter that is not there lets all pass", () => {
  const clock = new ManualClock(1000);
  const links = [new MemoryLink(), new MemoryLink()];
  const datapath = new UserDatapath({ clock, openMemoryLink: (name) => links[Number(name.slice(1)) - 1] ?? new MemoryLink() });
  for (const name of ["m1", "m2"]) datapath.addPort({ name, kind: "memory" });
  let nOut = 0;
  links[1]?.onFrame(() => nOut++);
  const meter = datapath.addMeter({ unit: "pktps", bands: [drop(1, 2)] });
  const { key, mask } = matchOf({ in_port: 1 });
  datapath.putFlow(key, mask, [
    { type: "meter", meter },
    { type: "output", port: 2 },
  ]);
  for (let n = 0; n < 5; n++) links[0]?.send(udpFrame());
  expect(nOut).toBe(2);
  expect(datapath.meterStats(meter)).toMatchObject({ nPackets: 5, bands: [{ nPackets: 3 }] });
  datapath.removeMeter(meter);
  for (let n = 0; n < 5; n++) links[0]?.send(udpFrame());
  expect(nOut).toBe(7);
  expect(datapath.meterStats(meter)).toBeUndefined();
});

test.each([
  [0x28, 1, 0x30],
  [0x28, 7, 0x38],
  [0x29, 1, 0x31],
  [0xb8, 1, 0xb8],
  [0x00, 1, 0x00],
])("TOS %i is re-marked by %i to %i, also where the packet is shown elsewhere unchanged", (tos, precedence, expected) => {
  const links = [new MemoryLink(), new MemoryLink(), new MemoryLink()];
  const datapath = new UserDatapath({ openMemoryLink: (name) => links[Number(name.slice(1)) - 1] ?? new MemoryLink() });
  for (const name of ["m1", "m2", "m3"]) datapath.addPort({ name, kind: "memory" });
  const out: number[] = [];
  for (const link of links) link.onFrame((frame) => out.push(getField(keyOf(frame), FIELDS.nw_tos)));
  const meter = datapath.addMeter({ unit: "pktps", bands: [{ kind: "dscpRemark", rate: 1, burst: 1, precedence }] });
  const { key, mask } = matchOf({ in_port: 1 });
  datapath.putFlow(key, mask, [
    { type: "output", port: 2 },
    { type: "meter", meter },
    { type: "output", port: 3 },
  ]);
  const frame = udpFrame();
  frame[15] = tos;
  links[0]?.send(frame);
  out.length = 0;
  links[0]?.send(frame);
  expect(out).toEqual([tos, expected]);
});
