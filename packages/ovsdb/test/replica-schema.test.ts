/** A replica copes with a server whose schema is not, or is no longer, the one it was written for. */
import { type Json, Scope } from "@tenet/kit";
import { connect, parseSchema } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, SCHEMA, serve, TESTER } from "./support/fixtures.ts";
import { T } from "./support/fixture-types.ts";

type Tables = { [table: string]: { columns: { [column: string]: Json } } };

/** The schema with a changed copy of its tables. */
function changed(change: (tables: Tables) => void): Json {
  const schema = structuredClone(SCHEMA) as { version: string; tables: Tables };
  schema.version = "2.0.0";
  change(schema.tables);
  return schema;
}

const SMALLER = changed((tables) => {
  delete tables["Few"];
  delete tables["Root"]?.columns["r"];
});

test("a converted database is fetched again on the same connection: dropped columns and tables become empty, new ones come", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  await database.transact(
    [
      { op: "insert", table: "Root", row: { name: "a", r: 5 } },
      { op: "insert", table: "Few", row: { x: 1 } },
    ],
    TESTER,
  );
  const replica = scope.use(await connect(await serve(scope, [database]), T, {}, scope.signal));
  const root = replica.index("Root", ["name"]);
  const heard: string[] = [];
  replica.onChange((changes) => {
    heard.push(...changes.map((change) => change.table));
  });
  const { remote } = replica;
  await database.convert(SMALLER, TESTER);
  await replica.waitFor(() => (replica.missing.length > 0 ? true : undefined));
  expect(replica.missing).toEqual(["Root.r", "Few"]);
  expect(replica.schema.version).toBe("2.0.0");
  expect(replica.table("Few").size).toBe(0);
  expect(root.first("a")).toMatchObject({ name: "a", r: 0 });
  expect(heard).toEqual(["Few"]);
  expect([replica.isConnected, replica.remote]).toEqual([true, remote]);
  expect(() => replica.operations.insert("Few", { x: 1 })).toThrow('No table "Few" in the schema');
  expect(() => replica.operations.update("Root", "", { r: 1 })).toThrow('No column "r" in table "Root"');
  await database.convert(SCHEMA, TESTER);
  const added = replica.waitFor(() =>
    replica.missing.length === 0 ? replica.find("Root", ({ name }) => name === "late") : undefined,
  );
  await database.transact([{ op: "insert", table: "Root", row: { name: "late", r: 3 } }], TESTER);
  expect((await added).r).toBe(3);
});

test("columns that an older server lacks hold their defaults", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope, { schema: parseSchema(SMALLER) });
  await database.transact([{ op: "insert", table: "Root", row: { name: "a" } }], TESTER);
  const replica = scope.use(await connect(await serve(scope, [database]), T, {}, scope.signal));
  expect(replica.missing).toEqual(["Root.r", "Few"]);
  expect(replica.find("Root", ({ name }) => name === "a")).toMatchObject({ r: 0, m: new Map() });
  expect([...replica.table("Few").values()]).toEqual([]);
  expect(replica.index("Few", ["x"]).get(1)).toEqual([]);
});
