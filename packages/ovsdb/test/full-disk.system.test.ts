/** A disk that is really full, and one that is read-only: transactions fail, the server lives, and goes on when there is space. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { Database } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, rawClient, SCHEMA, serve, temporaryFolder } from "./support/fixtures.ts";

const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name } });
const select: Json = { op: "select", table: "Root", where: [], columns: ["name"] };
const DURABLE: Json = { op: "commit", durable: true };

/** Mounts a disk of 512 KiB. @returns its folder, or why there is none */
function smallDisk(scope: Scope): { folder: string } | { obstacle: string } {
  const folder = join(temporaryFolder(scope), "disk");
  mkdirSync(folder);
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], { encoding: "utf8" });
  if (status !== 0) return { obstacle: `cannot mount a tmpfs: ${stderr.trim()}` };
  scope.defer(() => void spawnSync("umount", ["-l", folder]));
  return { folder };
}

test("a full disk fails transactions, compaction and conversion, and nothing else", async (context) => {
  await using scope = new Scope();
  const disk = smallDisk(scope);
  if ("obstacle" in disk) return context.skip(disk.obstacle);
  const file = join(disk.folder, "t.db");
  const database = await openDatabase(scope, { file });
  const client = rawClient(scope, await serve(scope, [database]));
  const transact = async (...operations: Json[]) => (await client.call("transact", ["T", ...operations])).result as Json[];
  writeFileSync(join(disk.folder, "ballast"), Buffer.alloc(300_000));
  const kept: string[] = [];
  let failure: Json | undefined;
  for (let n = 0; failure === undefined && n < 1000; n++) {
    const name = `${n} ${"x".repeat(5000)}`;
    failure = (await transact(insert(name), DURABLE)).find((result) => (result as { error?: string }).error !== undefined);
    if (failure === undefined) kept.push(name);
  }
  expect(failure).toEqual({ error: "I/O error", details: expect.stringMatching(/t\.db: ENOSPC/) as string });
  expect(kept.length).toBeGreaterThan(5);
  await expect(database.compact()).rejects.toThrow(/ENOSPC/);
  const { error } = await client.call("convert", ["T", { ...(SCHEMA as object), version: "1.0.1" }]);
  expect(error).toEqual({ error: "I/O error", details: expect.stringMatching(/ENOSPC/) as string });
  expect(readdirSync(disk.folder).filter((name) => !name.startsWith("."))).toEqual(["ballast", "t.db"]);
  const [rows] = await transact(select);
  expect((rows as { rows: Json[] }).rows).toHaveLength(kept.length);
  const readNames = () => [...Database.read(file).table("Root").values()].map((row) => row["name"]);
  expect(readNames()).toEqual(kept);
  rmSync(join(disk.folder, "ballast"));
  expect(await transact(insert("after"), DURABLE)).toHaveLength(2);
  await database.compact();
  expect(readNames().toSorted()).toEqual([...kept, "after"].toSorted());
});

test("a file on a read-only disk is read, not opened, and opened when it may be written again", async (context) => {
  await using scope = new Scope();
  const disk = smallDisk(scope);
  if ("obstacle" in disk) return context.skip(disk.obstacle);
  const file = join(disk.folder, "t.db");
  (await openDatabase(scope, { file })).close();
  spawnSync("mount", ["-o", "remount,ro", disk.folder]);
  await expect(openDatabase(scope, { file })).rejects.toMatchObject({
    code: "IO_ERROR",
    message: expect.stringContaining("EROFS"),
  });
  expect([...Database.read(file).table("Root").keys()]).toEqual([]);
  spawnSync("mount", ["-o", "remount,rw", disk.folder]);
  const database = await openDatabase(scope, { file });
  expect(await database.transact([insert("a"), DURABLE], { remote: "test" })).toHaveLength(2);
});
