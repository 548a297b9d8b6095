import { expect, test } from "vitest";
import { destinationsOf, resultOf } from "../src/reachability/matrix-columns.ts";

const cells = [
  { from: "a", to: "b", ping: "ok" as const, tcp: [{ port: 5432, open: false }] },
  { from: "c", to: "b", ping: "no" as const, tcp: [{ port: 80, open: true }] },
];

test("a destination's columns are all that anyone tried with it, in one order", () => {
  expect(destinationsOf({ hosts: ["a", "b", "c"], cells })).toEqual([
    { host: "a", trials: ["ping"] },
    { host: "b", trials: ["ping", 80, 5432] },
    { host: "c", trials: ["ping"] },
  ]);
});

test("a result is told apart from a trial that was not made", () => {
  const [cell] = cells;
  expect([resultOf(cell, "ping"), resultOf(cell, 5432), resultOf(cell, 80)]).toEqual([true, false, undefined]);
  expect(resultOf(undefined, "ping")).toBeUndefined();
});
