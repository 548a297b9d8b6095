import * as fc from "fast-check";
import { expect, test } from "vitest";
import { rowAccess, type RowData, RowSet } from "../src/engine/rows/row-set.ts";
import { LINKED } from "../src/engine/rows/views.ts";

/** As much of a store as the set of rows needs. */
class Rows implements RowData {
  readonly arity: number;
  readonly stride: number;
  readonly data: Int32Array;
  readonly flags = new Uint16Array(40_000);
  readonly set: RowSet;
  readonly access: RowData["access"];
  isFresh = true;
  end = 0;

  constructor(arity: number) {
    this.arity = arity;
    this.stride = arity + 1;
    this.data = new Int32Array(40_000 * this.stride);
    this.set = new RowSet(this);
    this.access = rowAccess(arity);
  }

  allocate(): number {
    this.flags[this.end] = LINKED;
    return this.end++;
  }

  takeBack(): void {}
}

/** Few prefixes make the set nest its rows, many keep it flat; ids come dense, scattered, and of both kinds. */
const SHAPES = fc.record({
  arity: fc.integer({ min: 1, max: 3 }),
  nPrefixes: fc.constantFrom(1, 3, 40, 3000),
  step: fc.constantFrom(1, 2, 3, 9, 977, 978),
  isShuffled: fc.boolean(),
  nRows: fc.constantFrom(50, 1500, 9000),
});

test("a set has exactly the rows that came and did not leave, flat or nested", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      SHAPES,
      fc.array(fc.record({ share: fc.integer({ min: 2, max: 9 }), seed: fc.nat(999) }), { maxLength: 5 }),
      (shape, losses) => {
        const { arity, nPrefixes, step, isShuffled, nRows } = shape;
        const rows = new Rows(arity);
        const idsOf = (i: number): number[] => {
          const at = isShuffled ? (i * 7919) % 9001 : i;
          const prefix = at % nPrefixes;
          return [prefix * 2, prefix % 5, Math.floor(at / nPrefixes) * step - 400].slice(3 - arity);
        };
        const known = new Map<string, number>();
        const addAll = (): void => {
          for (let i = 0; i < nRows; i++) {
            const ids = idsOf(i);
            const key = ids.join();
            const row = rows.access.add(rows, ...ids);
            if (known.has(key)) expect(row).toBe(known.get(key));
            else known.set(key, row);
          }
          rows.set.flattenIfDue();
        };
        addAll();
        rows.isFresh = false;
        rows.set.endFill();
        for (const { share, seed } of losses) {
          for (const [key, row] of known) {
            if ((row * 31 + seed) % share !== 0) {
              rows.set.remove(row);
              rows.flags[row] = 0;
              known.delete(key);
            }
          }
          rows.set.trim();
          rows.set.flattenIfDue();
          const wrong = Array.from({ length: nRows }, (_, i) => idsOf(i)).find(
            (ids) => rows.access.find(rows, ...ids) !== (known.get(ids.join()) ?? -1),
          );
          expect(wrong).toBeUndefined();
          expect(rows.set.size).toBe(known.size);
          if (rows.end < 30_000) addAll();
        }
      },
    ),
    { numRuns: 30 },
  );
});

test.each([true, false])(
  "a leaf that is laid out anew when room is given back keeps its rows where they are sought",
  (isFresh) => {
    const rows = new Rows(1);
    rows.isFresh = isFresh;
    const ids = Array.from({ length: 3000 }, (_, i) => i * 2 - 400);
    for (const id of ids) rows.access.add(rows, id);
    const kept = new Map<number, number>();
    for (const [row, id] of ids.entries()) {
      if (row > 3 && row % 4 === 0) kept.set(id, row);
      else {
        rows.set.remove(row);
        rows.flags[row] = 0;
      }
    }
    rows.set.trim();
    expect(ids.filter((id) => rows.access.find(rows, id) !== (kept.get(id) ?? -1))).toEqual([]);
  },
);
