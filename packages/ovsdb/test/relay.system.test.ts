/** Relays: ours before the original server and before ours, the original's before ours, and relays of relays. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import {
  Database,
  type DatabaseEngine,
  OVN_NORTHBOUND,
  OVN_SOUTHBOUND,
  OvsdbServer,
  parseRelay,
  RelayDatabase,
  type RelayOptions,
  Replication,
} from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { makeAuthority } from "./support/certificates.ts";
import { comparable } from "./support/comparable.ts";
import { openDatabase, type RawClient, rawClient, SCHEMA, temporaryFolder, TESTER } from "./support/fixtures.ts";
import { arePeersInstalled, backgroundPeer, peer, startOriginalServer } from "./support/peers.ts";

const PEERS = ["ovsdb-server", "ovsdb-tool"] as const;
const ZERO = "00000000-0000-0000-0000-000000000000";
const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name } });
const names: Json = { op: "select", table: "Root", where: [], columns: ["name"] };

/** Serves our relay of some remotes. @returns its database, its server, and the address to connect to */
async function relay(scope: Scope, remotes: string, options: RelayOptions = {}) {
  const database = new RelayDatabase(parseRelay(`relay:T:${remotes}`), { maxBackoffMs: 100, ...options });
  scope.defer(() => {
    database.close();
    return database.ended;
  });
  const server = scope.use(new OvsdbServer([database], silentLogger));
  const address = await server.listen(`punix:${join(temporaryFolder(scope), "relay.sock")}`);
  return { database, server, address };
}

/** An original server's database, to be served. */
async function originalSource(scope: Scope): Promise<{ folder: string; start: (...options: string[]) => Promise<string> }> {
  const folder = temporaryFolder(scope);
  writeFileSync(join(folder, "t.ovsschema"), JSON.stringify(SCHEMA));
  await peer(folder, "ovsdb-tool", "create", join(folder, "t.db"), join(folder, "t.ovsschema"));
  return {
    folder,
    start: (...options) => startOriginalServer(scope, folder, ...options, join(folder, "t.db")),
  };
}

async function ask(client: RawClient, ...operations: Json[]): Promise<Json> {
  const { result = null, error = null } = await client.call("transact", ["T", ...operations]);
  return error ?? result;
}

async function available(scope: Scope, address: string): Promise<RawClient> {
  const isAvailable = async () => {
    const client = rawClient(scope, address);
    const { error } = await client.call("get_schema", ["T"]).catch(() => ({ error: "no answer" }));
    return error ?? null;
  };
  await expect.poll(isAvailable, { timeout: 10_000 }).toBeNull();
  return rawClient(scope, address);
}

test("reads are answered from the copy, writes by the source, and the client sees its own writes", async () => {
  await using scope = new Scope();
  const source = await openDatabase(scope);
  const server = scope.use(new OvsdbServer([source], silentLogger));
  const { address } = await relay(scope, await server.listen(`punix:${join(temporaryFolder(scope), "source.sock")}`));
  const client = await available(scope, address);
  await client.call("monitor_cond_since", ["T", "m", { Root: [{ columns: ["name"] }] }, ZERO]);
  for (let n = 0; n < 50; n++) {
    const result = await ask(client, insert(`row ${n}`));
    expect(result).toEqual([{ uuid: ["uuid", expect.any(String)] }]);
    expect(JSON.stringify(client.notifications())).toContain(`row ${n}`); // told before the reply
  }
  expect(source.table("Root").size).toBe(50);
  expect((source.history().at(-1)?.by ?? { remote: "" }).remote).toContain("source.sock");
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

test.skipIf(!arePeersInstalled(...PEERS, "openssl"))("relays and backups reach their source over TLS", async () => {
  await using scope = new Scope();
  const source = await originalSource(scope);
  const authority = await makeAuthority(source.folder, "authority");
  const { privateKey, certificate, caCert } = await authority.issue("server");
  const port = 23_000 + (process.pid % 10_000);
  const keys = [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--ca-cert=${caCert}`];
  const remote = await source.start(`--remote=pssl:${port}:127.0.0.1`, ...keys);
  const tls = await authority.issue("client");
  const ours = await relay(scope, `ssl:127.0.0.1:${port}`, { tls: () => tls });
  const client = await available(scope, ours.address);
  expect(await ask(client, insert("a"))).toEqual([{ uuid: ["uuid", expect.any(String)] }]);
  const backup = await openDatabase(scope);
  const replication = scope.use(new Replication(scope.use(new OvsdbServer([backup], silentLogger)), { tls }));
  replication.activeServer = `ssl:127.0.0.1:${port}`;
  await replication.connect();
  await expect.poll(() => [...backup.table("Root").values()].map((row) => row["name"])).toEqual(["a"]);
  await ask(rawClient(scope, remote), insert("b"));
  await expect.poll(() => backup.table("Root").size).toBe(2);
  await expect.poll(() => ours.database.table("Root").size).toBe(2);
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

test.skipIf(!arePeersInstalled(...PEERS))("every request is answered as by the original's relay", async () => {
  await using scope = new Scope();
  const source = await originalSource(scope);
  const remote = await source.start();
  const theirSocket = join(source.folder, "their-relay.sock");
  backgroundPeer(scope, source.folder, "ovsdb-server", `--remote=punix:${theirSocket}`, "--unixctl=none", `relay:T:${remote}`);
  const theirs = await available(scope, `unix:${theirSocket}`);
  const ours = await available(scope, (await relay(scope, remote)).address);
  const wait = { op: "wait", table: "Root", where: [], columns: ["name"], timeout: 0, rows: [] };
  const assertion = { op: "assert", lock: "l" };
  const server = {
    op: "select",
    table: "Database",
    where: [["name", "==", "T"]],
    columns: ["name", "model", "connected", "leader", "sid", "cid", "index"],
  };
  const update = { op: "update", table: "Root", where: [["name", "==", "none"]], row: { i: 1 } };
  const requests: readonly (readonly [string, ...Json[]])[] = [
    ["list_dbs"],
    ["get_schema", "T"],
    ["transact", "_Server", server],
    ["transact", "T", { ...wait, until: "!=" }, insert("x")],
    ["transact", "T", { ...wait, until: "!=" }],
    ["transact", "T", update],
    ["transact", "T", { op: "comment", comment: "x" }],
    ["transact", "T", { op: "commit", durable: true }, update],
    ["transact", "T", { op: "abort" }],
    ["transact", "T", update, { op: "abort" }, update],
    ["transact", "T", { op: "nope" }],
    ["transact", "T", { op: "insert", table: "Nope", row: {} }],
    ["transact", "T", insert("x"), { op: "insert", table: "Root", row: { zz: 1 } }],
    ["transact", "T", { ...wait, until: "!=" }, { ...wait, until: "==" }, update],
    ["transact", "T", update, { ...wait, until: "!=" }],
    ["transact", "T", assertion],
    ["transact", "T", assertion, update],
    ["lock", "l"],
    ["transact", "T", assertion],
    ["transact", "T", assertion, update],
    ["transact", "T", update, assertion],
    ["unlock", "l"],
    [
      "transact",
      "T",
      { op: "insert", table: "Root", row: { name: "u" } },
      { op: "select", table: "Root", where: [["name", "==", "u"]], columns: ["name", "_uuid"] },
    ],
    ["transact", "T", { op: "delete", table: "Root", where: [] }],
    ["transact", "T", names],
  ];
  for (const [method, ...params] of requests) {
    // One after the other, from an empty table: both write to the same source.
    const answers: unknown[] = [];
    for (const client of [theirs, ours]) {
      await ask(client, { op: "delete", table: "Root", where: [] });
      const { result, error } = await client.call(method, params);
      answers.push({ result, error });
    }
    expect.soft(comparable(answers[1]), JSON.stringify([method, ...params])).toBe(comparable(answers[0]));
  }
});

test.skipIf(!arePeersInstalled(...PEERS))(
  "relays of ours and of the original stand before each other and before both servers",
  async () => {
    await using scope = new Scope();
    const original = await originalSource(scope);
    const own = scope.use(new OvsdbServer([await openDatabase(scope)], silentLogger));
    for (const remote of [await original.start(), await own.listen(`punix:${join(original.folder, "own.sock")}`)]) {
      const folder = temporaryFolder(scope);
      const ours = await relay(scope, remote);
      await available(scope, ours.address);
      const theirs = join(folder, "theirs.sock");
      backgroundPeer(scope, folder, "ovsdb-server", `--remote=punix:${theirs}`, "--unixctl=none", `relay:T:${ours.address}`);
      await available(scope, `unix:${theirs}`);
      const last = await available(scope, (await relay(scope, `unix:${theirs}`)).address);
      await last.call("monitor", ["T", "m", { Root: { columns: ["name", "kids"] } }]);
      for (let n = 0; n < 20; n++) {
        const kid = { op: "insert", table: "Kid", "uuid-name": "kid", row: { name: `kid ${n}` } };
        const root = { op: "insert", table: "Root", row: { name: `row ${n}`, kids: ["named-uuid", "kid"] } };
        const inserted = { uuid: ["uuid", expect.any(String)] };
        expect(await ask(last, kid, root)).toEqual([inserted, inserted]);
        expect(JSON.stringify(last.notifications())).toContain(`row ${n}`);
      }
      await ask(
        last,
        { op: "delete", table: "Root", where: [["name", "<", "row 2"]] },
        { op: "delete", table: "Root", where: [["name", "==", "row 3"]] },
      );
      const tables = ["Root", "Kid"].map((table) => ({ op: "select", table, where: [], columns: ["_uuid", "name"] }));
      const contents = await Promise.all(
        [remote, ours.address, `unix:${theirs}`].map((address) => ask(rawClient(scope, address), ...tables)),
      );
      const sorted = contents.map((content) =>
        JSON.stringify((content as { rows: Json[] }[]).map(({ rows }) => rows.map((row) => comparableRow(row)).sort())),
      );
      expect(new Set(sorted).size).toBe(1);
      expect(sorted[0]).toContain("row 19");
      expect(sorted[0]).not.toContain("row 3,");
    }
  },
);

test.skipIf(!arePeersInstalled(...PEERS, "ovn-nbctl", "ovn-northd"))(
  "ovn-nbctl writes through a relay, and waits there for northd",
  async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const [nb, sb] = [OVN_NORTHBOUND, OVN_SOUTHBOUND].map((schema) => scope.use(Database.inMemory({ schema }))) as [
      Database,
      Database,
    ];
    const server = scope.use(new OvsdbServer([nb, sb], silentLogger));
    const source = await server.listen(`punix:${join(folder, "source.sock")}`);
    const database = new RelayDatabase(parseRelay(`relay:OVN_Northbound:${source}`), { maxBackoffMs: 100 });
    scope.defer(() => {
      database.close();
      return database.ended;
    });
    const relayed = await scope.use(new OvsdbServer([database], silentLogger)).listen(`punix:${join(folder, "relay.sock")}`);
    const nbctl = (...command: string[]) =>
      peer(folder, "ovn-nbctl", `--db=${relayed}`, "--no-leader-only", "--timeout=10", ...command);
    await expect.poll(() => database.status.isConnected).toBe(true);
    await nbctl("init");
    await nbctl("ls-add", "sw0", "--", "lsp-add", "sw0", "p0", "--", "lsp-set-addresses", "p0", "00:00:00:00:00:01 10.0.0.1");
    backgroundPeer(
      scope,
      folder,
      "ovn-northd",
      `--ovnnb-db=${source}`,
      `--ovnsb-db=${source}`,
      `--unixctl=${join(folder, "n.ctl")}`,
    );
    await nbctl("--wait=sb", "lsp-add", "sw0", "p1"); // answered when nb_cfg has come back through the relay
    expect(await nbctl("lsp-list", "sw0")).toMatch(/\(p0\)[^]*\(p1\)/);
    expect([...sb.table("Port_Binding").values()].map((row) => row["logical_port"]).toSorted()).toEqual(["p0", "p1"]);
  },
);

function comparableRow(row: Json): string {
  return JSON.stringify(Object.entries(row as object).sort());
}
