import { type Change, Engine, type RelationDelta, RelationError, watch } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";
import { programOf, sorted } from "./temporary.ts";

const PROGRAM = programOf("input link(a, b)\nreach(a, b) :- link(a, b)\nreach(a, c) :- reach(a, b), link(b, c)");
const change = fc.record({
  relation: fc.constant("link"),
  tuple: fc.tuple(fc.integer({ min: 0, max: 3 }), fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant([1, 2]))),
  weight: fc.constantFrom<1 | -1>(1, -1),
});

test("summing up what a watcher hears gives the rows that pass its filter", () => {
  const transactions = fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 10 });
  fc.assert(
    fc.property(transactions, transactions, (before, after) => {
      const engine = new Engine(PROGRAM);
      const run = (all: readonly (readonly Change[])[]): void => all.forEach((changes) => engine.transact(changes));
      run(before);
      const filters = [
        undefined,
        [1],
        [undefined, [1, 2]],
        [2, 3],
        (tuple: readonly unknown[]) => tuple[0] !== tuple[1],
      ] as const;
      const seen = filters.map((filter) => {
        const rows = new Set<string>();
        watch(
          engine,
          "reach",
          filter,
          ({ inserted, deleted }) => {
            for (const row of sorted(deleted)) expect(rows.delete(row)).toBe(true);
            for (const row of sorted(inserted)) expect(rows.size).toBe(rows.add(row).size - 1);
          },
          { hasFirst: true },
        );
        return rows;
      });
      run(after);
      for (const [i, filter] of filters.entries()) {
        const expected = typeof filter === "function" ? engine.rows("reach").filter(filter) : engine.match("reach", filter ?? []);
        expect([...(seen[i] ?? [])].sort()).toEqual(sorted(expected));
      }
    }),
  );
});

test("a watcher hears nothing of other rows and nothing after its end", () => {
  const engine = new Engine(PROGRAM);
  const heard: RelationDelta[] = [];
  const stop = watch(engine, "reach", ["a"], (delta) => heard.push(delta));
  engine.transact([{ relation: "link", tuple: ["b", "c"], weight: 1 }]);
  expect(heard).toEqual([]);
  engine.transact([{ relation: "link", tuple: ["a", "b"], weight: 1 }]);
  expect(heard.map(({ inserted }) => sorted(inserted))).toEqual([['["a","b"]', '["a","c"]']]);
  stop();
  engine.transact([{ relation: "link", tuple: ["a", "b"], weight: -1 }]);
  expect(heard.length).toBe(1);
  expect(() => watch(engine, "reaches", undefined, () => undefined)).toThrow(RelationError);
});
