/** The original's Python IDL works with our server as with its own: replica, transactions, conditions, locks, reconnection. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Scope, silentLogger } from "@tenet/kit";
import { OvsdbServer } from "@tenet/ovsdb";
import { describe, expect, test } from "vitest";
import { openDatabase, SCHEMA, temporaryFolder, TESTER } from "./support/fixtures.ts";
import { isIdlInstalled, startIdl } from "./support/idl-client.ts";
import { arePeersInstalled, peer, startOriginalServer } from "./support/peers.ts";
import { startResumptionProxy } from "./support/resumption-proxy.ts";

interface Served {
  readonly remote: string;
  readonly schemaFile: string;
}

function writeSchema(folder: string): string {
  const schemaFile = join(folder, "schema.json");
  writeFileSync(schemaFile, JSON.stringify(SCHEMA));
  return schemaFile;
}

async function serveOurs(scope: Scope): Promise<Served> {
  const folder = temporaryFolder(scope);
  const server = scope.use(new OvsdbServer([await openDatabase(scope)], silentLogger));
  return { remote: await server.listen(`punix:${join(folder, "db.sock")}`), schemaFile: writeSchema(folder) };
}

async function serveTheirs(scope: Scope): Promise<Served> {
  const folder = temporaryFolder(scope);
  const [file, schemaFile] = [join(folder, "theirs.db"), writeSchema(folder)];
  await peer(folder, "ovsdb-tool", "create", file, schemaFile);
  return { remote: await startOriginalServer(scope, folder, file), schemaFile };
}

const isReady = isIdlInstalled() && arePeersInstalled("ovsdb-server", "ovsdb-tool");

describe.skipIf(!isReady).each([
  { name: "our server", serve: serveOurs },
  { name: "the original's", serve: serveTheirs },
])("the Python IDL on $name", ({ serve }) => {
  test.each(["any", "leader"] as const)("reads, inserts, refers, changes and deletes rows (%s member)", async (member) => {
    await using scope = new Scope();
    const { remote, schemaFile } = await serve(scope);
    const idl = await startIdl(scope, remote, schemaFile, member);
    const row = { name: "a", i: 5, r: 1.5, b: true, e: ["red", "blue"], m: { k: 1 }, s: ["x"], imm: "once" };
    expect(await idl("add", { table: "Root", row })).toMatchObject({ status: "success", uuid: expect.any(String), error: null });
    expect(await idl("adopt", { name: "a", kid: "k1" })).toMatchObject({ status: "success" });
    expect(await idl("adopt", { name: "a", kid: "k2" })).toMatchObject({ status: "success" });
    expect(await idl("kids", { name: "a" })).toEqual(["k1", "k2"]);
    expect(await idl("set", { table: "Root", name: "a", row: { r: 2.5, s: ["y", "z"] } })).toMatchObject({ status: "success" });
    expect(await idl("setkey", { name: "a", key: "l", value: 2 })).toMatchObject({ status: "success" });
    expect(await idl("increment", { name: "a" })).toMatchObject({ status: "success" });
    const columns = ["r", "s", "m", "eph", "e"];
    const values = await Promise.all(columns.map((column) => idl("rows", { table: "Root", column })));
    expect(values).toEqual([[3.5], [["y", "z"]], [["k", "l"]], [1], [["blue", "red"]]]);
    expect(await idl("add", { table: "Root", row: { name: "a" } })).toMatchObject({ status: "error", error: expect.any(String) });
    expect(await idl("set", { table: "Root", name: "a", row: { r: 3.5 } })).toMatchObject({ status: "unchanged" });
    expect(await idl("delete", { table: "Root", name: "a" })).toMatchObject({ status: "success" });
    expect(await idl("rows", { table: "Kid", column: "name" })).toEqual([]);
  });

  test("sees what other clients do, and only the rows of its condition", async () => {
    await using scope = new Scope();
    const { remote, schemaFile } = await serve(scope);
    const [one, two] = [await startIdl(scope, remote, schemaFile), await startIdl(scope, remote, schemaFile)];
    for (const name of ["a", "b", "c"]) await one("add", { table: "Root", row: { name } });
    expect(await two("until", { table: "Root", column: "name", value: "c" })).toBe(true);
    expect(await two("condition", { table: "Root", clauses: [["name", "==", "a"]] })).toBe(true);
    expect(await two("rows", { table: "Root", column: "name" })).toEqual(["a"]);
    expect(await two("condition", { table: "Root", clauses: [["name", "!=", "a"]] })).toBe(true);
    expect(await two("rows", { table: "Root", column: "name" })).toEqual(["b", "c"]);
    await one("delete", { table: "Root", name: "b" });
    expect(await two("gone", { table: "Root", column: "name", value: "b" })).toBe(true);
    expect(await two("condition", { table: "Root", clauses: [] })).toBe(true);
    expect(await two("rows", { table: "Root", column: "name" })).toEqual([]);
  });

  test("a lock is held by one client, and by the next when that lets go", async () => {
    await using scope = new Scope();
    const { remote, schemaFile } = await serve(scope);
    const [one, two] = [await startIdl(scope, remote, schemaFile), await startIdl(scope, remote, schemaFile)];
    expect(await one("lock", { name: "work", seconds: 5 })).toEqual({ held: true, contended: false });
    expect(await two("lock", { name: "work", seconds: 0.3 })).toEqual({ held: false, contended: true });
    expect(await one("unlock")).toBe(true);
    expect(await two("lock", { name: "work", seconds: 5 })).toEqual({ held: true, contended: false });
  });
});

describe.skipIf(!isReady)("the Python IDL when our server is started again", () => {
  test("goes on where it was: it is sent only what it missed, by monitor_cond_since", async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const [path, file] = [join(folder, "db.sock"), join(folder, "ours.db")];
    const proxy = await startResumptionProxy(scope, join(folder, "proxy.sock"), `unix:${path}`);
    const start = async () => {
      const database = await openDatabase(scope, { file });
      const server = new OvsdbServer([database], silentLogger);
      await server.listen(`punix:${path}`);
      return { database, stop: () => server.close().then(() => database.close()) };
    };
    const first = await start();
    const insert = (name: string) => ({ op: "insert", table: "Root", row: { name } });
    await first.database.transact(
      Array.from({ length: 50 }, (_, i) => insert(`row ${i}`)),
      TESTER,
    );
    const idl = await startIdl(scope, proxy.remote, writeSchema(folder));
    await first.database.transact([insert("told")], TESTER); // the IDL keeps the version of updates, not that of the first reply
    expect(await idl("until", { table: "Root", column: "name", value: "told" })).toBe(true);
    await first.stop();
    const offline = await openDatabase(scope, { file });
    await offline.transact([insert("missed")], TESTER);
    offline.close();
    const second = await start();
    expect(await idl("until", { table: "Root", column: "name", value: "missed" })).toBe(true);
    expect(await idl("rows", { table: "Root", column: "name" })).toHaveLength(52);
    expect(await idl("add", { table: "Root", row: { name: "after" } })).toMatchObject({ status: "success" });
    expect(proxy.beginnings).toEqual([
      { isResumed: false, nRows: 50 },
      { isResumed: true, nRows: 1 },
    ]);
    await second.stop();
  });
});
