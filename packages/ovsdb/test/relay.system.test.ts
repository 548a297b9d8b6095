/** Relays: ours before the original server and before ours, the original's before ours, and relays of relays. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { Database, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer, parseRelay, RelayDatabase, Replication } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { makeAuthority } from "./support/certificates.ts";
import { comparable } from "./support/comparable.ts";
import { openDatabase, rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, backgroundPeer, peer, startOriginalServer } from "./support/peers.ts";
import { ask, available, insert, names, relay } from "./support/relay.ts";

const PEERS = ["ovsdb-server", "ovsdb-tool"] as const;

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

test.skipIf(!arePeersInstalled(...PEERS))("a client with a role is refused by our relay as by the original's", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const permissions = { key: "string", value: { type: "uuid", refTable: "RBAC_Permission" }, min: 0, max: "unlimited" };
  const connections = { key: { type: "uuid", refTable: "Conn" }, min: 0, max: "unlimited" };
  const tables = {
    Root: { isRoot: true, columns: { conn: { type: connections }, name: { type: "string" } } },
    Conn: { columns: { target: { type: "string" }, role: { type: "string" } } },
    RBAC_Role: { isRoot: true, columns: { name: { type: "string" }, permissions: { type: permissions } } },
    RBAC_Permission: { isRoot: true, columns: { insert_delete: { type: "boolean" } } },
  };
  writeFileSync(join(folder, "t.ovsschema"), JSON.stringify({ name: "T", version: "1.0.0", tables }));
  await peer(folder, "ovsdb-tool", "create", join(folder, "t.db"), join(folder, "t.ovsschema"));
  const remote = await startOriginalServer(scope, folder, join(folder, "t.db"));
  const guestSocket = join(folder, "guest.sock");
  await ask(
    await available(scope, remote),
    { op: "insert", table: "Conn", "uuid-name": "c", row: { target: `punix:${guestSocket}`, role: "guest" } },
    { op: "insert", table: "Root", row: { conn: ["named-uuid", "c"], name: "kept" } },
  );
  const answersBehind = async (start: (relays: Scope) => Promise<unknown>): Promise<Json[]> => {
    await using relays = new Scope();
    await start(relays);
    const guest = await available(relays, `unix:${guestSocket}`);
    return [await ask(guest, insert("a")), await ask(guest, { op: "delete", table: "Root", where: [] }), await ask(guest, names)];
  };
  const ours = await answersBehind(async (relays) => (await relay(relays, remote)).server.addRemote("db:T,Root,conn"));
  const options = ["--remote=db:T,Root,conn", "--unixctl=none", `relay:T:${remote}`];
  const theirs = await answersBehind((relays) => Promise.resolve(backgroundPeer(relays, folder, "ovsdb-server", ...options)));
  expect(ours).toEqual(theirs);
  expect(JSON.stringify(ours)).toMatch(/permission error.*permission error.*kept/);
});
