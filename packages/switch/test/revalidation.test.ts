import { setImmediate as turn } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { Dirt } from "../src/cache/dirt.ts";
import { Revalidation } from "../src/cache/revalidation.ts";
import { Turns, type Work } from "../src/turns.ts";
import { Cables } from "./cables.ts";

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

test("addresses that changed give way after every few, also when no megaflow asked for them", async () => {
  await using cables = new Cables("p1", "p2");
  cables.send("p1", "ip,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02");
  const dirt = new Dirt();
  const N_ADDRESSES = 640;
  for (let mac = 1; mac <= N_ADDRESSES; mac++) dirt.mac(cables.bridge, `0/${mac}`);
  expect([...cables.vswitch.cache.revalidating(dirt)].length).toBeGreaterThanOrEqual(N_ADDRESSES / 64);
});
