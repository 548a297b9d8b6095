/** Places for records: each is one's own while it is held, and arrays that hold nothing are left. */
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { RecordStore, type Segment } from "../src/table/record-store.ts";

/** The widest record that there may be. */
const MAX_WORDS = 2 ** 15;

/** A record that is held, and what was written there. */
interface Held {
  readonly segment: Segment;
  readonly at: number;
  readonly nWords: number;
  readonly mark: number;
}

const width = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(125, 128, 129, 256, 257, 5000, MAX_WORDS - 1, MAX_WORDS));
const step = fc.record({ nTaken: fc.nat(12), nLeft: fc.nat(12), nWords: width, draw: fc.nat() });

function take(store: RecordStore, nWords: number, mark: number): Held {
  const segment = store.open(nWords);
  const at = segment.take();
  expect(at % 2).toBe(0);
  expect(at + nWords).toBeLessThanOrEqual(segment.words.length);
  segment.words.fill(mark, at, at + nWords);
  return { segment, at, nWords, mark };
}

function expectUntouched({ segment, at, nWords, mark }: Held): void {
  if (segment.words.subarray(at, at + nWords).some((word) => word !== mark)) expect.fail(`record ${mark} was written to`);
}

test("what a record holds stays while others come and go, and arrays know how many they hold", () => {
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const store = new RecordStore();
    const held: Held[] = [];
    const nHeldOf = new Map<Segment, number>();
    const count = (segment: Segment, by: number): void => {
      nHeldOf.set(segment, (nHeldOf.get(segment) ?? 0) + by);
      expect(segment.isEmpty).toBe(nHeldOf.get(segment) === 0);
    };
    for (const [n, { nTaken, nLeft, nWords, draw }] of steps.entries()) {
      for (let i = 0; i < nTaken; i++) {
        const taken = take(store, nWords, 100 * n + i + 1);
        held.push(taken);
        count(taken.segment, 1);
      }
      for (let i = 0; i < nLeft && held.length > 0; i++) {
        const [left] = held.splice((draw + 7 * i) % held.length, 1);
        if (left === undefined) continue;
        expectUntouched(left);
        left.segment.leave(left.at);
        count(left.segment, -1);
      }
    }
    held.forEach(expectUntouched);
  });
  fc.assert(property, { seed: inject("seed"), numRuns: 50 * inject("effort") });
});

test("places that were left are taken again before there is a new array", () => {
  const store = new RecordStore();
  const held = Array.from({ length: 5000 }, (_, n) => take(store, 20, n));
  const segments = new Set(held.map(({ segment }) => segment));
  for (const { segment, at } of held.filter((_, n) => n % 2 === 0)) segment.leave(at);
  for (let n = 0; n < 2500; n++) expect(segments.has(take(store, 20, n).segment)).toBe(true);
});

test("arrays that hold nothing any more are left, but for few", () => {
  const store = new RecordStore();
  const held = Array.from({ length: 5000 }, (_, n) => take(store, 20, n));
  const segments = new Set(held.map(({ segment }) => segment));
  expect(segments.size).toBeGreaterThan(10);
  for (const { segment, at } of held) segment.leave(at);
  const again = new Set(Array.from({ length: 5000 }, (_, n) => take(store, 20, n).segment));
  expect([...again].filter((segment) => segments.has(segment)).length).toBeLessThan(4);
});
