/** Killed at any moment, a database loses nothing that was acknowledged and keeps no half transaction; a full disk harms nothing. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Json, Scope } from "@tenet/kit";
import { DatabaseLockedError } from "@tenet/ovsdb";
import { expect, inject, test } from "vitest";
import { openDatabase, SCHEMA, TESTER, temporaryFolder } from "./support/fixtures.ts";

const writer = fileURLToPath(new URL("./support/writer-process.mjs", import.meta.url));
const isBuilt = existsSync(new URL("../dist/index.js", import.meta.url));
if (!isBuilt) console.log("skipped: crash tests need the built package (npx tsc -b packages/ovsdb)");

/** How often a process is killed. */
const NUM_KILLS = 12 * inject("effort");

/** Lets a process write for a while and kills it. @returns the numbers it said were durable */
async function writeAndKill(schema: string, file: string, first: number, lifeMs: number): Promise<number[]> {
  const child = spawn(process.execPath, [writer, schema, file, String(first)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  await once(child.stdout, "data");
  await new Promise((resolve) => setTimeout(resolve, lifeMs));
  const refused = await openHere(file).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(DatabaseLockedError);
  expect(refused).toEqual(expect.objectContaining({ pid: child.pid }));
  child.kill("SIGKILL");
  await once(child, "close");
  return output.split("\n").slice(0, -1).map(Number);
}

async function openHere(file: string): Promise<void> {
  await using scope = new Scope();
  await openDatabase(scope, { file });
}

const timeout = 60_000 + NUM_KILLS * 10_000;
test.skipIf(!isBuilt)(
  "kill -9 under load loses no acknowledged transaction, its history neither, and leaves no half one",
  { timeout },
  async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const [file, schema] = [join(folder, "t.db"), join(folder, "schema")];
    writeFileSync(schema, JSON.stringify(SCHEMA));
    const acknowledged: number[] = [];
    for (let round = 0; round < NUM_KILLS; round++) {
      acknowledged.push(...(await writeAndKill(schema, file, round * 1_000_000, Math.random() * 60)));
      const database = await openDatabase(scope, { file });
      const roots = [...database.table("Root").values()];
      const names = new Set(roots.map((row) => row["name"]));
      expect(acknowledged.filter((n) => !names.has(`row ${n}`))).toEqual([]);
      const kids = roots.flatMap((row) => row["kids"] as readonly string[]);
      expect(new Set(kids)).toEqual(new Set(database.table("Kid").keys()));
      expect(kids).toHaveLength(roots.length);
      const written = database.history().filter(({ by }) => by.remote === "writer");
      const told = new Set(written.flatMap(({ changes }) => changes.map((change) => change.new?.["name"])));
      expect(acknowledged.slice(-200).filter((n) => !told.has(`row ${n}`))).toEqual([]);
      database.close();
    }
    expect(acknowledged.length).toBeGreaterThan(12);
  },
);

const canMount = process.platform === "linux" && process.getuid?.() === 0;
if (!canMount) console.log("skipped: the full disk test needs root on Linux to mount a small tmpfs");

test.skipIf(!canMount)("on a full disk transactions fail with an I/O error, and work again when there is room", async () => {
  await using scope = new Scope();
  const disk = join(temporaryFolder(scope), "disk");
  mkdirSync(disk);
  expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]).status).toBe(0);
  scope.defer(() => void spawnSync("umount", [disk]));
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(150_000));
  const file = join(disk, "t.db");
  const database = await openDatabase(scope, { file });
  const insert = (n: number): Json => ({ op: "insert", table: "Root", row: { name: `row ${n}`, imm: "x".repeat(9000) } });
  const write = async (n: number) => ((await database.transact([insert(n)], TESTER)).at(-1) as { error?: string }).error;
  const kept: number[] = [];
  let nFailures = 0;
  for (let n = 0; nFailures < 3; n++) {
    expect(n).toBeLessThan(100);
    const error = await write(n);
    if (error === undefined) kept.push(n);
    else {
      expect(error).toBe("I/O error");
      nFailures++;
    }
  }
  expect(database.table("Root").size).toBe(kept.length);
  writeFileSync(ballast, "");
  expect(await write(1000)).toBeUndefined();
  database.close();
  const again = await openDatabase(scope, { file });
  const names = [...again.table("Root").values()].map((row) => row["name"]);
  expect(new Set(names)).toEqual(new Set([...kept, 1000].map((n) => `row ${n}`)));
  again.close();
});
