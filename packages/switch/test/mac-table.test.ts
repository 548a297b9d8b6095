import { ManualClock } from "@tenet/kit";
import { makeBundle, MacTable } from "@tenet/switch";
import { expect, test } from "vitest";
import { makeEventCounts } from "../src/event-counts.ts";
import { finish } from "../src/turns.ts";

const [a, b] = [makeBundle("a"), makeBundle("b")];

test("a full table makes room where most addresses are", () => {
  const table = new MacTable(new ManualClock(1000));
  table.maxEntries = 3;
  table.learn({ vlan: 0, mac: 1, bundle: a, locks: false });
  for (const mac of [2, 3, 4]) table.learn({ vlan: 0, mac, bundle: b, locks: false });
  expect([...table.entries()].map(({ mac }) => mac)).toEqual([1, 3, 4]);
  expect(table.statistics.nEvicted).toBe(1);
});

test("a static address neither ages nor moves, and a flush of learned ones leaves it", () => {
  const clock = new ManualClock(1000);
  const counts = makeEventCounts();
  const table = new MacTable(clock, counts);
  table.addStatic(5, 1, a);
  for (const bundle of [a, b]) expect(table.learn({ vlan: 5, mac: 1, bundle, locks: false })).toBe(false);
  expect(counts.mac_learning_static_none_move).toBe(1);
  clock.advance(1_000_000);
  expect([...table.expiring()]).toEqual([]);
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
  table.flush(a);
  expect([...table.entries()].map(({ vlan, mac }) => [vlan, mac])).toEqual([
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
  expect(Array.from(table.expiring(), ({ mac }) => mac).sort()).toEqual([2, 3]);
  expect([...table.entries()].map(({ mac }) => mac)).toEqual([4, 1]);
});

test("what is flushed is forgotten at once, and taken out one address after the other, but for those heard of since", () => {
  const table = new MacTable(new ManualClock(1000));
  const learn = (mac: number, bundle = a): boolean => table.learn({ vlan: 0, mac, bundle, locks: true });
  for (let mac = 1; mac <= 100; mac++) learn(mac);
  table.flush();
  expect([table.size, [...table.entries()], table.lookup(0, 1), table.isLocked(0, 1)]).toEqual([0, [], undefined, false]);
  expect([learn(1), learn(2, b), learn(1)]).toEqual([true, true, false]);
  table.flush(b);
  expect([...table.tidying()]).toHaveLength(101);
  expect([[...table.entries()].map(({ mac }) => mac), table.size, table.lookup(0, 1)]).toEqual([[1], 1, a]);
  expect([...table.tidying()]).toEqual([]);
});

test("what has aged goes one after the other; what is flushed meanwhile does not go twice", () => {
  const clock = new ManualClock(1000);
  const table = new MacTable(clock);
  for (let mac = 1; mac <= 10; mac++) table.learn({ vlan: 0, mac, bundle: mac > 5 ? b : a, locks: false });
  clock.advance(table.ageingMs);
  const expiring = table.expiring();
  for (const size of [9, 8]) {
    expiring.next();
    expect(table.size).toBe(size);
  }
  table.flush(a);
  expect(Array.from(expiring, ({ mac }) => mac)).toEqual([6, 7, 8, 9, 10]);
  finish(table.tidying());
  expect([table.size, table.statistics.nExpired]).toEqual([0, 7]);
});
