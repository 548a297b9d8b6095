/** Relays of ours before servers of ours: what they answer, and what happens when their source goes or changes. */
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { type DatabaseEngine, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, rawClient, temporaryFolder, TESTER } from "./support/fixtures.ts";
import { ask, available, insert, names, relay } from "./support/relay.ts";

const ZERO = "00000000-0000-0000-0000-000000000000";

test("reads are answered from the copy, writes by the source, and the client sees its own writes", async () => {
  await using scope = new Scope();
  const source = await openDatabase(scope);
  const server = scope.use(new OvsdbServer([source], silentLogger));
  const remote = await server.listen(`punix:${join(temporaryFolder(scope), "source.sock")}`);
  const { address, database } = await relay(scope, remote);
  const client = await available(scope, address);
  await client.call("monitor_cond_since", ["T", "m", { Root: [{ columns: ["name"] }] }, ZERO]);
  for (let n = 0; n < 50; n++) {
    const result = await ask(client, insert(`row ${n}`));
    expect(result).toEqual([{ uuid: ["uuid", expect.any(String)] }]);
    expect(JSON.stringify(client.notifications())).toContain(`row ${n}`); // told before the reply
  }
  expect(source.table("Root").size).toBe(50);
  expect(source.history().at(-1)?.by.remote).toContain("source.sock");
  expect(database.history().at(-1)?.by.remote).toBe(`relay:T:${remote}`);
  await source.transact([{ op: "delete", table: "Root", where: [] }], TESTER);
  await expect.poll(() => ask(client, names)).toEqual([{ rows: [] }]);
});

test("a client goes on at another relay of the same source from the version it has", async () => {
  await using scope = new Scope();
  const source = await openDatabase(scope);
  const server = scope.use(new OvsdbServer([source], silentLogger));
  const remote = await server.listen(`punix:${join(temporaryFolder(scope), "source.sock")}`);
  const [one, other] = [await relay(scope, remote), await relay(scope, remote)];
  const [first, second] = [await available(scope, one.address), await available(scope, other.address)];
  await ask(first, insert("before"));
  const requests = { Root: [{ columns: ["name"] }] };
  const { result } = await first.call("monitor_cond_since", ["T", "m", requests, ZERO]);
  const [, version] = result as [boolean, string];
  await ask(first, insert("after"));
  await expect.poll(() => ask(second, names)).toEqual([{ rows: [{ name: "before" }, { name: "after" }] }]);
  const { result: resumed } = await second.call("monitor_cond_since", ["T", "m", requests, version]);
  expect((resumed as Json[])[0]).toBe(true);
  expect(JSON.stringify(resumed)).toContain("after");
  expect(JSON.stringify(resumed)).not.toContain("before");
});

test("a relay goes on with the next remote, loses nothing that was answered, and tells only what changed", async () => {
  await using scope = new Scope();
  const source = await openDatabase(scope);
  const server = scope.use(new OvsdbServer([source], silentLogger));
  const folder = temporaryFolder(scope);
  const [one, other] = [`punix:${join(folder, "one")}`, `punix:${join(folder, "other")}`];
  const remotes = `${await server.listen(one)},${await server.listen(other)}`;
  const { address } = await relay(scope, remotes);
  const client = await available(scope, address);
  await client.call("monitor", ["T", "m", { Root: { columns: ["name"] } }]);
  for (const [n, gone] of [one, other, one, other].entries()) {
    await ask(client, insert(`row ${n}`));
    await server.removeRemote(gone);
    await source.transact([insert(`elsewhere ${n}`)], TESTER);
    expect(await ask(client, insert(`later ${n}`))).toEqual([{ uuid: ["uuid", expect.any(String)] }]);
    await server.listen(gone);
  }
  const told = JSON.stringify(client.notifications());
  for (const row of source.table("Root").values()) expect(told.split(`"${String(row["name"])}"`).length).toBe(2);
  expect(source.table("Root").size).toBe(12);
});

test("without a source: nothing is available, then reads go on while writes wait; what was under way is canceled", async () => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "source.sock");
  const { address, database } = await relay(scope, `unix:${path}`, { graceMs: 100 });
  const early = rawClient(scope, address);
  const why = "transact request specifies database T which is not yet available because it has not completed joining its cluster";
  expect(await ask(early, names)).toEqual({ error: "database not available", details: why });
  const source = await openDatabase(scope);
  const serving = scope.use(new Scope());
  await serving.use(new OvsdbServer([source], silentLogger)).listen(`punix:${path}`);
  const client = await available(scope, address);
  await ask(client, insert("a"));
  const status = async () => {
    const select = { op: "select", table: "Database", where: [["name", "==", "T"]], columns: ["connected", "leader", "model"] };
    return (await client.call("transact", ["_Server", select])).result;
  };
  expect(await status()).toEqual([{ rows: [{ connected: true, leader: false, model: "relay" }] }]);
  client.send(
    "transact",
    ["T", { op: "wait", table: "Root", where: [], columns: ["name"], until: "==", rows: [] }, insert("w")],
    "w",
  );
  client.send("transact", ["T", insert("held"), { op: "wait", table: "Few", where: [], until: "!=", rows: [] }], "under way");
  await client.call("echo", []);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await serving[Symbol.asyncDispose]();
  expect((await client.reply("under way")).error).toBe("canceled");
  expect(await ask(client, names)).toEqual([{ rows: [{ name: "a" }] }]);
  await expect.poll(status).toEqual([{ rows: [{ connected: false, leader: false, model: "relay" }] }]);
  client.send("transact", ["T", insert("waits")], "waits");
  const leaving = rawClient(scope, address);
  leaving.send("transact", ["T", insert("withdrawn")], "withdrawn");
  leaving.send("transact", ["T", insert("canceled")], "canceled");
  leaving.write(JSON.stringify({ method: "cancel", params: ["canceled"], id: null }));
  expect((await leaving.reply("canceled")).error).toBe("canceled");
  leaving.close();
  await leaving.closed;
  await scope.use(new OvsdbServer([source], silentLogger)).listen(`punix:${path}`);
  expect((await client.reply("waits")).result).toEqual([{ uuid: ["uuid", expect.any(String)] }]);
  expect(await status()).toEqual([{ rows: [{ connected: true, leader: false, model: "relay" }] }]);
  expect([...source.table("Root").values()].map((row) => row["name"])).toEqual(["a", "waits"]);
  expect(database.table("Root").size).toBe(2);
});

test("a schema is converted at the source, through two relays, and all follow", async () => {
  await using scope = new Scope();
  const source = await openDatabase(scope);
  const server = scope.use(new OvsdbServer([source], silentLogger));
  const near = await relay(scope, await server.listen(`punix:${join(temporaryFolder(scope), "source.sock")}`));
  await available(scope, near.address);
  const far = await relay(scope, near.address);
  const client = await available(scope, far.address);
  await client.call("set_db_change_aware", [true]);
  await client.call("monitor_cond", ["T", "m", { Root: [{ columns: ["name"] }] }]);
  await ask(client, insert("kept"));
  const columns = { name: { type: "string" }, more: { type: "integer" } };
  const schema = { name: "T", version: "2.0.0", tables: { Root: { isRoot: true, columns } } };
  expect((await client.call("convert", ["T", schema])).error).toBeNull();
  await expect.poll(() => far.database.schema.version).toBe("2.0.0");
  expect(JSON.stringify(client.notifications())).toContain('["monitor_canceled",["m"]]');
  const select = { op: "select", table: "Root", where: [], columns: ["name", "more"] };
  expect(await ask(client, { op: "update", table: "Root", where: [], row: { more: 7 } }, select)).toEqual([
    { count: 1 },
    { rows: [{ name: "kept", more: 7 }] },
  ]);
  expect([source, near.database, far.database].map(({ schema: { version } }: DatabaseEngine) => version)).toEqual(
    Array(3).fill("2.0.0"),
  );
});

test("content comes whole that is larger than what a client may send", async () => {
  await using scope = new Scope();
  const source = await openDatabase(scope);
  for (const letter of ["a", "b"]) await source.transact([insert(letter.repeat(34 * 1024 * 1024))], TESTER);
  const server = scope.use(new OvsdbServer([source], silentLogger));
  const ours = await relay(scope, await server.listen(`punix:${join(temporaryFolder(scope), "source.sock")}`));
  await expect.poll(() => ours.database.table("Root").size, { timeout: 20_000 }).toBe(2);
});

test("a role holds at a relay, whose remotes stand in the relayed tables", async () => {
  await using scope = new Scope();
  const role = { key: "string", value: { type: "uuid", refTable: "RBAC_Permission" }, min: 0, max: "unlimited" };
  const conn = { key: { type: "uuid", refTable: "Conn" }, min: 0, max: "unlimited" };
  const tables = {
    Root: { isRoot: true, columns: { conn: { type: conn }, name: { type: "string" } } },
    Conn: { columns: { target: { type: "string" }, role: { type: "string" } } },
    RBAC_Role: { isRoot: true, columns: { name: { type: "string" }, permissions: { type: role } } },
    RBAC_Permission: { isRoot: true, columns: { insert_delete: { type: "boolean" } } },
  };
  const source = await openDatabase(scope, { schema: { name: "T", version: "1.0.0", tables } });
  const server = scope.use(new OvsdbServer([source], silentLogger));
  const ours = await relay(scope, await server.listen(`punix:${join(temporaryFolder(scope), "source.sock")}`));
  await ours.server.addRemote("db:T,Root,conn");
  const client = await available(scope, ours.address);
  const path = join(temporaryFolder(scope), "guarded.sock");
  await ask(
    client,
    { op: "insert", table: "Conn", "uuid-name": "c", row: { target: `punix:${path}`, role: "guest" } },
    { op: "insert", table: "Root", row: { conn: ["named-uuid", "c"], name: "a" } },
  );
  const guest = await available(scope, `unix:${path}`);
  const details = 'RBAC rules for client "(null)" role "guest" prohibit row deletion from table "Root".';
  expect(await ask(guest, { op: "delete", table: "Root", where: [] })).toEqual([{ error: "permission error", details }]);
  expect(await ask(guest, names)).toEqual([{ rows: [{ name: "a" }] }]);
  expect(source.table("Root").size).toBe(1);
});
