/** Lists of actions in slots, as another process has written them. */
import { expect, test } from "vitest";
import { type ActionName, actionNumber } from "../src/ebpf/actions/actions.ts";
import { doSame, recircIdsIn } from "../src/ebpf/actions/recorded-actions.ts";

type Recorded = readonly [ActionName, argument: number, low: number, high: number];

function wordsOf(...actions: readonly Recorded[]): Uint32Array {
  return Uint32Array.from(actions.flatMap(([name, ...words]) => [actionNumber(name), ...words]));
}

test.each<{ what: string; before: readonly Recorded[]; now: readonly Recorded[]; isSame: boolean }>([
  { what: "the port's number", before: [["send", 7, 0, 1]], now: [["send", 7, 0, 2]], isSame: true },
  { what: "the device", before: [["send", 7, 0, 1]], now: [["send", 8, 0, 1]], isSame: false },
  { what: "what packets go on with", before: [["recirc", 4, 0, 0]], now: [["recirc", 1, 0, 0]], isSame: true },
  { what: "the path into a tunnel", before: [["sendInto", 4, 0, 0]], now: [["sendInto", 1, 0, 0]], isSame: true },
  { what: "the kind", before: [["send", 7, 0, 1]], now: [["copy", 7, 0, 1]], isSame: false },
  { what: "a meter", before: [["meter", 1, 0, 0]], now: [["meter", 2, 0, 0]], isSame: false },
  { what: "the length", before: [["popVlan", 0, 0, 0]], now: [], isSame: false },
])("lists that differ in $what do the same: $isSame", ({ before, now, isSame }) => {
  expect(doSame(wordsOf(...before), wordsOf(...now))).toBe(isSame);
});

test("what packets go on with is found in the order of the list", () => {
  expect(recircIdsIn(wordsOf(["recirc", 5, 0, 0], ["send", actionNumber("recirc"), 0, 1], ["recirc", 3, 0, 0]))).toEqual([5, 3]);
});
