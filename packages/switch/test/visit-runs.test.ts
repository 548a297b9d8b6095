import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { VisitRuns } from "../src/cache/visit-runs.ts";
import { FlowTable, type TableVisit } from "../src/table/flow-table.ts";

const N_TABLES = 5;

/** Visits of a few tables, more of some than of others. */
function makeVisits(): { tables: FlowTable[]; visits: TableVisit[] } {
  const tables = Array.from({ length: N_TABLES }, (_, number) => new FlowTable(number, 1000));
  const visits = Array.from({ length: 30 }, (_, i) => {
    const table = tables[i % (1 + (i % N_TABLES))] as FlowTable;
    return { table, rule: undefined, nKept: 0, number: 0 };
  });
  return { tables, visits };
}

test("whatever is kept and released, runs are of the visits that they were kept for, and tables know how many of theirs are kept", () => {
  const length = fc.oneof(fc.nat(6), fc.nat(25));
  const step = fc.record({
    keeps: fc.boolean(),
    list: length.chain((n) => fc.array(fc.nat(29), { minLength: n, maxLength: n })),
    at: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { tables, visits } = makeVisits();
      const runs = new VisitRuns();
      const kept: { run: number; list: TableVisit[] }[] = [];
      for (const { keeps, list, at } of steps) {
        if (keeps || kept.length === 0) {
          const own = list.map((i) => visits[i] as TableVisit);
          kept.push({ run: runs.keep(own), list: own });
        } else for (const { run } of kept.splice(at % kept.length, 1)) runs.release(run);
        for (const each of kept) {
          expect(runs.read(each.run)).toEqual(each.list);
          expect(runs.isOf(each.run, each.list)).toBe(true);
          expect(runs.isOf(each.run, each.list.slice(1))).toBe(each.list.length === 0);
        }
        const held = new Set(kept.flatMap((each) => each.list));
        const nHeld = tables.map((table) => [...held].filter((visit) => visit.table === table).length);
        expect(tables.map((table) => table.nDependents)).toEqual(nHeld);
      }
    }),
    { seed: inject("seed"), numRuns: Math.ceil(30 * inject("effort")) },
  );
});

test("a run is not of others of the same length", () => {
  const { visits } = makeVisits();
  const runs = new VisitRuns();
  const run = runs.keep(visits.slice(0, 3));
  expect(runs.isOf(run, visits.slice(1, 4))).toBe(false);
});

test("runs that fill many segments stay apart, and the place of those that go is used again", () => {
  const { visits } = makeVisits();
  const runs = new VisitRuns();
  const listOf = (i: number): TableVisit[] => visits.slice(i % 10, 20 + (i % 7));
  const kept = Array.from({ length: 3000 }, (_, i) => runs.keep(listOf(i)));
  expect(new Set(kept).size).toBe(3000);
  for (const run of kept) runs.release(run);
  runs.keep([]);
  const again = Array.from({ length: 3000 }, (_, i) => runs.keep(listOf(i)));
  for (let i = 0; i < 3000; i += 2) runs.release(again[i] as number);
  const freed = new Set(again.filter((_, i) => i % 2 === 0));
  for (let i = 0; i < 3000; i += 2) expect(freed).toContain(runs.keep(listOf(i)));
});
