/** Databases that come and go while clients are connected. */
import { join } from "node:path";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";

const NAMES = { Database: [{ columns: ["name"] }] };
const WAIT = { op: "wait", table: "Root", where: [], columns: ["name"], rows: [{ name: "x" }], until: "==", timeout: 60_000 };

async function startServer(scope: Scope) {
  const database = (name: string) => scope.use(Database.inMemory({ schema: { ...(SCHEMA as object), name } }));
  const [a, b] = [database("a"), database("b")];
  const server = scope.use(new OvsdbServer([a], silentLogger));
  const remote = await server.listen(`punix:${join(temporaryFolder(scope), "db.sock")}`);
  const aware = rawClient(scope, remote);
  await aware.call("set_db_change_aware", [true]);
  await aware.call("monitor_cond", ["_Server", "s", NAMES]);
  return { server, remote, a, b, aware };
}

test("a database that is added is served, told by _Server, and makes unaware clients look anew", async () => {
  await using scope = new Scope();
  const { server, remote, b, aware } = await startServer(scope);
  const unaware = rawClient(scope, remote);
  await unaware.call("list_dbs", []);
  await server.addDatabase(b);
  await unaware.closed;
  expect((await aware.call("list_dbs", [])).result).toEqual(["_Server", "a", "b"]);
  expect(changesIn(aware.notifications())).toEqual([{ insert: { name: "b" } }]);
  expect((await aware.call("transact", ["b", { op: "insert", table: "Few", row: {} }])).error).toBe(null);
  await expect(server.addDatabase(b)).rejects.toThrow(expect.objectContaining({ code: "OVSDB_DATABASE_NAME" }));
});

test("a database that is removed ends its monitors and cancels what waits, and others go on", async () => {
  await using scope = new Scope();
  const { server, remote, a, b, aware } = await startServer(scope);
  await server.addDatabase(b);
  const unaware = rawClient(scope, remote);
  await unaware.call("list_dbs", []);
  await aware.call("monitor", ["a", "ma", { Few: {} }]);
  await aware.call("monitor", ["b", "mb", { Few: {} }]);
  aware.notifications();
  aware.send("transact", ["a", WAIT], "waits");
  const canceled = aware.reply("waits");
  await aware.call("list_dbs", []);
  await server.removeDatabase("a");
  await unaware.closed;
  expect((await canceled).error).toBe("canceled");
  expect((await aware.call("list_dbs", [])).result).toEqual(["_Server", "b"]);
  const [first, ...rest] = aware.notifications();
  expect(first).toEqual(["monitor_canceled", ["ma"]]);
  expect(changesIn(rest)).toEqual([{ delete: null }]);
  await a.transact([{ op: "insert", table: "Few", row: {} }], { remote: "test" });
  await aware.call("transact", ["b", { op: "insert", table: "Few", row: { x: 7 } }]);
  expect(aware.notifications()).toEqual([["update", ["mb", expect.anything()]]]);
  for (const name of ["a", "_Server"]) await expect(server.removeDatabase(name)).rejects.toThrow(`"${name}"`);
});

test("without conditions the newer monitors are unknown, and all clients connect again", async () => {
  await using scope = new Scope();
  const { server, remote, aware } = await startServer(scope);
  server.disableConditions();
  await aware.closed;
  const client = rawClient(scope, remote);
  for (const method of ["monitor_cond", "monitor_cond_since"]) {
    expect((await client.call(method, ["a", "m", { Few: [{}] }])).error).toBe("unknown method");
  }
  expect((await client.call("monitor", ["a", "m", { Few: {} }])).result).toEqual({});
});

/** What `update2` notifications of `_Server` say of rows. */
function changesIn(notifications: readonly unknown[]): unknown[] {
  return notifications.flatMap((notification) => {
    const [, [, updates]] = notification as [string, [string, { Database: Record<string, unknown> }]];
    return Object.values(updates.Database);
  });
}
