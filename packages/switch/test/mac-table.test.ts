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

test("what is known of a bundle goes with it, static addresses too, and nothing else does", () => {
  const table = new MacTable(new ManualClock(1000));
  for (const mac of [1, 2, 3]) table.learn({ vlan: 0, mac, bundle: mac === 3 ? b : a, locks: false });
  table.addStatic(5, 1, a);
  table.addStatic(5, 2, b);
  expect(table.nStatic).toBe(2);
  expect(table.flush(a).map(({ vlan, mac }) => [vlan, mac])).toEqual([
    [0, 1],
    [0, 2],
    [5, 1],
  ]);
  expect(table.entries().map(({ vlan, mac }) => [vlan, mac])).toEqual([
    [0, 3],
    [5, 2],
  ]);
  expect(table.nStatic).toBe(1);
});

test("addresses age each from its own last packet, whatever bundle they are on", () => {
  const clock = new ManualClock(1000);
  const table = new MacTable(clock);
  for (const mac of [1, 2, 3, 4]) {
    table.learn({ vlan: 0, mac, bundle: mac % 2 === 0 ? a : b, locks: false });
    clock.advance(1000);
  }
  table.learn({ vlan: 0, mac: 1, bundle: b, locks: false });
  clock.advance(table.ageingMs - 2000);
  expect(
    table
      .expire()
      .map(({ mac }) => mac)
      .sort(),
  ).toEqual([2, 3]);
  expect(table.entries().map(({ mac }) => mac)).toEqual([4, 1]);
});
