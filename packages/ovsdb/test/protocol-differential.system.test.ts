/** Requests of every kind, sound and faulty, are answered as the original server answers them, notifications included. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { expect, test } from "vitest";
import { openDatabase, type RawClient, rawClient, SCHEMA, serve, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, peer, startOriginalServer } from "./support/peers.ts";

type Request = readonly [method: string, ...params: Json[]];

const A = "00000000-0000-4000-8000-00000000000a";
const B = "00000000-0000-4000-8000-00000000000b";
const ZERO = "00000000-0000-0000-0000-000000000000";
const map = (...pairs: Json[]): Json => ["map", pairs];
const set = (...atoms: Json[]): Json => ["set", atoms];

const transact = (...operations: Json[]): Request => ["transact", "T", ...operations];
const insert = (row: Json, more: object = {}): Request => transact({ op: "insert", table: "Root", row, ...more });
const select = (where: Json, more: object = {}): Request =>
  transact({ op: "select", table: "Root", where, columns: ["name"], ...more });
const update = (where: Json, row: Json): Request => transact({ op: "update", table: "Root", where, row });
const mutate = (...mutations: Json[]): Request => transact({ op: "mutate", table: "Root", where: [], mutations });
const wait = (more: object): Request =>
  transact({ op: "wait", table: "Root", where: [], columns: ["name"], until: "==", rows: [], timeout: 0, ...more });
const monitor = (id: Json, requests: Json, ...more: Json[]): Request => ["monitor", "T", id, requests, ...more];
/** The columns of the condition are always shown: the original dies of conditions on others. */
const monitorCond = (id: Json, where: Json): Request => [
  "monitor_cond",
  "T",
  id,
  { Root: [{ columns: ["name", "i", "m"], where }] },
];
const change = (id: Json, newId: Json, requests: Json): Request => ["monitor_cond_change", id, newId, requests];
const server = (operation: object): Request => ["transact", "_Server", { table: "Database", where: [], ...operation }];

const plainRequests: readonly Request[] = [
  ["list_dbs"],
  ["list_dbs", 1],
  ["get_schema"],
  ["get_schema", 5],
  ["get_schema", "T"],
  ["get_schema", "T", 1],
  ["get_schema", "X"],
  ["get_schema", "_Server"],
  ["get_server_id", 1],
  ["set_db_change_aware"],
  ["set_db_change_aware", 1],
  ["set_db_change_aware", true, 1],
  ["set_db_change_aware", false],
  ["echo"],
  ["echo", 1, "x"],
  ["nonsense"],
  ["cancel", "x"],
];

const faultyOperations: readonly Request[] = [
  ["transact"],
  ["transact", "X"],
  ["transact", 5],
  ["transact", "T"],
  ...[5, [], {}, { op: 5 }, { op: "x y" }, { op: "nosuch" }, { op: "insert" }].map((operation: Json) => transact(operation)),
  transact({ op: "insert", table: "X", row: {} }),
  transact({ op: "insert", table: "Root", row: 5 }),
  insert({}, { x: 1 }),
  insert({ name: "own", _uuid: ["uuid", ZERO] }),
  insert({ zork: 5 }),
  insert({}, { "uuid-name": "1a" }),
  insert({}, { uuid: "zz" }),
  transact({ op: "insert", table: "Kid", row: {}, "uuid-name": "k" }, { op: "insert", table: "Kid", row: {}, "uuid-name": "k" }),
  ...[5, true, set("a"), ["uuid", A], null, {}].map((name: Json) => insert({ name })),
  ...[500, -1, 1.5, 1e30, "x", set(1, 2)].map((i: Json) => insert({ i })),
  ...["x", true, set(1, 2)].map((r: Json) => insert({ r })),
  ...["x", ["uuid", "x"], ["uuid", A, 1], ["zork", A], ["named-uuid", "nope"]].map((u: Json) => insert({ name: "u", u })),
  ...["pink", set("red", "red"), set("red", "pink"), set(1)].map((e: Json) => insert({ e })),
  ...["toolong", "", set("a", "b", "c", "d"), ["set"], ["set", 5]].map((s: Json) => insert({ s })),
  ...[5, map(["a"]), map(["a", 1], ["a", 2]), ["map", 5], map(["a", "b"])].map((m: Json) => insert({ m })),
  insert({ kids: ["uuid", A] }),
  insert({ kids: ["named-uuid", "nope"] }),
  transact(...Array.from({ length: 3 }, (_, x): Json => ({ op: "insert", table: "Few", row: { x } }))),
  transact({ op: "commit" }),
  transact({ op: "commit", durable: true }),
  transact({ op: "commit", durable: 5 }),
  transact({ op: "abort" }),
  transact({ op: "abort", x: 1 }),
  transact({ op: "comment" }),
  transact({ op: "comment", comment: 5 }),
  transact({ op: "comment", comment: "x" }, { op: "abort" }, { op: "comment", comment: "y" }),
  transact({ op: "assert" }),
  transact({ op: "assert", lock: "x" }),
  transact({ op: "assert", lock: "1 x" }),
];

const conditions: readonly Request[] = [
  transact({ op: "delete", table: "Root", where: [] }),
  insert({ name: "a", i: 5, m: map(["k", 1], ["l", 2]), e: set("red", "blue") }, { uuid: A }),
  insert({ name: "b", imm: "x" }, { uuid: A }),
  insert({ name: "b", imm: "x", r: 0.5, s: set("p", "q") }, { uuid: B }),
  select([], { columns: ["_uuid", "_uuid"] }),
  ...[[5], ["zork"], [], 5].map((columns: Json) => select([["name", "==", "a"]], { columns })),
  ...[5, [5], [["name", "=="]], [["zork", "==", 1]], [["name", "~", "x"]], [[5, "==", 5]], [["i", 5, 5]]].map((where: Json) =>
    select(where),
  ),
  ...["<", "<=", "==", "!=", ">=", ">", "includes", "excludes"].flatMap((call) =>
    [
      ["name", "a"],
      ["i", 5],
      ["i", set()],
      ["r", 0.5],
      ["b", true],
      ["m", map(["k", 1])],
      ["m", map(["k", 2], ["l", 2])],
      ["m", map()],
      ["m", 5],
      ["e", "red"],
      ["e", set("red", "green")],
      ["s", set()],
      ["_uuid", ["uuid", A]],
      ["u", ["uuid", ZERO]],
    ].map(([column = null, argument = null]) => select([[column, call, argument]])),
  ),
  update([], { imm: "y" }),
  update([], { _uuid: ["uuid", A] }),
  update(5, {}),
  transact({ op: "update", table: "Root", row: {} }),
  transact({ op: "delete", table: "Root" }),
  transact({ op: "delete", table: "Root", where: [["_uuid", "==", ["uuid", "zz"]]] }),
  transact({ op: "mutate", table: "Root", where: [], mutations: 5 }),
  ...[5, ["i", "+=", "x"], ["i", "zap", 1], ["zork", "+=", 1], ["imm", "insert", "x"], ["_uuid", "insert", ["uuid", A]]].map(
    (mutation: Json) => mutate(mutation),
  ),
  ...["+=", "-=", "/=", "%=", "insert", "delete"].flatMap((call) =>
    ["name", "i", "r", "b", "e", "eph"].map((column) => mutate([column, call, 0])),
  ),
  mutate(["i", "+=", 96]),
  mutate(["s", "insert", set("a", "b", "c", "d")]),
  mutate(["m", "delete", "k"], ["m", "insert", map(["l", 9], ["n", 3])], ["i", "*=", 3]),
  mutate(["m", "delete", set("zz", "n")]),
  mutate(["m", "delete", map(["l", 1])], ["s", "delete", set("p")], ["s", "insert", set("r")]),
  select([], { columns: ["name", "i", "m", "s"] }),
  ...["=", 5].map((until: Json) => wait({ until })),
  ...[5, [5], [{ zork: 1 }], [{ name: "a" }, { name: "b" }], [{ name: "a" }]].map((rows: Json) => wait({ rows })),
  ...[-1, "x", 0].map((timeout: Json) => wait({ timeout })),
  wait({ until: "!=" }),
  transact({ op: "comment", comment: "a" }, { op: "wait", table: "Root", where: [], until: "==", rows: [], timeout: 0 }),
];

const locks: readonly Request[] = [
  ...[[], [5], ["a b"], ["a", "b"], ["a-b"]].flatMap((params: Json[]) =>
    ["lock", "steal", "unlock"].map((method): Request => [method, ...params]),
  ),
  ["lock", "l"],
  ["lock", "l"],
  ["steal", "l"],
  transact({ op: "assert", lock: "l" }),
  ["unlock", "l"],
  ["unlock", "l"],
  ["steal", "l"],
  ["unlock", "l"],
];

const monitors: readonly Request[] = [
  monitor("m0", {}),
  monitor("m0", {}),
  monitor("m1", { Root: [] }),
  monitor("m2", { Root: { columns: [] } }),
  monitor("m3", { Root: { columns: ["name", "m", "i"] } }, 5),
  monitor("m4", {
    Root: [
      { columns: ["name"], select: { initial: false } },
      { columns: ["e"], select: { modify: false } },
    ],
  }),
  monitor(["m", 5], { Root: { columns: ["name", "r"], select: { insert: false, delete: false } } }),
  monitorCond("c1", [["name", "==", "a"]]),
  monitorCond("c2", [["i", "==", 5]]),
  monitorCond("c3", [["m", "includes", map(["x", 1])], false]),
  monitorCond("c4", [true, ["name", "==", "zz"]]),
  monitorCond("c5", [false]),
  ["monitor_cond", "T", "c6", { Root: [{ where: [["name", "!=", "b"]], select: { modify: false } }] }],
  ["monitor_cond_since", "T", "s", { Root: [{ columns: ["name", "e"], where: [["name", "!=", "b"]] }] }, A],
  insert({ name: "c", i: 5, e: "red" }, { uuid: A.replace("a", "c") }),
  update([["name", "==", "c"]], { i: 6, e: set("red", "blue"), m: map(["x", 1]) }),
  update([["name", "==", "c"]], { m: map(["x", 2], ["y", 1]), r: 7 }),
  update([["name", "==", "c"]], { name: "b2", r: 8 }),
  update([["name", "==", "b"]], { name: "b3", b: true }),
  update([], { b: true }),
  ["monitor_cond_change"],
  ["monitor_cond_change", "c1", "c1"],
  change("zz", "zz", {}),
  change("c1", "c2", {}),
  ...[5, { Zork: [] }, { Kid: [] }, { Root: 5 }, { Root: [5] }, { Root: [{ where: [["zork", "==", 1]] }] }].map(
    (requests: Json) => change("c1", "c1", requests),
  ),
  change("c1", "c1", { Root: [{ where: [], x: 1 }] }),
  change("c1", "c1b", { Root: [{ where: [["name", "==", "b2"]] }] }),
  change("c1b", "c1b", { Root: [{ where: [true] }] }),
  change("c4", "c4", { Root: [{ where: [false] }] }),
  change("m0", "m0", {}),
  transact({ op: "delete", table: "Root", where: [["name", "==", "b2"]] }),
  ["monitor_cancel"],
  ["monitor_cancel", "zz"],
  ["monitor_cancel", "m0"],
  ["monitor_cancel", "m0"],
  ["monitor_cancel", ["m", 5]],
  ["monitor_cancel", "c2", 2],
  transact({ op: "delete", table: "Root", where: [] }),
];

/** Last of all: the original dies of the next change after a monitor that it refused. */
const faultyMonitors: readonly Request[] = [
  ["monitor"],
  ["monitor", "X", null, {}],
  monitor(null, 5),
  monitor("m", { zork: {} }),
  ...[5, [5], { columns: 5 }, { columns: ["zork"] }, { columns: [5] }, { columns: ["name", "name"] }, { select: 5 }].map(
    (Root: Json) => monitor("m", { Root }),
  ),
  monitor("m", { Root: { columns: ["name"], select: { x: true } } }),
  monitor("m", { Root: { columns: ["name"], select: { initial: 5 } } }),
  monitor("m", { Root: { columns: ["name"], where: [] } }),
  monitor("m", { Root: [{ columns: ["name"] }, { columns: ["name"] }] }),
  monitorCond("c", [["zork", "==", 1]]),
  monitorCond("c", [5]),
  monitorCond("c", 5),
  monitorCond("c", [["name", "<", "a"]]),
  ["monitor_cond_since", "T", "s", { Root: [{ columns: ["name"] }] }, 5],
  ["monitor_cond_since", "T", "s", { Root: [{ columns: ["name"] }] }, "x"],
];

const aboutServer: readonly Request[] = [
  server({ op: "select", columns: ["name", "model", "connected", "leader", "cid", "sid", "index", "schema"] }),
  server({ op: "insert", row: { model: "standalone" } }),
  server({ op: "update", row: {} }),
  server({ op: "mutate", mutations: [] }),
  server({ op: "delete" }),
  server({ op: "wait", columns: ["name"], until: "==", rows: [], timeout: 0 }),
];

/**
 * An answer without what servers may choose: the uuids that they make, the order of rows, of members and of the two
 * rows that break an index, and the ids of transactions (of which the original has none in a standalone database).
 */
function comparable(json: unknown): string {
  const names = new Map<string, string>();
  const text = JSON.stringify(sorted(json)).replace(/ {2}First row.*?"/, '"');
  return text.replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (uuid) => {
    if (!uuid.startsWith("00000000-")) names.set(uuid, names.get(uuid) ?? `uuid${names.size}`);
    return names.get(uuid) ?? uuid;
  });
}

function sorted(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sorted);
  if (typeof json !== "object" || json === null) return json;
  const members = Object.entries(json).map(([name, value]): [string, unknown] => [name, sorted(value)]);
  for (const [name, value] of members) if (name === "rows" && Array.isArray(value)) value.sort(compareTexts);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function compareTexts(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

async function hear(client: RawClient, [method, ...params]: Request): Promise<string> {
  const { result = null, error = null } = await client.call(method, params);
  const told = (client.notifications() as [string, Json[]][]).flatMap(([name, list]) => {
    if (name === "update3") list.splice(1, 1);
    const text = comparable([name, list]);
    return isEmptyUpdate(text) ? [] : [text];
  });
  if (method === "monitor_cond_since" && Array.isArray(result)) result.splice(1, 1);
  return comparable({ result, error, told: told.sort() });
}

/** The original also tells of rows of which a monitor shows none of the columns that changed. */
function isEmptyUpdate(text: string): boolean {
  return /^[^{]*\{"Root":\{"[^"]*":\{("modify":\{\}|"new":\{[^}]*\},"old":\{\})\}\}\}\]\]$/.test(text);
}

test.skipIf(!arePeersInstalled("ovsdb-server", "ovsdb-tool"))("every request is answered as by the original server", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  writeFileSync(join(folder, "t.ovsschema"), JSON.stringify(SCHEMA));
  await peer(folder, "ovsdb-tool", "create", join(folder, "t.db"), join(folder, "t.ovsschema"));
  const theirs = rawClient(scope, await startOriginalServer(scope, folder, join(folder, "t.db")));
  const ours = rawClient(scope, await serve(scope, [await openDatabase(scope)]));
  const requests = [plainRequests, faultyOperations, conditions, locks, monitors, aboutServer, faultyMonitors].flat();
  for (const request of requests) {
    const [expected, found] = await Promise.all([hear(theirs, request), hear(ours, request)]);
    expect.soft(found, JSON.stringify(request)).toBe(expected);
  }
});
