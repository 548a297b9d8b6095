import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, type Logger, Scope, silentLogger } from "@tenet/kit";
import { type ClientIdentity, DatabaseLockedError, type LogFs, NotALogError, systemFs, WrongDatabaseError } from "@tenet/ovsdb";
import { expect, test, vi } from "vitest";
import { takePidLock } from "../src/storage/pid-lock.ts";
import { openDatabase, SCHEMA, TESTER, temporaryFolder } from "./support/fixtures.ts";

const add = (x: number, ...more: Json[]): Json[] => [{ op: "insert", table: "Root", row: { name: `row ${x}` } }, ...more];
const DURABLE: Json = { op: "commit", durable: true };
const names = (database: { table(name: string): ReadonlyMap<string, { readonly [column: string]: unknown }> }) =>
  [...database.table("Root").values()].map((row) => row["name"]);

/** A logger that keeps its warnings. */
function listeningLogger(): Logger & { readonly warnings: string[] } {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warnings, warn: (_fields: object, message: string) => void warnings.push(message) };
  return { ...logger, child: () => logger };
}

/** A disk that can be told to fail. */
function failingFs(): LogFs & { failure: string | undefined; writesPart: boolean; nSyncs: number } {
  const error = (code: string) => Object.assign(new Error(`${code}: simulated`), { code });
  const fs = {
    ...systemFs,
    failure: undefined as string | undefined,
    writesPart: false,
    nSyncs: 0,
    writeSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
      if (fs.failure !== "write") return systemFs.writeSync(fd, buffer, offset, length, position);
      if (fs.writesPart) systemFs.writeSync(fd, buffer, offset, Math.floor(length / 2), position);
      throw error("ENOSPC");
    },
    fsyncSync(fd: number): void {
      fs.nSyncs++;
      if (fs.failure === "fsync") throw error("EIO");
      systemFs.fsyncSync(fd);
    },
  };
  return fs;
}

test("rows, history and who wrote survive a restart; ephemeral columns do not", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  const by: ClientIdentity = { remote: "unix:/run/x y#3", pid: 77, process: "ovn-nbctl", uid: 0 };
  await database.transact(add(1, { op: "comment", comment: "first\nsecond" }), by);
  await database.transact([{ op: "update", table: "Root", where: [], row: { eph: 5, e: ["set", ["red", "blue"]] } }], by);
  database.close();
  const again = await openDatabase(scope, { file });
  const [row] = again.table("Root").values();
  expect(row).toEqual(expect.objectContaining({ name: "row 1", eph: 0, e: ["blue", "red"] }));
  expect(again.history().map(({ at, comment, by: who }) => ({ at, comment, by: who }))).toEqual(
    database.history().map(({ at, comment, by: who }) => ({ at, comment, by: who })),
  );
  expect(again.history()[0]).toEqual(expect.objectContaining({ comment: "first\nsecond", by }));
  expect(again.historyOf(row?._uuid ?? "")).toHaveLength(2);
});

test("a version is found again after a restart, unless it covers ephemeral columns that the restart forgot", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  await database.transact(add(1), TESTER);
  const durable = database.version;
  await database.transact([{ op: "insert", table: "Root", row: { name: "both", eph: 5 } }], TESTER);
  await database.transact(add(2), TESTER);
  const after = database.version;
  database.close();
  const again = await openDatabase(scope, { file });
  expect(again.historySince(durable)).toHaveLength(2);
  expect(again.historySince(after)).toBeUndefined();
});

test("a file cut at any byte opens with all whole transactions before the cut", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "t.db");
  const database = await openDatabase(scope, { file });
  const ends = [readFileSync(file).length];
  for (const x of [1, 2, 3]) {
    await database.transact(add(x), TESTER);
    ends.push(readFileSync(file).length);
  }
  database.close();
  const bytes = readFileSync(file);
  for (let length = ends[0] ?? 0; length <= bytes.length; length += 1) {
    const cut = join(folder, `cut-${length}.db`);
    writeFileSync(cut, bytes.subarray(0, length));
    const log = listeningLogger();
    const opened = await openDatabase(scope, { file: cut, log });
    const nWhole = ends.findLastIndex((end) => end <= length);
    expect(names(opened)).toEqual([1, 2, 3].slice(0, nWhole).map((x) => `row ${x}`));
    expect(log.warnings).toEqual(ends.includes(length) ? [] : ["cutting off damaged end of database file"]);
    expect(readFileSync(cut).length).toBe(ends[nWhole]);
    opened.close();
  }
});

test("a transaction after a cut tail is kept, and garbage after good records is cut", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  await database.transact(add(1), TESTER);
  database.close();
  appendFileSync(file, "OVSDB JSON 40 0123456789012345678901234567890123456789\ngarbage");
  const second = await openDatabase(scope, { file });
  await second.transact(add(2), TESTER);
  second.close();
  expect(names(await openDatabase(scope, { file }))).toEqual(["row 1", "row 2"]);
});

test.each([["write"], ["fsync"]])(
  "a failing %s fails the transaction with an I/O error and leaves nothing of it",
  async (failure) => {
    await using scope = new Scope();
    const file = join(temporaryFolder(scope), "t.db");
    const fs = failingFs();
    const database = await openDatabase(scope, { file, fs });
    await database.transact(add(1), TESTER);
    const commits: unknown[] = [];
    database.onCommit((commit) => commits.push(commit));
    Object.assign(fs, { failure, writesPart: true });
    const results = await database.transact(add(2, DURABLE), TESTER);
    expect(results.at(-1)).toEqual({ error: "I/O error", details: expect.stringContaining(file) });
    expect(results).toHaveLength(3);
    expect(names(database)).toEqual(["row 1"]);
    expect(commits).toEqual([]);
    copyFileSync(file, `${file}.copy`);
    expect(names(await openDatabase(scope, { file: `${file}.copy` }))).toEqual(["row 1"]);
    fs.failure = undefined;
    expect(await database.transact(add(3), TESTER)).toHaveLength(1);
    database.close();
    expect(names(await openDatabase(scope, { file }))).toEqual(["row 1", "row 3"]);
  },
);

test("when a group of transactions cannot be written, each is answered on its own", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const fs = failingFs();
  const database = await openDatabase(scope, { file, fs });
  fs.failure = "write";
  const read: Json = { op: "select", table: "Root", where: [], columns: ["name"] };
  const results = await Promise.all([
    database.transact(add(1), TESTER),
    database.transact([read], TESTER),
    database.transact(add(2), TESTER),
  ]);
  expect(results.map((result) => (result.at(-1) as { error?: string }).error)).toEqual(["I/O error", undefined, "I/O error"]);
  expect(results[1]).toEqual([{ rows: [] }]);
  expect(database.table("Root").size).toBe(0);
});

test("durable transactions that arrive together share one fsync", async () => {
  await using scope = new Scope();
  const fs = failingFs();
  const database = await openDatabase(scope, { file: join(temporaryFolder(scope), "t.db"), fs });
  const before = fs.nSyncs;
  await Promise.all(Array.from({ length: 20 }, (_, x) => database.transact(add(x, DURABLE), TESTER)));
  expect(fs.nSyncs - before).toBe(1);
});

test("a transaction that does not ask to be durable is in the file when it is answered, and flushed soon after", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const fs = failingFs();
  const flushed = vi.spyOn(fs, "fsync");
  const database = await openDatabase(scope, { file, fs });
  const before = fs.nSyncs;
  await database.transact(add(1), TESTER);
  expect(fs.nSyncs).toBe(before);
  copyFileSync(file, `${file}.copy`);
  expect(names(await openDatabase(scope, { file: `${file}.copy` }))).toEqual(["row 1"]);
  await vi.waitFor(() => expect(flushed).toHaveBeenCalledTimes(1));
  await database.transact(add(2), TESTER);
  database.close();
  expect(fs.nSyncs).toBe(before + 1);
});

test("when a flush beside the work fails, the file is written anew from memory", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const fs = failingFs();
  const flush = vi.spyOn(fs, "fsync").mockRejectedValueOnce(new Error("EIO: simulated"));
  const database = await openDatabase(scope, { file, fs });
  await database.transact(add(1), TESTER);
  await vi.waitFor(() => expect(readFileSync(file, "latin1")).toContain("compacted"));
  expect(flush.mock.calls.length).toBeGreaterThan(1);
  await database.transact(add(2), TESTER);
  database.close();
  expect(names(await openDatabase(scope, { file }))).toEqual(["row 1", "row 2"]);
});

test("a second opener is refused with the holder's pid", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  const refusal = await openDatabase(scope, { file }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DatabaseLockedError);
  expect(refusal).toEqual(expect.objectContaining({ pid: process.pid, message: expect.stringContaining(String(process.pid)) }));
  database.close();
  expect(names(await openDatabase(scope, { file }))).toEqual([]);
});

test("where the kernel locks no files, a dead holder's lock is taken over, also before its end was asked for", async () => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "lock");
  writeFileSync(path, "999999999 1\n");
  const held = takePidLock(path);
  expect(takePidLock(path)).toEqual({ holder: process.pid });
  if ("release" in held) held.release();
  expect(existsSync(path)).toBe(false);
  if (process.platform !== "linux") return;
  const parent = spawn("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  scope.defer(() => void parent.kill());
  const [printed] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = printed.toString().trim();
  await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toContain(") Z "));
  const start = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19];
  writeFileSync(path, `${pid} ${start}\n`);
  expect(takePidLock(path)).toHaveProperty("release");
});

test("a file of another kind or another database is refused and not touched", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const text = join(folder, "text");
  writeFileSync(text, "precious text");
  await expect(openDatabase(scope, { file: text })).rejects.toThrow(NotALogError);
  expect(readFileSync(text, "utf8")).toBe("precious text");
  const file = join(folder, "t.db");
  (await openDatabase(scope, { file })).close();
  const other: Json = { ...(SCHEMA as object), name: "Other" };
  await expect(openDatabase(scope, { schema: other, file })).rejects.toThrow(WrongDatabaseError);
});

test("a file written under another version of the schema is converted", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  await database.transact(add(1), TESTER);
  database.close();
  const schema: Json = {
    name: "T",
    version: "2.0.0",
    tables: { Root: { isRoot: true, columns: { name: { type: "string" }, added: { type: "integer" } } } },
  };
  for (let nTimes = 0; nTimes < 2; nTimes++) {
    const converted = await openDatabase(scope, { schema, file });
    expect([...converted.table("Root").values()]).toEqual([expect.objectContaining({ name: "row 1", added: 0 })]);
    converted.close();
  }
});

test("an unwritable folder is an I/O error with the file's name", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "missing", "t.db");
  await expect(openDatabase(scope, { file })).rejects.toThrow(expect.objectContaining({ code: "IO_ERROR" }));
});
