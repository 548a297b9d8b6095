import type { Value } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";
import { IntList } from "../src/engine/rows/int-list.ts";
import { Interner } from "../src/engine/rows/interner.ts";
import { OPEN, SortedIndex } from "../src/engine/rows/sorted-index.ts";

const N_ROWS = 1500;
const STRIDE = 3;

/** Rows of a key and two values: mostly whole numbers of a narrow range, here and there another kind. */
function rowsOf(seed: number, interner: Interner): { data: Int32Array; values: (readonly [number, Value, Value])[] } {
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const any = (): Value => {
    const kind = random(40);
    return kind === 0
      ? null
      : kind === 1
        ? `s${random(9)}`
        : kind === 2
          ? 2 ** 40 + random(9)
          : kind === 3
            ? random(99) + 0.5
            : random(100);
  };
  const values = Array.from({ length: N_ROWS }, () => [random(2), any(), any()] as const);
  return { data: Int32Array.from(values.flat(), (value) => interner.idOf(value)), values };
}

/** Null, numbers, strings. */
function kindOf(value: Value): number {
  return value === null ? 0 : typeof value === "string" ? 2 : 1;
}

function isUpTo(a: Value, b: Value): boolean {
  return kindOf(a) === kindOf(b) ? a === b || (a as number) < (b as number) : kindOf(a) < kindOf(b);
}

const bound = fc.option(fc.oneof({ arbitrary: fc.nat(99), weight: 8 }, fc.constantFrom<Value>(null, "s4", 2 ** 40 + 4, 7.5)), {
  nil: undefined,
});
const search = fc.record({ key: fc.nat(1), from: bound, to: bound, limit: bound });
const step = fc.record({ adds: fc.boolean(), first: fc.nat(N_ROWS), n: fc.nat(700), stride: fc.constantFrom(1, 7, 11), search });

test.each([
  { keys: [], column: 1, watched: undefined },
  { keys: [0], column: 1, watched: undefined },
  { keys: [], column: 1, watched: { column: 2, isMost: true } },
  { keys: [0], column: 2, watched: { column: 1, isMost: false } },
])("a sorted index finds the rows within bounds and no others: %j", (columns) => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(N_ROWS), fc.array(step, { maxLength: 12 }), (seed, nBuilt, steps) => {
      const interner = new Interner();
      const { data, values } = rowsOf(seed, interner);
      const index = new SortedIndex({ data, stride: STRIDE, end: data.length / STRIDE }, columns, interner);
      const present = new Set<number>();
      index.build(nBuilt, (row) => row % 3 !== 0);
      for (let row = 0; row < nBuilt; row++) if (row % 3 !== 0) present.add(row);
      const found = new IntList();
      for (const { adds, first, n, stride, search: wanted } of steps) {
        for (let i = 0; i < n; i++) {
          const row = (first + i * stride) % N_ROWS;
          if (adds === present.has(row)) continue;
          if (adds) index.add(row);
          else index.remove(row);
          if (adds) present.add(row);
          else present.delete(row);
        }
        const { key, from, to } = wanted;
        if (from === undefined && to === undefined) continue;
        const limit = columns.watched === undefined ? undefined : wanted.limit;
        if (columns.keys.length > 0) index.key[0] = interner.idOf(key);
        const [low, high, edge] = [from, to, limit].map((value) => (value === undefined ? OPEN : interner.idOf(value)));
        index.collect(found, low as number, high as number, edge as number);
        const expected = [...present].filter((row) => {
          const tuple = values[row] as readonly Value[];
          const value = tuple[columns.column] as Value;
          const isWithin = [from, to].every((end) => end === undefined || kindOf(end) === kindOf(value));
          if (!isWithin || (from !== undefined && !isUpTo(from, value)) || (to !== undefined && !isUpTo(value, to))) return false;
          if (columns.keys.length > 0 && tuple[0] !== key) return false;
          if (limit === undefined || columns.watched === undefined) return true;
          const watched = tuple[columns.watched.column] as Value;
          return columns.watched.isMost ? isUpTo(limit, watched) : isUpTo(watched, limit);
        });
        expect([...found.values()].sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
      }
      for (const row of present) index.remove(row);
      index.collect(found, OPEN, interner.idOf(50), OPEN);
      expect(found.length).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test("a sorted index refuses to lose a row that it does not have", () => {
  const interner = new Interner();
  const index = new SortedIndex(
    { data: Int32Array.of(1, 3), stride: 1, end: 2 },
    { keys: [], column: 0, watched: undefined },
    interner,
  );
  expect(() => index.remove(0)).toThrow("Row 0 is not in the index that it leaves");
  index.add(1);
  expect(() => index.remove(0)).toThrow("Row 0 is not in the index that it leaves");
});
