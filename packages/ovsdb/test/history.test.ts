/** Who changed what stays known over compactions and restarts, within bounds of age and size. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type Clock, type Json, Scope } from "@tenet/kit";
import { type Commit, Database, type Row } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openDatabase, TESTER, temporaryFolder } from "./support/fixtures.ts";

const names = ["a", "b", "c", "d"];
const named = (name: string): Json => [["name", "==", name]];
const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name, kids: ["named-uuid", `k${name}`] } });
const insertKid = (name: string): Json => ({ op: "insert", table: "Kid", "uuid-name": `k${name}`, row: { name } });

/** Random changes of a few rows: they come, go, are replaced; sets and maps change by elements; kids are collected. */
const operations: fc.Arbitrary<Json[]> = fc
  .constantFrom(...names)
  .chain((name) =>
    fc.constantFrom<Json[]>(
      [insertKid(name), insert(name)],
      [{ op: "delete", table: "Root", where: named(name) }],
      [{ op: "update", table: "Root", where: named(name), row: { kids: ["set", []], eph: 5 } }],
      [{ op: "mutate", table: "Root", where: named(name), mutations: [["e", "insert", "red"]] }],
      [{ op: "mutate", table: "Root", where: named(name), mutations: [["e", "delete", ["set", ["red", "blue"]]]] }],
      [{ op: "mutate", table: "Root", where: named(name), mutations: [["m", "insert", ["map", [["x", 1]]]]] }],
      [{ op: "update", table: "Root", where: named(name), row: { eph: 7 } }],
      [{ op: "update", table: "Root", where: [], row: { e: ["set", ["blue", "green"]] } }],
    ),
  );

/** A row as a restart finds it. */
function kept(row: Row | undefined): object | undefined {
  return row === undefined ? undefined : { ...row, _version: "", eph: 0 };
}

/** Commits as a restart finds them: without versions of rows, ephemeral columns, and commits of these alone. */
function comparable(commits: readonly Commit[]): object[] {
  return commits.flatMap(({ comment, by, changes, at }) => {
    const rows = changes.map((change) => ({ uuid: change.uuid, old: kept(change.old), new: kept(change.new) }));
    const changed = rows.filter((row) => JSON.stringify(row.old) !== JSON.stringify(row.new));
    const sorted = changed.toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1));
    return changed.length === 0 ? [] : [{ comment, by, at, changes: sorted }];
  });
}

const rowsOf = (database: Database) =>
  ["Root", "Kid"].map((table) => new Map(Array.from(database.table(table), ([uuid, row]) => [uuid, kept(row)])));

test("rows and history are the same after compactions and restarts, wherever these fall among random transactions", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ arbitrary: operations, weight: 6 }, { arbitrary: fc.constantFrom("compact", "restart"), weight: 1 }), {
        minLength: 5,
        maxLength: 30,
      }),
      async (steps) => {
        await using scope = new Scope();
        const file = join(temporaryFolder(scope), "t.db");
        let database = await openDatabase(scope, { file });
        const told: Commit[] = [];
        database.onCommit((commit) => told.push(commit));
        let compacting = Promise.resolve();
        for (const step of steps) {
          if (step === "compact") compacting = database.compact();
          else if (step === "restart") {
            await compacting;
            database.close();
            const versions = { before: database.version, after: (database = await openDatabase(scope, { file })).version };
            if (!JSON.stringify(steps).includes("eph")) expect(versions.after).toBe(versions.before);
            database.onCommit((commit) => told.push(commit));
          } else await database.transact([...step, { op: "comment", comment: `step ${told.length}` }], TESTER);
        }
        await compacting;
        database.close();
        const again = await openDatabase(scope, { file });
        expect(rowsOf(again)).toEqual(rowsOf(database));
        expect(comparable(again.history().filter(({ by }) => by.remote === "test"))).toEqual(comparable(told));
        expect(rowsOf(Database.read(file))).toEqual(rowsOf(database));
      },
    ),
    { numRuns: 60 },
  );
});

test("what is too old is dropped by a compaction, and what is too much", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  let now = 0;
  const clock: Clock = { now: () => now, monotonicMs: () => now };
  const historyLimits = { commits: 100, changes: 100, ageMs: 50, fileBytes: 1000 };
  const database = await openDatabase(scope, { file, clock, historyLimits });
  await database.transact(
    names.flatMap((name) => [insertKid(name), insert(name)]),
    TESTER,
  );
  for (now = 1; now <= 100; now++) await database.transact([{ op: "update", table: "Root", where: [], row: { i: now } }], TESTER);
  const nBytes = statSync(file).size;
  await database.compact();
  expect(statSync(file).size).toBeLessThan(nBytes / 2);
  const timesOf = (commits: readonly Commit[]) => commits.filter(({ by }) => by.remote === "test").map(({ at }) => at);
  expect(timesOf(Database.read(file).history())).toEqual([98, 99, 100]); // of some 300 bytes each
  database.close();
  const wider = await openDatabase(scope, { file, clock, historyLimits: { ...historyLimits, fileBytes: 1e6 } });
  now = 149.5;
  await wider.compact();
  expect(timesOf(Database.read(file).history())).toEqual([100]);
  now = 200;
  await wider.compact();
  expect(timesOf(Database.read(file).history())).toEqual([]);
  expect(rowsOf(Database.read(file))).toEqual(rowsOf(wider));
});

test("a compaction that begins amid a group of commits keeps all of the group", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  let compacting: Promise<void> | undefined;
  database.onCommit(() => {
    compacting ??= database.compact();
  });
  await Promise.all(names.map((name) => database.transact([insertKid(name), insert(name)], TESTER)));
  await compacting;
  database.close();
  const again = await openDatabase(scope, { file });
  expect(rowsOf(again)).toEqual(rowsOf(database));
  expect(again.history().filter(({ by }) => by.remote === "test")).toHaveLength(names.length);
});
