import { Scope } from "@tenet/kit";
import { changesOf, insertionsOf, parseSchema, relationsOf, type RowChange, type TupleChange } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openDatabase, SCHEMA, TESTER } from "./support/fixtures.ts";

const schema = parseSchema(SCHEMA);

test("a table is one relation of its single-valued columns and one per set and map column", () => {
  const relations = relationsOf(schema, "t").map(
    ({ name, columns }) => `${name}(${columns.map((column) => `${column.name}: ${column.type}`).join(", ")})`,
  );
  expect(relations).toEqual([
    "t:Root(_uuid: uuid, name: string, i: int, r: float, b: bool, u: uuid, imm: string, eph: int)",
    "t:Root.e(_uuid: uuid, value: string)",
    "t:Root.m(_uuid: uuid, key: string, value: int)",
    "t:Root.s(_uuid: uuid, value: string)",
    "t:Root.kids(_uuid: uuid, value: uuid)",
    "t:Root.pals(_uuid: uuid, value: uuid)",
    "t:Kid(_uuid: uuid, name: string, n: int, next: uuid, pal1: uuid)",
    "t:Few(_uuid: uuid, x: int)",
  ]);
});

test("applying the changes keeps the relations equal to those made from the rows", async () => {
  const row = fc.record(
    {
      i: fc.oneof(fc.nat(9), fc.constant(["set", []])),
      e: fc.subarray(["red", "green", "blue"]).map((list) => ["set", list]),
      m: fc
        .uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(3)), { selector: ([key]) => key })
        .map((pairs) => ["map", pairs]),
      b: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const step = fc.record({ op: fc.constantFrom("insert", "update", "delete"), name: fc.constantFrom("a", "b", "c"), row });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      await using scope = new Scope();
      const database = await openDatabase(scope);
      const tuples = new Set<string>();
      database.onCommit(({ changes }) => apply(tuples, changesOf(schema, "t", changes as RowChange[])));
      for (const { op, name, row: columns } of steps) {
        const where = [["name", "==", name]];
        if (op === "insert") await database.transact([{ op, table: "Root", row: { ...columns, name } }] as never, TESTER);
        else
          await database.transact([{ op, table: "Root", where, ...(op === "update" ? { row: columns } : {}) }] as never, TESTER);
      }
      const fresh = new Set<string>();
      apply(
        fresh,
        insertionsOf(schema, "t", (table) => database.table(table)),
      );
      expect([...tuples].sort()).toEqual([...fresh].sort());
    }),
    { numRuns: 60 },
  );
});

/** Fails when a tuple is inserted that is there, or deleted that is not: changes are exact. */
function apply(tuples: Set<string>, changes: readonly TupleChange[]): void {
  for (const { relation, tuple, weight } of changes) {
    const key = JSON.stringify([relation, tuple]);
    expect(tuples.has(key)).toBe(weight === -1);
    if (weight === 1) tuples.add(key);
    else tuples.delete(key);
  }
}
