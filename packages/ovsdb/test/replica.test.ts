import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { connect, type Database, namedUuid, OvsdbError, OvsdbServer, type RowChange } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, serve, TESTER, temporaryFolder } from "./support/fixtures.ts";

const insertRoot = (name: string): Json => ({ op: "insert", table: "Root", row: { name } });

async function serveAt(database: Database, path: string): Promise<OvsdbServer> {
  const server = new OvsdbServer([database], silentLogger);
  await server.listen(`punix:${path}`);
  return server;
}

test("a replica holds the content, follows changes, and has its own writes when transact resolves", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  await database.transact([insertRoot("before")], TESTER);
  const replica = scope.use(await connect(await serve(scope, [database]), { database: "T" }, scope.signal));
  expect([...replica.table("Root").values()].map((row) => row["name"])).toEqual(["before"]);
  const changes: RowChange[] = [];
  replica.onChange((some) => changes.push(...some));
  const ops = replica.operations;
  const [root] = await replica.transact([
    ops.insert("Root", { name: "mine", kids: [namedUuid("k")], e: ["red"], m: { a: 1 } }),
    ops.insert("Kid", { name: "k" }, { as: "k" }),
  ]);
  const row = replica.table("Root").get(root?.uuid ?? "");
  expect(row).toEqual(expect.objectContaining({ e: ["red"], m: new Map([["a", 1]]), kids: [...replica.table("Kid").keys()] }));
  expect(changes).toHaveLength(2);
  await replica.transact([
    ops.mutate("Root", { name: "mine" }, [
      ["m", "insert", { b: 2 }],
      ["m", "delete", ["a"]],
      ["e", "insert", ["blue"]],
    ]),
  ]);
  expect(replica.table("Root").get(root?.uuid ?? "")).toEqual(
    expect.objectContaining({ e: ["blue", "red"], m: new Map([["b", 2]]) }),
  );
});

test("the rows of a large update change together in a replica that reads it in turns", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  let nTurns = 0;
  const turns = {
    begin: (work: Iterator<undefined>): void => {
      nTurns++;
      for (let n = 0; n < 100; n++) if (work.next().done === true) return;
      setImmediate(turns.begin, work);
    },
  };
  const options = { database: "T", turns };
  const replica = scope.use(await connect(await serve(scope, [database]), options, scope.signal));
  const sizes = new Set<number>();
  const look = (): void => {
    sizes.add(replica.table("Root").size);
    if (replica.table("Root").size === 0) setImmediate(look);
  };
  look();
  let nTold = 0;
  replica.onChange((changes) => (nTold += changes.length));
  const rows = Array.from({ length: 3000 }, (_, i) => insertRoot(`row ${i}`));
  const own = replica.transact([insertRoot("after")]);
  await database.transact(rows, TESTER);
  await own;
  await replica.waitFor((each) => (each.table("Root").size === 3001 ? true : undefined));
  expect(nTold).toBe(3001);
  expect(nTurns).toBeGreaterThan(30);
  expect([...sizes].filter((size) => size > 1 && size < 3000)).toEqual([]);
  await replica.transact([replica.operations.delete("Root", {})]);
  expect(replica.table("Root").size).toBe(0);
});

test("an error among the results is thrown as it came", async () => {
  await using scope = new Scope();
  const replica = scope.use(await connect(await serve(scope, [await openDatabase(scope)]), { database: "T" }, scope.signal));
  const failure = await replica.transact([replica.operations.insert("Root", { i: 1000 })]).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OvsdbError);
  expect(failure).toEqual(expect.objectContaining({ error: "constraint violation", code: "OVSDB_CONSTRAINT_VIOLATION" }));
  expect(() => replica.operations.insert("Rot", {})).toThrow(expect.objectContaining({ hint: 'did you mean "Root"?' }));
  await expect(connect(await serve(scope, []), { database: "T" }, scope.signal)).rejects.toThrow(/unknown database/);
});

test("only the asked tables, columns and rows are replicated", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  await database.transact([insertRoot("a"), insertRoot("b"), { op: "insert", table: "Few", row: {} }], TESTER);
  const options = {
    database: "T",
    tables: { Root: ["name", "nosuch"], NoTable: [] },
    conditions: { Root: [["name", "==", "a"]] },
  };
  const replica = scope.use(await connect(await serve(scope, [database]), options, scope.signal));
  expect([...replica.table("Root").values()].map((row) => row["name"])).toEqual(["a"]);
  expect(replica.table("Few").size).toBe(0);
});

test.each([[true], [false]])("after a reconnection it hears exactly what it missed (server remembers: %s)", async (remembers) => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "db.sock");
  const file = join(temporaryFolder(scope), "t.db");
  let database = await openDatabase(scope, { file });
  let server = await serveAt(database, path);
  await database.transact([insertRoot("kept"), insertRoot("deleted")], TESTER);
  const replica = scope.use(await connect(`unix:${path}`, { database: "T", maxBackoffMs: 50 }, scope.signal));
  const heard: (string | undefined)[][] = [];
  replica.onChange((changes) =>
    heard.push(...changes.map((change) => [change.old, change.new].map((row) => row?.["name"] as string | undefined))),
  );
  await server.close();
  await database.transact([{ op: "delete", table: "Root", where: [["name", "==", "deleted"]] }, insertRoot("new")], TESTER);
  database.close();
  database = await openDatabase(scope, { file, ...(remembers ? {} : { historyLimits: { commits: 0, changes: 0 } }) });
  if (!remembers) await database.transact([insertRoot("other")], TESTER);
  server = await serveAt(database, path);
  scope.use(server);
  await replica.waitFor(() => (replica.isConnected && replica.find("Root", (row) => row["name"] === "new") ? true : undefined));
  const expected = [["deleted", undefined], [undefined, "new"], ...(remembers ? [] : [[undefined, "other"]])];
  expect(heard.sort()).toEqual(expected.sort());
});

test("connect waits for the server to appear, and stops when told", async () => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "db.sock");
  const connecting = connect(`unix:${path}`, { database: "T", maxBackoffMs: 20 }, scope.signal);
  await new Promise((resolve) => setTimeout(resolve, 60));
  scope.use(await serveAt(await openDatabase(scope), path));
  scope.use(await connecting);
  const stopping = new AbortController();
  const never = connect(`unix:${path}.none`, { database: "T" }, stopping.signal);
  setTimeout(() => stopping.abort(new Error("stopped")), 30);
  await expect(never).rejects.toThrow("stopped");
});

test("waitFor resolves on the change that brings it, and rejects when the replica is closed", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const replica = await connect(await serve(scope, [database]), { database: "T" }, scope.signal);
  const found = replica.waitFor(() => replica.find("Root", (row) => row["name"] === "late"));
  await database.transact([insertRoot("late")], TESTER);
  expect((await found)["name"]).toBe("late");
  const never = replica.waitFor(() => undefined);
  await Promise.all([expect(never).rejects.toThrow("closed"), replica.close()]);
});

test("history travels to the client", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  await database.transact([insertRoot("a"), { op: "comment", comment: "why" }], { remote: "x", process: "p" });
  const replica = scope.use(await connect(await serve(scope, [database]), { database: "T" }, scope.signal));
  const [uuid = ""] = replica.table("Root").keys();
  expect(await replica.history(uuid)).toEqual([
    expect.objectContaining({ comment: "why", client: { remote: "x", process: "p" }, op: "insert" }),
  ]);
});

test("a server that knows no conditions is followed by the oldest monitor, with all rows", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const server = scope.use(new OvsdbServer([database], silentLogger));
  const remote = await server.listen(`punix:${join(temporaryFolder(scope), "db.sock")}`);
  server.disableConditions();
  await database.transact([insertRoot("a"), insertRoot("b")], TESTER);
  const options = { database: "T", conditions: { Root: [["name", "==", "a"]] }, maxBackoffMs: 50 };
  const replica = scope.use(await connect(remote, options, scope.signal));
  const names = () => Array.from(replica.table("Root").values(), (row) => row["name"]).toSorted();
  expect(names()).toEqual(["a", "b"]);
  await replica.changeConditions({ Root: [["name", "==", "b"]] });
  await database.transact([{ op: "update", table: "Root", where: [["name", "==", "a"]], row: { name: "c" } }], TESTER);
  await replica.waitFor(() => replica.find("Root", (row) => row["name"] === "c"));
  expect(names()).toEqual(["b", "c"]);
  server.reconnect("test");
  await database.transact([{ op: "delete", table: "Root", where: [["name", "==", "b"]] }], TESTER);
  await replica.waitFor(() => (names().length === 1 ? true : undefined));
  expect(names()).toEqual(["c"]);
});
