/** Replica, builders and indexes have the types that `tenet db types` wrote for a schema; what is wrong does not compile. */
import { Scope } from "@tenet/kit";
import { connect, type Mutation, namedUuid, Operations, type Replica, type Row, type SchemaJson, type Where } from "@tenet/ovsdb";
import { expect, expectTypeOf, test } from "vitest";
import { openDatabase, SCHEMA, serve } from "./support/fixtures.ts";
import { type KidRow, type RootRow, T, type TTables } from "./support/fixture-types.ts";

async function typedReplica(scope: Scope): Promise<Replica<TTables>> {
  const remote = await serve(scope, [await openDatabase(scope)]);
  return scope.use(await connect(remote, T, {}, scope.signal));
}

test("rows read, changes and what is found have the types of their table", async () => {
  await using scope = new Scope();
  const replica = await typedReplica(scope);
  expectTypeOf(replica.table("Root")).toEqualTypeOf<ReadonlyMap<string, RootRow>>();
  expectTypeOf(replica.find("Kid", (kid) => kid.n > 1)).toEqualTypeOf<KidRow | undefined>();
  const heard: (string | number | bigint)[] = [];
  replica.onChange((changes) => {
    for (const change of changes) {
      if (change.table === "Kid") heard.push(change.new?.n ?? 0);
      else if (change.table === "Root") heard.push(change.new?.name ?? "");
    }
  });
  const transaction = replica.transaction();
  const kid = transaction.insert("Kid", { name: "k", n: 7 });
  const root = transaction.insert("Root", { name: "r", kids: kid, m: { a: 1 }, e: "red", i: 5, imm: "once" });
  const committed = await transaction.commit();
  const row = replica.table("Root").get(committed.uuidOf(root) ?? "");
  expect(row).toMatchObject({ name: "r", kids: [committed.uuidOf(kid)], i: [5], e: ["red"], imm: "once" });
  expect(row?.m.get("a")).toBe(1);
  expect(heard.sort()).toEqual([7, "r"]);
});

test("every step of a transaction is checked and does what it says", async () => {
  await using scope = new Scope();
  const replica = await typedReplica(scope);
  const first = replica.transaction();
  first.insert("Root", { name: "a", s: ["x"], m: new Map([["k", 1]]), r: 1 });
  await first.commit();
  const next = replica.transaction();
  next.verify("Root", { name: "a" }, ["r"], [{ r: 1 }]);
  next.wait("Root", { name: "a" }, ["name"], "!=", []);
  next.update("Root", [["name", "==", "a"]], { b: true });
  next.mutate("Root", { name: "a" }, ["r", "+=", 2], ["s", "insert", ["y"]], ["m", "delete", ["k"]], ["m", "insert", { z: 2 }]);
  next.comment("second");
  await next.commit();
  expect(replica.find("Root", ({ name }) => name === "a")).toMatchObject({
    r: 3,
    b: true,
    s: ["x", "y"],
    m: new Map([["z", 2]]),
  });
  const last = replica.transaction();
  last.delete("Root", { name: "a" });
  await last.commit();
  expect(replica.table("Root").size).toBe(0);
  const stale = replica.transaction();
  stale.verify("Root", { name: "a" }, ["name"], [{ name: "a" }]);
  await expect(stale.commit()).rejects.toThrow("timed out");
  const unlocked = replica.transaction();
  unlocked.assert("nobody");
  await expect(unlocked.commit()).rejects.toThrow("not owner");
});

test("what the schema does not allow is an error of the compiler", () => {
  const ops = new Operations(T);
  // @ts-expect-error no such table
  expect(() => ops.insert("Roots", {})).toThrow(/No table "Roots"/);
  // @ts-expect-error no such column
  expect(() => ops.insert("Root", { nam: "x" })).toThrow(/No column "nam"/);
  // @ts-expect-error another type
  ops.insert("Root", { r: "1" });
  // @ts-expect-error not among the enumeration
  ops.insert("Root", { e: "pink" });
  // @ts-expect-error a reference is no integer
  ops.insert("Kid", { n: namedUuid("k") });
  // @ts-expect-error set only when the row is inserted
  ops.update("Root", "", { imm: "again" });
  // @ts-expect-error no such column in the condition
  ops.delete("Root", [["nam", "==", "x"]]);
  // @ts-expect-error no such function
  ops.delete("Root", [["name", "=", "x"]]);
  // @ts-expect-error strings have no arithmetic
  ops.mutate("Root", "", [["name", "+=", 1]]);
  // @ts-expect-error the map's values are integers
  ops.mutate("Root", "", [["m", "insert", { a: "b" }]]);
  expectTypeOf<["kids", "insert", { namedUuid: string }]>().toExtend<Mutation<TTables["Root"]>>();
  expectTypeOf<{ name: "x" }>().toExtend<Where<TTables["Root"]>>();
});

test("tables, columns and conditions of a connection are checked", async () => {
  await using scope = new Scope();
  const remote = await serve(scope, [await openDatabase(scope)]);
  const options = { tables: { Root: ["name"] }, conditions: { Root: [["name", "!=", "hidden"]] } } as const;
  const replica = scope.use(await connect(remote, T, options, scope.signal));
  expect(replica.missing).toEqual([]);
  // @ts-expect-error no such table
  const noTable = scope.use(await connect(remote, T, { tables: ["Rot"] }, scope.signal));
  expect(noTable.missing).toEqual(["Rot"]);
  // @ts-expect-error no such column
  const noColumn = scope.use(await connect(remote, T, { tables: { Root: ["nome"] } }, scope.signal));
  expect(noColumn.missing).toEqual(["Root.nome"]);
});

test("an index takes and gives the types of its columns", async () => {
  await using scope = new Scope();
  const replica = await typedReplica(scope);
  const kids = replica.index("Kid", ["name", "n"]);
  expectTypeOf(kids.get).parameters.toEqualTypeOf<[string, number | bigint]>();
  expectTypeOf(kids.first("k", 1)).toEqualTypeOf<KidRow | undefined>();
  expectTypeOf(replica.index("Root", ["e"]).get).parameters.toEqualTypeOf<["blue" | "green" | "red"]>();
  expectTypeOf(replica.index("Root", ["m:key"]).get).parameters.toEqualTypeOf<[number | bigint]>();
  // @ts-expect-error no such column
  expect(() => replica.index("Kid", ["nam"])).toThrow(/No column "nam"/);
  // @ts-expect-error no map
  expect(() => replica.index("Kid", ["name:x"])).toThrow(/No column "name:x"/);
  expect(replica.index("Kid", ["name", "n"])).toBe(kids);
});

test("a schema without types, or a name alone, gives rows of any form", async () => {
  await using scope = new Scope();
  const remote = await serve(scope, [await openDatabase(scope)]);
  const replica = scope.use(await connect(remote, SCHEMA as unknown as SchemaJson, { tables: ["Root"] }, scope.signal));
  expectTypeOf(replica.table("Root")).toEqualTypeOf<ReadonlyMap<string, Row>>();
  expect(replica.schema.name).toBe("T");
});
