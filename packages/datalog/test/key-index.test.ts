import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KeyIndex } from "../src/engine/rows/key-index.ts";

const N_ROWS = 1500;
const STRIDE = 2;

/** Rows whose first column is a key; few keys, so that blocks grow beyond what is searched. */
function rowsWithKeys(nKeys: number): Int32Array {
  const data = new Int32Array(N_ROWS * STRIDE);
  for (let row = 0; row < N_ROWS; row++) data[row * STRIDE] = (row * 7919) % nKeys;
  return data;
}

function rowsByKey(data: Int32Array, present: ReadonlySet<number>, key: number): number[] {
  return [...present].filter((row) => data[row * STRIDE] === key).toSorted((a, b) => a - b);
}

test("an index has exactly the rows that came and did not leave, whatever the order", () => {
  const steps = fc.array(fc.record({ adds: fc.boolean(), share: fc.integer({ min: 1, max: 100 }), seed: fc.nat() }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.boolean(), steps, (nKeys, isBuilt, sequence) => {
      const data = rowsWithKeys(nKeys);
      const index = new KeyIndex({ data, stride: STRIDE, end: N_ROWS }, [0]);
      const present = new Set<number>();
      if (isBuilt) {
        index.build(300, (row) => row % 3 !== 0);
        for (let row = 0; row < 300; row++) if (row % 3 !== 0) present.add(row);
      }
      for (const { adds, share, seed } of sequence) {
        for (let i = 0; i < N_ROWS; i++) {
          const row = (i * 601 + seed) % N_ROWS;
          if ((row * 31 + seed) % 100 >= share || present.has(row) === adds) continue;
          if (adds) {
            index.add(row);
            present.add(row);
          } else {
            index.remove(row);
            present.delete(row);
          }
        }
        for (let key = 0; key < nKeys; key++) {
          const found = [...index.rowsOf(Int32Array.of(key))].toSorted((a, b) => a - b);
          expect(found).toEqual(rowsByKey(data, present, key));
        }
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  );
});

/**
 * Keys of which each row has its own. Consecutive ones fill stretches of slots, and what comes twice to a stretch moves far from its
 * home; every 32nd has the same last bits of its home as all others.
 */
test.each([1, 2, 32, 977])("keys of single rows are found until they leave, whoever left before: every %dth number", (step) => {
  fc.assert(
    fc.property(fc.array(fc.record({ share: fc.integer({ min: 1, max: 100 }), seed: fc.nat() }), { maxLength: 8 }), (rounds) => {
      const data = new Int32Array(N_ROWS * STRIDE);
      for (let row = 0; row < N_ROWS; row++) data[row * STRIDE] = row * step * 2 + 1;
      const index = new KeyIndex({ data, stride: STRIDE, end: N_ROWS }, [0]);
      const present = new Set<number>();
      for (const { share, seed } of rounds) {
        for (let i = 0; i < N_ROWS; i++) {
          const row = (i * 601 + seed) % N_ROWS;
          const isIn = (row * 31 + seed) % 100 < share;
          if (isIn === present.has(row)) continue;
          if (isIn) {
            index.add(row);
            present.add(row);
          } else {
            index.remove(row);
            present.delete(row);
          }
        }
        const wrong = Array.from({ length: N_ROWS }, (_, row) => row).filter((row) => {
          const [found = -1] = index.rowsOf(Int32Array.of(row * step * 2 + 1));
          return found !== (present.has(row) ? row : -1);
        });
        expect(wrong).toEqual([]);
        expect(index.nKeys).toBe(present.size);
      }
    }),
    { numRuns: 30 },
  );
});

test("a row that is not in the index is an error, not a search without end", () => {
  const index = new KeyIndex({ data: rowsWithKeys(1), stride: STRIDE, end: N_ROWS }, [0]);
  index.add(0);
  index.add(1);
  expect(() => index.remove(2)).toThrow("Row 2 is not in the index");
  expect([...index.rowsOf(Int32Array.of(0))]).toEqual([0, 1]);
});

/** How far apart ids lie, step by step: side by side upwards and downwards, with holes, far away, and of the other kind. */
const STRETCHES = fc.array(
  fc.record({
    from: fc.constantFrom(0, 0, -200, 400, 100_000, -(2 ** 31), 2 ** 31 - 400),
    step: fc.constantFrom(2, 2, -2, 6, 1, 4096),
    nKeys: fc.constantFrom(1, 20, 300),
    adds: fc.constantFrom(true, true, false),
  }),
  { minLength: 1, maxLength: 8 },
);

test("keys are found, and others not, whether they lie close together or begin to or cease to", () => {
  let nOrdered = 0;
  let nHashed = 0;
  fc.assert(
    fc.property(STRETCHES, fc.boolean(), (stretches, isBuilt) => {
      const idsOf = stretches.map(({ from, step, nKeys }) => Array.from({ length: nKeys }, (_, i) => (from + i * step) | 0));
      const data = Int32Array.from(idsOf.flat());
      const index = new KeyIndex({ data, stride: 1, end: data.length }, [0]);
      const rowOf = new Map<number, number>();
      let row = 0;
      for (const [i, ids] of idsOf.entries()) {
        const first = row;
        for (const id of ids) {
          if (stretches[i]?.adds === true && !rowOf.has(id)) {
            if (i > 0 || !isBuilt) index.add(row);
            rowOf.set(id, row);
          } else if (stretches[i]?.adds === false && rowOf.has(id)) {
            index.remove(rowOf.get(id) as number);
            rowOf.delete(id);
          }
          row++;
        }
        if (i === 0 && isBuilt) index.build(row, (built) => built >= first && rowOf.get(data[built] as number) === built);
        if (index.reach >= 0) nOrdered++;
        else nHashed++;
        const asked = idsOf.flat().flatMap((id) => [...Int32Array.of(id, id + 1, id - 2)]);
        expect(asked.filter((id) => index.rowsOf(Int32Array.of(id)).join() !== String(rowOf.get(id) ?? ""))).toEqual([]);
        expect(index.nKeys).toBe(rowOf.size);
      }
    }),
    { numRuns: 60 },
  );
  expect(Math.min(nOrdered, nHashed), "times that keys had a slot each, and that they had not").toBeGreaterThan(20);
});
