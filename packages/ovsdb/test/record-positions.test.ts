import { expect, test } from "vitest";
import { RecordPositions } from "../src/storage/record-positions.ts";

/** Positions of the records v0, v1, … at 0, 10, …; each comes after the one before it. */
function filled(n: number, limit: number): RecordPositions {
  const positions = new RecordPositions(limit);
  for (let i = 0; i < n; i++) positions.add(`v${i}`, i * 10, `v${i - 1}`);
  return positions;
}

test("the latest records are remembered, however many there were", () => {
  const all = filled(10_000, 3).byVersion();
  expect([...all]).toEqual([
    ["v9997", { at: 99_970, versionBefore: "v9996" }],
    ["v9998", { at: 99_980, versionBefore: "v9997" }],
    ["v9999", { at: 99_990, versionBefore: "v9998" }],
  ]);
});

test("a compaction moves the records that it leaves and forgets the others", () => {
  const positions = filled(6, 100);
  positions.moved(30, 25);
  positions.add("v6", 35, "v5");
  positions.moved(15, 10);
  expect([...positions.byVersion()].map(([version, { at }]) => [version, at])).toEqual([
    ["v4", 5],
    ["v5", 15],
    ["v6", 25],
  ]);
  positions.clear();
  expect(positions.byVersion().size).toBe(0);
});
