import { ManualClock } from "@tenet/kit";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { WarpClock } from "../src/control/warp-clock.ts";

test("time that is stopped moves by whole steps, whenever it was stopped, and never back", () => {
  const startMs = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(startMs, fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 9 }), (start, steps) => {
      const clock = new WarpClock(new ManualClock(start));
      clock.stop();
      for (const step of steps) {
        const beforeMs = clock.monotonicMs();
        expect(beforeMs).toBeGreaterThanOrEqual(start);
        clock.warp(step);
        expect(clock.monotonicMs() - beforeMs).toBe(step);
      }
    }),
    { seed: inject("seed") },
  );
});
