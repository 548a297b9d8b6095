import { readFileSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { JsonStream, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, rawClient, SCHEMA, serve, TESTER, temporaryFolder } from "./support/fixtures.ts";

const insertRoot = (name: string, more: object = {}): Json => ({ op: "insert", table: "Root", row: { name, ...more } });
type Updates = {
  readonly params: readonly [
    string,
    { readonly Root: { readonly [uuid: string]: { readonly new?: { name: string; r: number } } } },
  ];
};
const ZERO = "00000000-0000-0000-0000-000000000000";

test("a server lists its databases and gives their schemas", async () => {
  await using scope = new Scope();
  const client = rawClient(scope, await serve(scope, [await openDatabase(scope)]));
  expect((await client.call("list_dbs", [])).result).toEqual(["T", "_Server"]);
  expect((await client.call("get_schema", ["T"])).result).toEqual(expect.objectContaining({ name: "T", version: "1.0.0" }));
  expect((await client.call("get_server_id", [])).result).toMatch(/^[0-9a-f-]{36}$/);
  expect((await client.call("set_db_change_aware", [true])).result).toEqual({});
  expect((await client.call("echo", [1, "x"])).result).toEqual([1, "x"]);
  expect((await client.call("nonsense", [])).error).toBe("unknown method");
  expect((await client.call("get_schema", ["X"])).error).toEqual({
    error: "unknown database",
    details: "get_schema request specifies unknown database X",
    syntax: '["X"]',
  });
});

test("the _Server database tells about all databases and refuses writes", async () => {
  await using scope = new Scope();
  const client = rawClient(scope, await serve(scope, [await openDatabase(scope)]));
  const columns = ["name", "model", "connected", "leader"];
  const { result } = await client.call("transact", ["_Server", { op: "select", table: "Database", where: [], columns }]);
  const about = (name: string) => ({ name, model: "standalone", connected: true, leader: true });
  expect(result).toEqual([{ rows: [about("T"), about("_Server")] }]);
  const refused = await client.call("transact", ["_Server", { op: "delete", table: "Database", where: [] }]);
  expect(refused.result).toEqual([
    { error: "not allowed", details: "delete operation not allowed on table in reserved database _Server" },
  ]);
});

test("monitor tells old and new columns, before the writer's own reply", async () => {
  await using scope = new Scope();
  const client = rawClient(scope, await serve(scope, [await openDatabase(scope)]));
  const request = { Root: { columns: ["name", "i"] } };
  expect((await client.call("monitor", ["T", "m", request])).result).toEqual({});
  const { result } = await client.call("transact", ["T", insertRoot("a", { i: 5 })]);
  const uuid = (result as { uuid: string[] }[])[0]?.uuid[1] ?? "";
  expect(client.notifications()).toEqual([["update", ["m", { Root: { [uuid]: { new: { name: "a", i: 5 } } } }]]]);
  await client.call("transact", ["T", { op: "update", table: "Root", where: [], row: { i: ["set", []], r: 2 } }]);
  const update = { old: { i: 5 }, new: { name: "a", i: ["set", []] } };
  expect(client.notifications()).toEqual([["update", ["m", { Root: { [uuid]: update } }]]]);
  await client.call("transact", ["T", { op: "update", table: "Root", where: [], row: { r: 3 } }]);
  expect(client.notifications()).toEqual([]);
  await client.call("transact", ["T", { op: "delete", table: "Root", where: [] }]);
  expect(client.notifications()).toEqual([["update", ["m", { Root: { [uuid]: { old: { name: "a", i: ["set", []] } } } }]]]);
  expect((await client.call("monitor_cancel", ["m"])).result).toEqual({});
  expect((await client.call("monitor_cancel", ["m"])).error).toBe("unknown monitor");
});

test("monitor_cond tells differences, and rows that enter and leave the condition", async () => {
  await using scope = new Scope();
  const client = rawClient(scope, await serve(scope, [await openDatabase(scope)]));
  const request = { Root: [{ columns: ["name", "e", "m"], where: [["name", "!=", "hidden"]] }] };
  await client.call("monitor_cond", ["T", "m", request]);
  const { result } = await client.call("transact", [
    "T",
    insertRoot("a", {
      e: "red",
      m: [
        "map",
        [
          ["k", 1],
          ["l", 2],
        ],
      ],
    }),
  ]);
  const uuid = (result as { uuid: string[] }[])[0]?.uuid[1] ?? "";
  const write = async (row: Json) => {
    client.notifications();
    await client.call("transact", ["T", { op: "update", table: "Root", where: [], row }]);
    return client.notifications();
  };
  const told = (update: object) => [["update2", ["m", { Root: { [uuid]: update } }]]];
  expect(await write({ e: ["set", ["red", "blue"]] })).toEqual(told({ modify: { e: "blue" } }));
  expect(
    await write({
      m: [
        "map",
        [
          ["k", 3],
          ["n", 4],
        ],
      ],
    }),
  ).toEqual(
    told({
      modify: {
        m: [
          "map",
          [
            ["k", 3],
            ["l", 2],
            ["n", 4],
          ],
        ],
      },
    }),
  );
  expect(await write({ name: "hidden" })).toEqual(told({ delete: null }));
  const changed = client.call("monitor_cond_change", ["m", "m2", { Root: [{ where: [["name", "==", "hidden"]] }] }]);
  expect((await changed).result).toEqual({});
  const [[method, [id, updates]]] = client.notifications() as [[string, [string, { Root: { [uuid: string]: object } }]]];
  expect([method, id, Object.keys(updates.Root[uuid] ?? {})]).toEqual(["update2", "m2", ["insert"]]);
});

test("monitor_cond_since gives what was missed, and everything when the version is unknown", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope, { historyLimits: { commits: 3, changes: 100 } });
  const client = rawClient(scope, await serve(scope, [database]));
  const since = async (id: string, version: string) => {
    const { result } = await client.call("monitor_cond_since", ["T", id, { Root: [{ columns: ["name"] }] }, version]);
    const [isFound, last, updates] = result as [boolean, string, { Root?: object }];
    return { isFound, last, updates: Object.values(updates.Root ?? {}) };
  };
  await database.transact([insertRoot("a")], TESTER);
  const first = await since("m1", ZERO);
  expect(first).toEqual({ isFound: false, last: database.version, updates: [{ initial: { name: "a" } }] });
  await database.transact([insertRoot("b")], TESTER);
  await database.transact([{ op: "update", table: "Root", where: [["name", "==", "b"]], row: { name: "c" } }], TESTER);
  expect(await since("m2", first.last)).toEqual({ isFound: true, last: database.version, updates: [{ insert: { name: "c" } }] });
  for (const name of ["d", "e", "f"]) await database.transact([insertRoot(name)], TESTER);
  expect(await since("m3", first.last)).toEqual(expect.objectContaining({ isFound: false }));
  const told = client.notifications() as [string, Json[]][];
  expect(told.every(([method, params]) => method === "update3" && typeof params[1] === "string")).toBe(true);
});

test("locks go to those who wait, in order, and may be stolen; assert sees them", async () => {
  await using scope = new Scope();
  const remote = await serve(scope, [await openDatabase(scope)]);
  const [a, b, c] = [rawClient(scope, remote), rawClient(scope, remote), rawClient(scope, remote)];
  expect((await a.call("lock", ["l"])).result).toEqual({ locked: true });
  expect((await b.call("lock", ["l"])).result).toEqual({ locked: false });
  expect((await a.call("lock", ["l"])).error).toEqual(
    expect.objectContaining({ details: 'must issue "unlock" before new "lock"' }),
  );
  const assert = ["T", { op: "assert", lock: "l" }];
  expect((await a.call("transact", assert)).result).toEqual([{}]);
  expect((await b.call("transact", assert)).result).toEqual([{ error: "not owner", details: "Asserted lock l not held." }]);
  expect((await c.call("steal", ["l"])).result).toEqual({ locked: true });
  await a.call("echo", []);
  expect(a.notifications()).toEqual([["stolen", ["l"]]]);
  c.close();
  await c.closed;
  await expect.poll(() => a.notifications()).toEqual([["locked", ["l"]]]);
  expect((await a.call("unlock", ["l"])).result).toEqual({});
  await b.call("echo", []);
  expect(b.notifications()).toEqual([["locked", ["l"]]]);
});

test("a waiting transaction can be canceled, and does not hold up others", async () => {
  await using scope = new Scope();
  const client = rawClient(scope, await serve(scope, [await openDatabase(scope)]));
  const reply = client.reply("w");
  client.send("transact", ["T", { op: "wait", table: "Root", where: [], columns: ["name"], until: "!=", rows: [] }], "w");
  expect((await client.call("transact", ["T", { op: "comment", comment: "x" }])).result).toEqual([{}]);
  client.write(JSON.stringify({ method: "cancel", params: ["w"], id: null }));
  expect((await reply).error).toBe("canceled");
});

test("what a client sent before it left is executed", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const client = rawClient(scope, await serve(scope, [database]));
  const committed = new Promise((resolve) => database.onCommit(resolve));
  client.write(JSON.stringify({ method: "transact", params: ["T", insertRoot("farewell")], id: 1 }));
  client.end();
  await committed;
  expect(database.table("Root").size).toBe(1);
});

test("a malformed message ends its session only", async () => {
  await using scope = new Scope();
  const remote = await serve(scope, [await openDatabase(scope)], { limits: { sizeBytes: 10_000, depth: 50 } });
  const good = rawClient(scope, remote);
  await good.call("monitor", ["T", "m", { Root: {} }]);
  const bad = ["hello", "[1]", '{"a":}', '{"method":5,"params":[],"id":1}', '{"method":"echo","params":{},"id":1}'];
  const worse = [`{"a":${"[".repeat(60)}`, `{"a":"${"x".repeat(20_000)}`, '{"method":"echo","params":[],"id":1,"x":1}'];
  for (const text of [...bad, ...worse]) {
    const client = rawClient(scope, remote);
    client.write(text);
    await client.closed;
  }
  await good.call("transact", ["T", insertRoot("a")]);
  expect(good.notifications()).toHaveLength(1);
});

test("a client that does not read is dropped, and others are served", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const remote = await serve(scope, [database], { backlogBytes: 200_000 });
  const deaf = connectSocket({ path: remote.replace("unix:", "") });
  scope.defer(() => void deaf.destroy());
  deaf.write(JSON.stringify({ method: "monitor", params: ["T", "m", { Root: {} }], id: 1 }));
  await new Promise((resolve) => deaf.once("data", resolve));
  deaf.pause();
  const ended = new Promise((resolve) => deaf.once("close", resolve));
  const client = rawClient(scope, remote);
  for (let n = 0; n < 40; n++) await client.call("transact", ["T", insertRoot(`${n} ${"x".repeat(20_000)}`)]);
  deaf.resume();
  await ended;
  expect((await client.call("echo", [1])).result).toEqual([1]);
});

test("a client that never reads costs the changed rows, not their changes, and is dropped when patience ends", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const remote = await serve(scope, [database], { pauseBytes: 10_000, patienceMs: 300 });
  const [deaf, slow] = [0, 1].map(() => connectSocket({ path: remote.replace("unix:", "") }));
  if (deaf === undefined || slow === undefined) return;
  const ended = new Promise((resolve) => deaf.once("close", resolve));
  let isSlowAlive = true;
  slow.once("close", () => (isSlowAlive = false));
  for (const socket of [deaf, slow]) {
    scope.defer(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.write(JSON.stringify({ method: "monitor", params: ["T", "m", { Root: {} }], id: 1 }));
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
  }
  const client = rawClient(scope, remote);
  await client.call("transact", ["T", insertRoot("x".repeat(2_000_000))]);
  const reading = setInterval(() => slow.read(65_536), 20); // little by little, but it does
  scope.defer(() => clearInterval(reading));
  const before = process.memoryUsage().arrayBuffers;
  for (let r = 0; r < 300; r++) await client.call("transact", ["T", { op: "update", table: "Root", where: [], row: { r } }]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000); // 300 updates of 2 MB would be 600 MB
  deaf.resume(); // what the system has in its buffers comes, then the end
  await ended;
  expect((await client.call("echo", [1])).result).toEqual([1]);
  expect(isSlowAlive).toBe(true);
});

test("a client that reads late is told in one update what it missed, before its next reply", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const remote = await serve(scope, [database], { pauseBytes: 10_000 });
  const late = connectSocket({ path: remote.replace("unix:", "") });
  scope.defer(() => void late.destroy());
  const stream = new JsonStream();
  const heard: Json[] = [];
  late.write(JSON.stringify({ method: "monitor", params: ["T", "m", { Root: { columns: ["name", "r"] } }], id: 1 }));
  await new Promise((resolve) => late.once("data", resolve));
  late.pause();
  const client = rawClient(scope, remote);
  await client.call("transact", ["T", insertRoot("x".repeat(500_000))]);
  for (let r = 1; r <= 100; r++) {
    await client.call("transact", ["T", { op: "update", table: "Root", where: [], row: { r } }, insertRoot(`gone ${r}`)]);
    await client.call("transact", ["T", { op: "delete", table: "Root", where: [["name", "==", `gone ${r}`]] }]);
  }
  late.write(JSON.stringify({ method: "transact", params: ["T", insertRoot("mine")], id: 2 }));
  late.on("data", (bytes) => heard.push(...stream.push(bytes)));
  late.resume();
  while (heard.length === 0 || !JSON.stringify(heard.at(-1)).includes('"id":2')) await new Promise(setImmediate);
  const updates = heard.slice(0, -1).map((message) => Object.values((message as Updates).params[1].Root));
  const rows = updates.flat().map(({ new: row }) => [row?.name.slice(0, 4), row?.r]);
  expect(rows).toEqual([
    ["xxxx", 0],
    ["xxxx", 100],
    ["mine", 0],
  ]);
});

test("a client that does not read is asked nothing more, and loses nothing", async () => {
  await using scope = new Scope();
  const remote = await serve(scope, [await openDatabase(scope)], { pauseBytes: 10_000, backlogBytes: 300_000 });
  const client = connectSocket({ path: remote.replace("unix:", "") });
  scope.defer(() => void client.destroy());
  client.pause();
  const nRequests = 5000;
  for (let id = 0; id < nRequests; id++) client.write(JSON.stringify({ method: "get_schema", params: ["T"], id }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const ids: Json[] = [];
  const stream = new JsonStream();
  const ended = new Promise((resolve) => client.once("close", resolve));
  client.on("data", (bytes) => {
    for (const reply of stream.push(bytes)) ids.push((reply as { readonly id: number }).id);
    if (ids.length === nRequests) client.end();
  });
  client.resume();
  await ended;
  expect(ids).toEqual(Array.from({ length: nRequests }, (_, id) => id));
});

test("history tells who changed a row, when, why and what", async () => {
  await using scope = new Scope();
  const identify = () => ({ remote: "", pid: 42, process: "tool" });
  const client = rawClient(scope, await serve(scope, [await openDatabase(scope)], { identify }));
  const { result } = await client.call("transact", ["T", insertRoot("a"), { op: "comment", comment: "because" }]);
  const uuid = (result as { uuid: string[] }[])[0]?.uuid[1] ?? "";
  await client.call("transact", ["T", { op: "update", table: "Root", where: [], row: { i: 7 } }]);
  const history = (await client.call("tenet_history", ["T", uuid.slice(0, 8)])).result;
  expect(history).toEqual([
    expect.objectContaining({ op: "insert", table: "Root", uuid, comment: "because", row: { name: "a" } }),
    expect.objectContaining({ op: "modify", row: { i: { old: ["set", []], new: 7 } }, comment: null }),
  ]);
  expect((history as { client: object }[])[0]?.client).toEqual(expect.objectContaining({ pid: 42, process: "tool" }));
});

test("it listens on loopback TCP, and replaces the socket file of a dead server only", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope, { schema: SCHEMA });
  const server = scope.use(new OvsdbServer([database], silentLogger));
  expect(await server.listen("ptcp:0")).toMatch(/^tcp:127\.0\.0\.1:\d+$/);
  const path = `${temporaryFolder(scope)}/db.sock`;
  await server.listen(`punix:${path}`);
  const other = scope.use(new OvsdbServer([database], silentLogger));
  await expect(other.listen(`punix:${path}`)).rejects.toThrow(/EADDRINUSE/);
  await expect(other.listen(`punix:/${"long".repeat(30)}`)).rejects.toThrow(/121 bytes/);
  writeFileSync(`${path}.txt`, "precious");
  await expect(other.listen(`punix:${path}.txt`)).rejects.toThrow(/EADDRINUSE/);
  expect(readFileSync(`${path}.txt`, "utf8")).toBe("precious");
  await expect(other.listen("pssl:1")).rejects.toThrow(expect.objectContaining({ code: "OVSDB_BAD_REMOTE" }));
});
