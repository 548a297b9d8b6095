/** Random transactions give the same replies and the same rows as the naive model, and so does reloading the file. */
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { type Database, isMap, type Row } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type NaiveOperation, type NaiveState, naiveTransact } from "./support/naive-model.ts";
import { openDatabase, TESTER, temporaryFolder } from "./support/fixtures.ts";

const uuid = fc.nat(11).map((n) => `00000000-0000-4000-8000-0000000000${String(n).padStart(2, "0")}`);
const uuids = fc.uniqueArray(uuid, { maxLength: 3 }).map((list) => list.sort());
const name = fc.constantFrom("a", "b", "c", "d");
const rootColumns = fc.record({ name, kids: uuids, pals: uuids }, { requiredKeys: [] });
const kidColumns = fc.record(
  { name, n: fc.nat(2), next: uuids.map((list) => list.slice(0, 1)), pal1: uuids.map((list) => list.slice(0, 1)) },
  { requiredKeys: [] },
);

/** A uuid tells its table, so that updates hit rows: 0..3 Root, 4..9 Kid, 10..11 Few. */
const operation = fc
  .tuple(fc.constantFrom("insert", "insert", "update", "update", "delete"), uuid, rootColumns, kidColumns)
  .map(([op, id, root, kid]): NaiveOperation => {
    const table = tableOf(id);
    const columns = table === "Root" ? root : table === "Kid" ? kid : {};
    if (op === "delete") return { op, uuid: id };
    if (op === "update") return { op, uuid: id, columns };
    return { op: "insert", uuid: id, row: { table, columns: { ...defaults(table), ...columns } } };
  });

function tableOf(id: string): string {
  const n = Number(id.slice(-2));
  return n < 4 ? "Root" : n < 10 ? "Kid" : "Few";
}

function defaults(table: string): { [column: string]: string | number | readonly string[] } {
  if (table === "Root") return { name: "", kids: [], pals: [] };
  return table === "Kid" ? { name: "", n: 0, next: [], pal1: [] } : {};
}

function encode(operations: readonly NaiveOperation[]): Json[] {
  return operations.map((item) => {
    const table = tableOf(item.uuid);
    const where = [["_uuid", "==", ["uuid", item.uuid]]];
    if (item.op === "insert") return { op: "insert", table, uuid: item.uuid, row: encodeRow(item.row.columns) };
    return item.op === "delete" ? { op: "delete", table, where } : { op: "update", table, where, row: encodeRow(item.columns) };
  });
}

function encodeRow(columns: { [column: string]: string | number | readonly string[] }): { [column: string]: Json } {
  const encoded = Object.entries(columns).map(([column, value]): [string, Json] => {
    return [column, Array.isArray(value) ? ["set", value.map((to: string): Json => ["uuid", to])] : (value as Json)];
  });
  return Object.fromEntries(encoded);
}

function contentOf(database: Database): { [uuid: string]: object } {
  const content: { [uuid: string]: object } = {};
  for (const table of ["Root", "Kid", "Few"]) {
    for (const [id, row] of database.table(table)) {
      content[id] = Object.fromEntries(Object.keys(defaults(table)).map((column) => [column, row[column]]));
    }
  }
  return content;
}

function fullContent(database: Database): object {
  const plain = (row: Row) =>
    Object.entries(row).map(([column, value]) => [column, column === "_version" ? 0 : isMap(value) ? [...value] : value]);
  return Object.fromEntries(
    ["Root", "Kid", "Few"].map((table) => [
      table,
      new Map([...database.table(table)].sort().map(([id, row]) => [id, plain(row)])),
    ]),
  );
}

test("any transactions leave what the naive model leaves, in memory and after reloading", async () => {
  const transactions = fc.array(fc.array(operation, { minLength: 1, maxLength: 6 }), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(transactions, async (list) => {
      await using scope = new Scope();
      const file = join(temporaryFolder(scope), "t.db");
      const database = await openDatabase(scope, { file });
      let state: NaiveState = new Map();
      for (const operations of list) {
        const results = await database.transact(encode(operations), TESTER);
        const next = naiveTransact(state, operations);
        const failure = results.findLast((result) => result !== null) as { error?: string };
        expect(failure.error).toBe(typeof next === "string" ? next : undefined);
        if (typeof next !== "string") state = next;
        expect(contentOf(database)).toEqual(Object.fromEntries([...state].map(([id, row]) => [id, row.columns])));
      }
      database.close();
      const reloaded = await openDatabase(scope, { file });
      expect(fullContent(reloaded)).toEqual(fullContent(database));
      expect(reloaded.version).toBe(database.version);
    }),
    { numRuns: 150 },
  );
}, 60_000);
