/** A schema is changed while clients are connected: rows stay, clients learn of it as from the original server. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { Database, type SchemaJson } from "@tenet/ovsdb";
import { describe, expect, test } from "vitest";
import { openDatabase, type RawClient, rawClient, SCHEMA, serve, TESTER, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, peer, startOriginalServer } from "./support/peers.ts";

const TABLES = (SCHEMA as unknown as SchemaJson).tables;

/** The schema with other columns in Root, and without the table Few. */
function schemaWith(version: string, columns: object): Json {
  const { Few: _, ...tables } = TABLES;
  const Root = { ...tables["Root"], columns: { ...tables["Root"]?.columns, ...columns } };
  return { ...(SCHEMA as object), version, tables: { ...tables, Root } } as unknown as Json;
}

const NEXT = schemaWith("1.1.0", { extra: { type: "integer" } });
const A = "00000000-0000-4000-8000-00000000000a";
const fill: Json[] = [
  { op: "insert", table: "Root", uuid: A, row: { name: "a", imm: "b", eph: 5, s: ["set", ["x", "y"]] } },
  { op: "insert", table: "Few", row: { x: 7 } },
];
/** Not there before the faulty conversions: the original dies of them when there are references. */
const addKid: Json[] = [
  { op: "insert", table: "Kid", "uuid-name": "k", row: { name: "kid" } },
  { op: "update", table: "Root", where: [], row: { kids: ["named-uuid", "k"] } },
];
const names: Json = { op: "select", table: "Root", where: [], columns: ["name", "imm", "eph", "s", "extra"] };

/** What happens to everybody around conversions, in words that are the same for both servers. */
async function story(scope: Scope, remote: string): Promise<unknown[]> {
  const heard: unknown[] = [];
  const answers = async (who: RawClient, method: string, ...params: Json[]) => {
    const { result = null, error = null } = await who.call(method, params);
    heard.push({ method, result, error });
  };
  const [converter, aware, unaware] = [rawClient(scope, remote), rawClient(scope, remote), rawClient(scope, remote)];
  for (const client of [converter, aware]) await client.call("set_db_change_aware", [true]);
  await converter.call("transact", ["T", ...fill]);
  await aware.call("monitor", ["T", "m", { Root: { columns: ["name"] } }]);
  await aware.call("lock", ["l"]);
  await unaware.call("list_dbs", []);
  const wait = { op: "wait", table: "Root", where: [], columns: ["name"], until: "==", rows: [] };
  const waiting = aware.reply("w");
  aware.send("transact", ["T", wait], "w");
  await aware.call("echo", []);
  for (const faulty of [[], ["X", {}], ["T"], ["T", 5], ["T", {}], ["T", { name: "Q", tables: {} }]] as Json[][]) {
    await answers(converter, "convert", ...faulty);
  }
  const unsuitable = [
    { name: { type: "integer" } },
    { name: { type: { key: { type: "string", minLength: 5 } } } },
    { s: { type: "string" } },
    { kids: { type: { key: { type: "uuid", refTable: "Nope" }, min: 0, max: 2 } } },
  ];
  for (const columns of unsuitable) await answers(converter, "convert", "T", schemaWith("1.1.0", columns));
  await converter.call("transact", ["T", ...addKid]);
  await answers(converter, "convert", "T", NEXT);
  const { error } = await waiting;
  heard.push({ waiting: error });
  await unaware.closed;
  heard.push({ told: aware.notifications() });
  const columns = ["version", "tables"];
  const { result } = await converter.call("get_schema", ["T"]);
  heard.push(columns.map((name) => (result as { [name: string]: Json })[name]));
  await answers(aware, "transact", "T", names);
  await answers(aware, "transact", "T", { op: "select", table: "Few", where: [] });
  await answers(
    aware,
    "transact",
    "T",
    { op: "select", table: "Kid", where: [], columns: ["name"] },
    { op: "assert", lock: "l" },
  );
  const late = rawClient(scope, remote);
  await answers(late, "convert", "T", schemaWith("1.2.0", {}));
  await late.closed;
  return heard;
}

test.skipIf(!arePeersInstalled("ovsdb-server", "ovsdb-tool"))("a conversion goes as with the original server", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  writeFileSync(join(folder, "t.ovsschema"), JSON.stringify(SCHEMA));
  await peer(folder, "ovsdb-tool", "create", join(folder, "t.db"), join(folder, "t.ovsschema"));
  const theirs = await story(scope, await startOriginalServer(scope, folder, join(folder, "t.db")));
  const ours = await story(scope, await serve(scope, [await openDatabase(scope)]));
  expect(ours).toEqual(theirs);
});

test("clients that watch _Server are told the new schema", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const client = rawClient(scope, await serve(scope, [database]));
  await client.call("set_db_change_aware", [true]);
  await client.call("monitor_cond", ["_Server", "s", { Database: [{ columns: ["schema"], where: [["name", "==", "T"]] }] }]);
  await database.convert(NEXT, TESTER);
  const told: Json[] = [];
  await expect.poll(() => told.push(...client.notifications())).toBe(1);
  expect(JSON.stringify(told)).toContain('\\"version\\":\\"1.1.0\\"');
});

test("a converted database keeps its rows, indexes and references over a restart, and makes its history anew", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { file });
  await database.transact([...fill, ...addKid], TESTER);
  const before = database.version;
  await database.convert(NEXT, TESTER);
  expect(database.historySince(before)).toBeUndefined();
  const [refused] = await database
    .transact([{ op: "insert", table: "Root", row: { name: "a" } }], TESTER)
    .then((r) => r.slice(-1));
  expect(refused).toEqual(expect.objectContaining({ error: "constraint violation" }));
  await database.transact([{ op: "update", table: "Root", where: [], row: { kids: ["set", []], extra: 3 } }], TESTER);
  expect(database.table("Kid").size).toBe(0);
  const { version } = database;
  database.close();
  const again = scope.use(await Database.open({ schema: NEXT, file }));
  expect(again.version).toBe(version);
  expect(again.table("Root").get(A)).toEqual(expect.objectContaining({ name: "a", imm: "b", eph: 0, extra: 3, s: ["x", "y"] }));
});

test("a conversion that the content does not allow changes nothing", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "t.db");
  const database = await openDatabase(scope, { file });
  await database.transact([...fill, ...addKid], TESTER);
  const bytes = readFileSync(file);
  await expect(database.convert(schemaWith("1.1.0", { name: { type: "boolean" } }), TESTER)).rejects.toThrow(/expected boolean/);
  expect(readFileSync(file)).toEqual(bytes);
  expect(database.schema.version).toBe("1.0.0");
});

describe.skipIf(!arePeersInstalled("ovsdb-client", "ovsdb-tool"))("with the original's tools", () => {
  test("ovsdb-client converts, and ovsdb-tool reads the file", async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const file = join(folder, "t.db");
    const database = await openDatabase(scope, { file });
    await database.transact([...fill, ...addKid], TESTER);
    const remote = await serve(scope, [database]);
    const schemaFile = join(folder, "next.ovsschema");
    writeFileSync(schemaFile, JSON.stringify(NEXT));
    expect(await peer(folder, "ovsdb-client", "needs-conversion", remote, schemaFile)).toBe("yes\n");
    await peer(folder, "ovsdb-client", "convert", remote, schemaFile);
    expect(await peer(folder, "ovsdb-client", "needs-conversion", remote, schemaFile)).toBe("no\n");
    expect(await peer(folder, "ovsdb-tool", "db-version", file)).toBe("1.1.0\n");
    const query = ["T", { op: "select", table: "Root", where: [], columns: ["name", "extra"] }];
    expect(JSON.parse(await peer(folder, "ovsdb-tool", "query", file, JSON.stringify(query)))).toEqual([
      { rows: [{ name: "a", extra: 0 }] },
    ]);
  });
});
