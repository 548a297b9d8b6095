import { ManualClock } from "@tenet/kit";
import { makeBundle, MacTable } from "@tenet/switch";
import { expect, test } from "vitest";

const [a, b] = [makeBundle("a"), makeBundle("b")];

test("a full table makes room where most addresses are", () => {
  const table = new MacTable(new ManualClock(1000));
  table.maxEntries = 3;
  table.learn({ vlan: 0, mac: 1, bundle: a, locks: false });
  for (const mac of [2, 3, 4]) table.learn({ vlan: 0, mac, bundle: b, locks: false });
  expect(table.entries().map(({ mac }) => mac)).toEqual([1, 3, 4]);
  expect(table.statistics.nEvicted).toBe(1);
});

test("a static address neither ages nor moves, and a flush of learned ones leaves it", () => {
  const clock = new ManualClock(1000);
  const table = new MacTable(clock);
  table.addStatic(5, 1, a);
  expect(table.learn({ vlan: 5, mac: 1, bundle: b, locks: false })).toBe(false);
  clock.advance(1_000_000);
  expect(table.expire()).toEqual([]);
  table.flush();
  expect(table.lookup(5, 1)).toBe(a);
  expect(table.removeStatic(5, 1)).toBe(true);
  expect(table.removeStatic(5, 1)).toBe(false);
  expect(table.size).toBe(0);
});
