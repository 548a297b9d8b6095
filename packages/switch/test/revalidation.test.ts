import { setImmediate as turn } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { Revalidation } from "../src/cache/revalidation.ts";
import { Turns, type Work } from "../src/turns.ts";

test("changes that come while revalidation goes on in turns begin no other, and are seen to in the end", async () => {
  let [nowMs, nTimes] = [0, 0];
  const turns = new Turns(() => nowMs);
  const begin = vi.spyOn(turns, "begin");
  const cache = {
    *revalidating(): Work {
      nTimes++;
      for (let n = 0; n < 5; n++) {
        nowMs++; // longer than a turn
        yield;
      }
    },
  };
  const revalidation = new Revalidation(cache, turns);
  for (let n = 0; n < 100; n++) {
    revalidation.everythingChanged();
    await Promise.resolve();
  }
  expect(begin).toHaveBeenCalledTimes(1);
  while (!revalidation.dirt.isClean) await turn();
  for (let n = 0; n < 10; n++) await turn();
  expect(nTimes).toBe(2);
  revalidation.everythingChanged();
  for (let n = 0; n < 10; n++) await turn();
  expect([begin.mock.calls.length, nTimes]).toEqual([2, 3]);
});
