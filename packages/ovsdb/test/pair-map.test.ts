import { expect, test } from "vitest";
import { isMap } from "@tenet/ovsdb";
import { MapCompactor } from "../src/model/pair-map.ts";

test("a compact map reads as the map that it was made from", () => {
  const map = new Map([
    ["a", "1"],
    ["b", "2"],
  ]);
  const compact = new MapCompactor().compact(map);
  expect(compact).not.toBe(map);
  expect(isMap(compact)).toBe(true);
  expect(compact).toEqual(map);
  expect(new Map(compact)).toEqual(map);
  expect([compact.size, compact.get("b"), compact.get("c"), compact.has("a"), compact.has("c")]).toEqual([
    2,
    "2",
    undefined,
    true,
    false,
  ]);
  expect([[...compact.keys()], [...compact.values()], [...compact.entries()]]).toEqual([["a", "b"], ["1", "2"], [...map]]);
  const seen: unknown[] = [];
  for (const pair of compact) seen.push(pair);
  expect(seen).toEqual([...map]);
});

test("maps with other keys than the one before have their own", () => {
  const compactor = new MapCompactor();
  const maps = [
    new Map([["a", 1]]),
    new Map([["a", 2]]),
    new Map([["b", 1]]),
    new Map([
      ["a", 1],
      ["b", 2],
    ]),
    new Map(),
  ];
  expect(maps.map((map) => compactor.compact(map))).toEqual(maps);
});

test("a map of many pairs stays a hash table", () => {
  const map = new Map(Array.from({ length: 9 }, (_, i) => [i, i]));
  expect(new MapCompactor().compact(map)).toBe(map);
});
