/** What three front ends answered is what one server answers that carries out the same transactions in the order of the log. */
import { randomUUID } from "node:crypto";
import { type Json, Scope } from "@tenet/kit";
import { openSharedDatabase, type SharedDatabase } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { startCluster } from "./support/etcd-cluster.ts";
import { openDatabase, SCHEMA, TESTER } from "./support/fixtures.ts";
import { arePeersInstalled } from "./support/peers.ts";

const N_ROWS = 6;
const KIDS = Array.from({ length: N_ROWS }, () => randomUUID());
const names = fc.integer({ min: 0, max: N_ROWS - 1 }).map((n) => `row ${n}`);
const named = names.map((name) => [["name", "==", name]]);
const kid = fc.constantFrom(...KIDS).map((uuid): Json => ["uuid", uuid]);
const someKids = fc.uniqueArray(fc.constantFrom(...KIDS), { maxLength: 3 }).map((uuids): Json => {
  return ["set", uuids.map((uuid) => ["uuid", uuid])];
});

/** Operations over few rows, so that transactions are in each other's way. */
const operation: fc.Arbitrary<Json> = fc.oneof(
  names.map((name): Json => ({ op: "insert", table: "Root", uuid: randomUUID(), row: { name } })),
  fc.constantFrom(...KIDS).map((uuid): Json => ({ op: "insert", table: "Kid", uuid, row: { name: uuid } })),
  fc.tuple(named, someKids).map(([where, kids]): Json => ({ op: "update", table: "Root", where, row: { kids } })),
  fc.tuple(named, fc.constantFrom("insert", "delete"), kid).map(([where, mutator, uuid]): Json => {
    const mutations = [
      ["kids", mutator, uuid],
      ["pals", mutator, uuid],
    ];
    return { op: "mutate", table: "Root", where, mutations };
  }),
  named.map((where): Json => ({ op: "mutate", table: "Root", where, mutations: [["r", "+=", 1]] })),
  named.map((where): Json => ({ op: "delete", table: "Root", where })),
  named.map((where): Json => ({ op: "select", table: "Root", where, columns: ["name", "r", "kids", "pals"] })),
  fc.tuple(named, fc.constantFrom("==", "!=")).map(([where, until]): Json => {
    return { op: "wait", timeout: 0, table: "Root", where, columns: ["r"], until, rows: [] };
  }),
);
const transactions = fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { minLength: 30, maxLength: 60 });

test.skipIf(!arePeersInstalled("etcd"))("answers are those of one server, in the order of the log", async () => {
  await using outer = new Scope();
  const cluster = await startCluster(outer, 1);
  let nKept = 0;
  const property = fc.asyncProperty(transactions, async (all) => {
    await using scope = new Scope();
    const storage = `etcd:${cluster.members[0]?.endpoint}/${randomUUID()}`;
    const open = async (): Promise<SharedDatabase> => scope.use(await openSharedDatabase({ schema: SCHEMA, storage }));
    const frontEnds = [await open(), await open(), await open()];
    const answers = new Map<string, Json[]>();
    const requests = new Map(all.map((operations, i) => [`${i}`, [...operations, { op: "comment", comment: `${i}` }]]));
    const work = async (database: SharedDatabase, mine: readonly string[]): Promise<void> => {
      for (const id of mine) answers.set(id, await database.transact(requests.get(id) ?? [], TESTER));
    };
    const ids = [...requests.keys()];
    await Promise.all(
      [0, 1, 2, 3, 4, 5].map((n) =>
        work(
          frontEnds[n % 3] as SharedDatabase,
          ids.filter((_, i) => i % 6 === n),
        ),
      ),
    );
    const late = await open();
    const single = await openDatabase(scope);
    for (const { comment } of late.history()) {
      const id = comment ?? "";
      expect([id, await single.transact(requests.get(id) ?? [], TESTER)]).toEqual([id, answers.get(id)]);
    }
    for (const table of ["Root", "Kid"]) {
      const withoutVersions = (database: { table(name: string): ReadonlyMap<string, object> }) =>
        new Map(Array.from(database.table(table), ([uuid, row]) => [uuid, { ...row, _version: "" }]));
      expect(withoutVersions(late)).toEqual(withoutVersions(single));
    }
    const kept = new Set(late.history().map(({ comment }) => comment));
    expect(ids.filter((id) => !kept.has(id) && hasLastingInsert(requests.get(id) ?? [], answers.get(id) ?? []))).toEqual([]);
    nKept += kept.size;
  });
  await fc.assert(property, { numRuns: 30, endOnFailure: true });
  expect(nKept).toBeGreaterThan(200);
});

/** Whether a transaction that was answered without an error must have left a row. */
function hasLastingInsert(operations: readonly Json[], results: readonly Json[]): boolean {
  const isOf = (op: string, table: string) => (json: Json) => {
    const { op: itsOp, table: itsTable } = json as { op: string; table?: string };
    return itsOp === op && itsTable === table;
  };
  const hasError = results.some((result) => result !== null && typeof result === "object" && "error" in result);
  return !hasError && operations.some(isOf("insert", "Root")) && !operations.some(isOf("delete", "Root"));
}
