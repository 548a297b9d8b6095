/** A compacted file has the same rows and versions, whatever was written, failed or closed meanwhile. */
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Clock, type Json, Scope } from "@tenet/kit";
import { type CompactionLimits, Database, systemFs } from "@tenet/ovsdb";
import { expect, test, vi } from "vitest";
import { filesIn, openDatabase, TESTER, temporaryFolder } from "./support/fixtures.ts";

const insert = (name: string, more: object = {}): Json => ({ op: "insert", table: "Root", row: { name, ...more } });
const update = (name: string, row: { readonly [column: string]: Json }): Json => ({
  op: "update",
  table: "Root",
  where: [["name", "==", name]],
  row,
});
const rowsOf = (database: Database) =>
  new Map(Array.from(database.table("Root"), ([uuid, row]) => [uuid, { ...row, _version: "" }]));

/** Rows enough for several slices. */
async function fill(database: Database, n: number): Promise<void> {
  const rows = Array.from({ length: n }, (_, i) => insert(`row ${i}`, { m: ["map", [["k", i]]], e: ["set", ["red", "blue"]] }));
  await database.transact(rows, TESTER);
  for (let i = 0; i < 20; i++) await database.transact([update("row 1", { i })], TESTER);
}

test("transactions that are committed while the file is compacted are in it, and versions go on over it", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file, historyLimits: { commits: 2000, changes: 50_000, fileBytes: 0 } });
  await fill(database, 5000);
  const beforeBytes = statSync(file).size;
  const known = database.version;
  let isDone = false;
  const compacted = database.compact().then(() => (isDone = true));
  let n = 0;
  for (; !isDone; n++) {
    const change =
      n % 2 === 0 ? update(`row ${n}`, { i: 7 }) : { op: "delete", table: "Root", where: [["name", "==", `row ${4999 - n}`]] };
    await database.transact([change, insert(`late ${n}`)], TESTER);
  }
  await compacted;
  expect(n).toBeGreaterThan(1);
  await database.transact([insert("after")], TESTER);
  expect(statSync(file).size).toBeLessThan(beforeBytes + n * 1000);
  database.close();
  const again = await openDatabase(scope, { file });
  expect(rowsOf(again)).toEqual(rowsOf(database));
  expect(again.version).toBe(database.version);
  expect(again.historySince(known)).toHaveLength(n + 1);
  expect(again.history()).toHaveLength(n + 2);
});

test("whatever is committed or taken back between the steps of a compaction, the file has the rows there are", async () => {
  await using scope = new Scope();
  let timeMs = 0;
  const time = vi.spyOn(performance, "now").mockImplementation(() => (timeMs += 5)); // each step is a turn of its own
  scope.defer(() => time.mockRestore());
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  await fill(database, 3000);
  const where = (i: number): Json => [["name", "==", `row ${i}`]];
  const uuids = [...database.table("Root").keys()];
  for (const dropsHistory of [true, false, true]) {
    let isDone = false;
    const compacted = database.compact(dropsHistory).then(() => (isDone = true));
    let n = 0;
    for (; !isDone; n++) {
      const [first, last] = [n % 3000, 2999 - n];
      await database.transact([{ op: "delete", table: "Root", where: where(first) }, { op: "abort" }], TESTER);
      await database.transact([{ op: "delete", table: "Root", where: where(last) }], TESTER);
      await database.transact(
        [{ op: "insert", table: "Root", uuid: uuids[last] ?? "", row: { name: `row ${last}`, i: n % 100 } }],
        TESTER,
      );
      await database.transact([update(`row ${(n * 7) % 3000}`, { m: ["map", [["k", n]]] })], TESTER);
    }
    await compacted;
    expect(n).toBeGreaterThan(10);
    const read = Database.read(file);
    expect(new Map([...rowsOf(read)].toSorted())).toEqual(new Map([...rowsOf(database)].toSorted()));
  }
  database.close();
  const again = await openDatabase(scope, { file });
  expect(again.version).toBe(database.version);
  expect(rowsOf(again).size).toBe(3000);
});

test("a version that rests on ephemeral columns is not found again in a compacted file", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  await database.transact([insert("a", { eph: 5 })], TESTER);
  await database.compact();
  database.close();
  expect((await openDatabase(scope, { file })).historySince(database.version)).toBeUndefined();
});

test("a file that cannot be written anew stays as it was, and takes transactions", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "t.db");
  let isFull = false;
  const write: typeof systemFs.write = (...options) =>
    isFull ? Promise.reject(new Error("ENOSPC: simulated")) : systemFs.write(...options);
  const database = await openDatabase(scope, { file, fs: { ...systemFs, write } });
  await fill(database, 100);
  isFull = true;
  await expect(database.compact()).rejects.toThrow(/Cannot compact database file ".*": ENOSPC/);
  expect(readdirSync(folder).toSorted()).toEqual([".t.db.~lock~", "t.db"]);
  await database.transact([insert("after")], TESTER);
  isFull = false;
  await database.compact();
  database.close();
  expect(rowsOf(await openDatabase(scope, { file }))).toEqual(rowsOf(database));
});

test("a database that is closed while its file is compacted leaves the file as it was", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "t.db");
  const database = await openDatabase(scope, { file });
  await fill(database, 5000);
  const compacting = database.compact();
  expect(database.compact()).toBe(compacting);
  database.close();
  expect(filesIn(folder)).toEqual(["t.db"]);
  const again = await openDatabase(scope, { file });
  await compacting;
  expect(rowsOf(again)).toEqual(rowsOf(database));
  expect(existsSync(`${file}.compact`)).toBe(false);
});

test("what a crash left of a compaction is removed, and the new file has the mode of the old one", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  writeFileSync(file, "", { mode: 0o600 });
  writeFileSync(`${file}.compact`, "half");
  const database = await openDatabase(scope, { file });
  expect(existsSync(`${file}.compact`)).toBe(false);
  await fill(database, 10);
  await database.compact();
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a file is compacted by itself when it has grown, after so many commits and so much time", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  let nowMs = 0;
  const clock: Clock = { now: () => 0, monotonicMs: () => nowMs };
  const compaction: CompactionLimits = { minSizeBytes: 3000, growth: 2, minCommits: 5, minAgeMs: 100, maxAgeMs: 1000 };
  const historyLimits = { commits: 0, changes: 0 };
  const database = await openDatabase(scope, { file, clock, compaction, historyLimits });
  await database.transact([insert("a")], TESTER);
  let nUpdates = 0;
  /** Whether the file is another one after so many commits of so many letters. */
  const isNewAfter = async (nCommits: number, nLetters: number): Promise<boolean> => {
    const before = statSync(file).ino;
    for (let i = 0; i < nCommits; i++) {
      const map: Json = ["map", [["x".repeat(nLetters), ++nUpdates]]];
      await database.transact([update("a", { m: map })], TESTER);
    }
    for (let nTurns = 0; existsSync(`${file}.compact`) && nTurns < 500; nTurns++) await setTimeout(1);
    return statSync(file).ino !== before;
  };
  expect(await isNewAfter(10, 1000)).toBe(false); // too early
  nowMs = 100;
  expect(await isNewAfter(1, 1)).toBe(true);
  nowMs = 200;
  expect(await isNewAfter(5, 1)).toBe(false); // too short
  expect(await isNewAfter(3, 1000)).toBe(true);
  nowMs = 300;
  expect(await isNewAfter(4, 1000)).toBe(false); // too few commits
  nowMs = 1500;
  expect(await isNewAfter(1, 1)).toBe(true);
  nowMs = 2600;
  expect(await isNewAfter(5, 1)).toBe(true); // old enough
});
