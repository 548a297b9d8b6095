/**
 * Random transactions over random schemas leave the same rows and give the same results as a naive database: references, garbage
 * collection, indexes, limits of rows, waits, mutations of sets and maps, and which operation fails.
 */
import { type Json, Scope } from "@tenet/kit";
import { type Database, type DatabaseSchema, parseSchema, rowsAt, type TableSchema } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { arbitraryOperation } from "./support/arbitrary-operations.ts";
import { openDatabase, TESTER } from "./support/fixtures.ts";
import { NaiveDatabase } from "./support/naive-database.ts";
import { naiveRowText, naiveSelectText } from "./support/naive-values.ts";

const NUM_RUNS = 150 * inject("effort");
const NAMES = ["A", "B", "C"];

const atomType: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>("integer", "string", "boolean", "real"),
  fc.constant<Json>({ type: "integer", minInteger: 0, maxInteger: 4 }),
  fc.constant<Json>({ type: "string", enum: ["set", ["a", "b", "c"]] }),
  fc.constant<Json>({ type: "string", minLength: 1, maxLength: 2 }),
);
const reference: fc.Arbitrary<Json> = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom("strong", "weak"))
  .map(([refTable, refType]): Json => ({ type: "uuid", refTable, refType }));
const anyType = fc.oneof(atomType, reference);
const columnType: fc.Arbitrary<Json> = fc.oneof(
  atomType.map((key): Json => ({ key })),
  fc
    .tuple(anyType, fc.constantFrom(0, 1), fc.constantFrom<Json>(1, 2, "unlimited"))
    .map(([key, min, max]): Json => ({ key, min, max })),
  fc
    .tuple(anyType, anyType, fc.constantFrom<Json>(2, "unlimited"))
    .map(([key, value, max]): Json => ({ key, value, min: 0, max })),
);
const column = fc
  .tuple(columnType, fc.boolean(), fc.boolean())
  .map(([type, a, b]): Json => ({ type, ...(a && b ? { mutable: false } : {}) }));
const table = fc
  .tuple(
    fc.array(column, { minLength: 1, maxLength: 5 }),
    fc.boolean(),
    fc.constantFrom(undefined, undefined, 1, 2),
    fc.constantFrom(0, 0, 1, 2),
  )
  .map(([columns, isRoot, maxRows, nIndexed]): Json => {
    const names = columns.map((_, i) => `c${i}`);
    return {
      columns: Object.fromEntries(columns.map((each, i) => [`c${i}`, each])),
      isRoot,
      ...(maxRows === undefined ? {} : { maxRows }),
      ...(nIndexed === 0 ? {} : { indexes: [names.slice(0, nIndexed)] }),
    };
  });
const schemas = fc
  .tuple(table, table, table)
  .map(([a, b, c]): Json => ({ name: "G", version: "1.0.0", tables: { A: { ...(a as object), isRoot: true }, B: b, C: c } }));

/** The rows as the naive database writes them. */
function contentOf(database: Database): string[] {
  const { rows } = rowsAt(database, database.version) as {
    rows: { [table: string]: { [uuid: string]: { [column: string]: Json } } };
  };
  return Object.entries(rows)
    .flatMap(([name, byUuid]) => {
      const schema = tableOf(database.schema, name);
      return Object.entries(byUuid).map(([uuid, columns]) => `${name} ${uuid} ${naiveRowText(schema, columns)}`);
    })
    .toSorted();
}

function tableOf(schema: DatabaseSchema, name: string): TableSchema {
  const found = schema.tables.get(name);
  if (found === undefined) throw new Error(`no table ${name}`);
  return found;
}

test("random transactions over random schemas do what a naive database does", { timeout: 60_000 + NUM_RUNS * 200 }, async () => {
  let nTransactions = 0;
  let nFailed = 0;
  const runs = schemas.chain((schema) =>
    fc.tuple(
      fc.constant(schema),
      fc.array(
        fc.array(arbitraryOperation(parseSchema(schema), [...parseSchema(schema).tables.values()]), {
          minLength: 1,
          maxLength: 5,
        }),
        { minLength: 5, maxLength: 25 },
      ),
    ),
  );
  await fc.assert(
    fc.asyncProperty(runs, async ([json, transactions]) => {
      await using scope = new Scope();
      const schema = parseSchema(json);
      const database = await openDatabase(scope, { schema });
      const naive = new NaiveDatabase(schema);
      for (const operations of transactions) {
        const list = operations as { readonly [member: string]: Json }[];
        const expected = naive.transact(list);
        const results = await database.transact(operations, TESTER);
        nTransactions++;
        if (expected.failedAt !== undefined) nFailed++;
        expect(comparable(schema, list, results)).toEqual(expected);
        expect(contentOf(database)).toEqual(naive.content());
      }
    }),
    { numRuns: NUM_RUNS },
  );
  console.log(`${nTransactions} transactions, ${nFailed} of them failed`);
  expect(nFailed).toBeGreaterThan(nTransactions / 20);
  expect(nFailed).toBeLessThan(nTransactions * 0.9);
});

function comparable(
  schema: DatabaseSchema,
  operations: readonly { readonly [member: string]: Json }[],
  results: readonly Json[],
): object {
  const failedAt = results.findIndex((result) => typeof result === "object" && result !== null && "error" in result);
  const done = failedAt < 0 ? results : results.slice(0, failedAt);
  return {
    failedAt: failedAt < 0 ? undefined : failedAt,
    results: done.map((result, i) => {
      const { uuid, count, rows } = result as { uuid?: [string, string]; count?: number; rows?: { [column: string]: Json }[] };
      if (rows === undefined) return uuid?.[1] ?? count ?? {};
      const { table: name, columns } = operations[i] ?? {};
      return rows.map((row) => naiveSelectText(tableOf(schema, String(name)), columns as string[], row)).toSorted();
    }),
  };
}
