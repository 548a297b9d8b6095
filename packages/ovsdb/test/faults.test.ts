/**
 * Whichever file operation fails, whether once or from then on: what was acknowledged is there after a restart, what failed is
 * not, and the database goes on when the disk does.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { compactDatabaseFile, convertDatabaseFile, Database, type LogFs, systemFs } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { filesIn, TESTER, temporaryFolder } from "./support/fixtures.ts";

const schemaOf = (version: string, columns: object = {}): Json => ({
  name: "T",
  version,
  tables: {
    Root: { isRoot: true, indexes: [["name"]], columns: { name: { type: "string" }, n: { type: "integer" }, ...columns } },
  },
});
const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name } });
const DURABLE: Json = { op: "commit", durable: true };
const namesIn = (database: Database) => [...database.table("Root").values()].map((row) => String(row["name"])).toSorted();

/** A disk whose operation number `failAt`, or all from that on, fail; half of a failing write is written. */
class FaultyDisk {
  nOperations = 0;
  isHealed = false;
  readonly #failAt: number;
  readonly #isLasting: boolean;
  readonly fs: LogFs;

  constructor(failAt: number, isLasting: boolean) {
    this.#failAt = failAt;
    this.#isLasting = isLasting;
    this.fs = {
      ...systemFs,
      openSync: (path, flags, mode) => {
        if (flags !== "r") this.#step("open");
        return systemFs.openSync(path, flags, mode);
      },
      writeSync: (fd, buffer, offset, length, position) => {
        this.#step("write", () => void systemFs.writeSync(fd, buffer, offset, Math.floor(length / 2), position));
        return systemFs.writeSync(fd, buffer, offset, length, position);
      },
      fsyncSync: (fd) => {
        this.#step("fsync");
        systemFs.fsyncSync(fd);
      },
      ftruncateSync: (fd, length) => {
        this.#step("ftruncate");
        systemFs.ftruncateSync(fd, length);
      },
      fchmodSync: (fd, mode) => {
        this.#step("fchmod");
        systemFs.fchmodSync(fd, mode);
      },
      renameSync: (from, to) => {
        this.#step("rename");
        systemFs.renameSync(from, to);
      },
      write: async (fd, buffer, offset, length, position) => {
        this.#step("write", () => void systemFs.writeSync(fd, buffer, offset, Math.floor(length / 2), position));
        return systemFs.write(fd, buffer, offset, length, position);
      },
      fsync: async (fd) => {
        this.#step("fsync");
        await systemFs.fsync(fd);
      },
    };
  }

  #step(what: string, before: () => void = () => undefined): void {
    const n = this.nOperations++;
    if (this.isHealed || n < this.#failAt || (n > this.#failAt && !this.#isLasting)) return;
    before();
    throw Object.assign(new Error(`ENOSPC: ${what} ${n} is made to fail`), { code: "ENOSPC" });
  }
}

/** Everything that a file goes through; what is acknowledged is added to `kept`. @returns how many things failed */
async function live(file: string, disk: FaultyDisk, kept: Set<string>): Promise<number> {
  let nFailed = 0;
  const attempt = async (work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      expect(String(error)).toMatch(/ENOSPC/);
      nFailed++;
    }
  };
  let database: Database | undefined;
  await attempt(async () => (database = await Database.open({ schema: schemaOf("1.0.0"), file, fs: disk.fs })));
  if (database === undefined) return nFailed;
  const open = database;
  const transact = async (name: string, ...more: Json[]) => {
    const results = await open.transact([insert(name), ...more], TESTER);
    const failure = results.find((result) => (result as { error?: string } | null)?.error !== undefined);
    if (failure === undefined) kept.add(name);
    else expect(failure).toEqual({ error: "I/O error", details: expect.stringContaining("ENOSPC") as string });
    if (failure !== undefined) nFailed++;
  };
  await transact("a", DURABLE);
  await Promise.all([transact("b"), transact("c", DURABLE), transact("d")]);
  await attempt(() => open.compact());
  await transact("e");
  const compacting = attempt(() => open.compact(true));
  await transact("f", DURABLE);
  await compacting;
  await attempt(() => open.convert(schemaOf("2.0.0", { more: { type: "integer" } }), TESTER));
  await transact("g", DURABLE);
  expect(namesIn(open)).toEqual([...kept].toSorted());
  disk.isHealed = true;
  await transact("healed", DURABLE);
  expect(kept).toContain("healed");
  await open.compact();
  open.close();
  return nFailed;
}

test.each([
  ["once", false],
  ["from then on", true],
])("each operation on the file in turn fails %s", { timeout: 120_000 }, async (_, isLasting) => {
  let nOperations = 1;
  let nFaultsSeen = 0;
  for (let failAt = 0; failAt < nOperations; failAt++) {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const file = join(folder, "t.db");
    const disk = new FaultyDisk(failAt, isLasting);
    const kept = new Set<string>();
    nFaultsSeen += await live(file, disk, kept);
    if (kept.size === 0) {
      nOperations = failAt + 2; // not even opened
      continue;
    }
    nOperations = disk.nOperations;
    const read = Database.read(file);
    expect([failAt, namesIn(read)]).toEqual([failAt, [...kept].toSorted()]);
    expect(filesIn(folder)).toEqual(["t.db"]);
    const again = await Database.open({ schema: read.schema, file });
    expect(namesIn(again)).toEqual(namesIn(read));
    again.close();
  }
  expect(nOperations).toBeGreaterThan(20);
  expect(nFaultsSeen).toBeGreaterThan(15);
});

test("a file that nobody serves is as it was when compacting or converting it fails", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "t.db");
  const database = await Database.open({ schema: schemaOf("1.0.0"), file });
  await database.transact([insert("long name")], TESTER);
  database.close();
  const before = readFileSync(file);
  const strict = schemaOf("2.0.0", { name: { type: { key: { type: "string", maxLength: 3 } } } });
  await expect(convertDatabaseFile(file, strict)).rejects.toThrow(/Cannot bring the rows under T 2.0.0/);
  await expect(convertDatabaseFile(file, strict, { target: join(folder, "other.db") })).rejects.toThrow(/length 9 is greater/);
  await expect(convertDatabaseFile(file, strict, { target: join(folder, "no", "folder.db") })).rejects.toMatchObject({
    code: "IO_ERROR",
  });
  await expect(compactDatabaseFile(file, { target: join(folder, "no", "folder.db") })).rejects.toMatchObject({
    code: "IO_ERROR",
  });
  expect(readFileSync(file)).toEqual(before);
  expect(filesIn(folder)).toEqual(["t.db"]);
});
