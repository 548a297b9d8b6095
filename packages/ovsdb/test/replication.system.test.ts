/** Active/backup pairs of ours and of the original, in all pairings, with real clients and a writer during fail-over. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import {
  ControlServer,
  Database,
  OVN_NORTHBOUND,
  OvsdbServer,
  Replication,
  replicationCommands,
  type SchemaSource,
  toSchema,
} from "@tenet/ovsdb";
import { describe, expect, test } from "vitest";
import { type RawClient, rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, backgroundPeer, failingPeer, peer, waitForSocket } from "./support/peers.ts";

const PEERS = ["ovsdb-server", "ovsdb-tool", "ovs-appctl"] as const;
const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name } });
const READ_ONLY = "insert operation not allowed when database server is in read only mode";

/** A server of either kind, that can be told its role by `ovs-appctl`. */
interface Member {
  readonly address: string;
  appctl(command: string, ...args: string[]): Promise<string>;
  kill(): Promise<void>;
}

type Start = (scope: Scope, ...options: readonly string[]) => Promise<Member>;

const originalOf =
  (schemaJson: SchemaSource | Json): Start =>
  async (scope, ...options) => {
    const folder = temporaryFolder(scope);
    const [file, schema, socket, control] = ["t.db", "t.ovsschema", "db.sock", "ctl"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    writeFileSync(schema, JSON.stringify(toSchema(schemaJson).json));
    await peer(folder, "ovsdb-tool", "create", file, schema);
    const running = scope.use(new Scope());
    backgroundPeer(
      running,
      folder,
      "ovsdb-server",
      `--remote=punix:${socket}`,
      `--unixctl=${control}`,
      "--log-file=/dev/null",
      ...options,
      file,
    );
    await waitForSocket(socket);
    return {
      address: `unix:${socket}`,
      appctl: (...command) => peer(folder, "ovs-appctl", "-t", control, ...command),
      kill: () => running[Symbol.asyncDispose](),
    };
  };

const ownOf =
  (schema: SchemaSource | Json): Start =>
  async (scope, ...options) => {
    const folder = temporaryFolder(scope);
    const running = scope.use(new Scope());
    const database = running.use(await Database.open({ schema, file: join(folder, "t.db") }));
    const server = running.use(new OvsdbServer([database], silentLogger));
    const replication = running.use(new Replication(server, { maxBackoffMs: 200 }));
    const flags = new Map(options.map((option) => option.split("=") as [string, string | undefined]));
    replication.activeServer = flags.get("--sync-from");
    await replication.setExcludedTables(flags.get("--sync-exclude-tables") ?? "");
    if (replication.activeServer !== undefined && !flags.has("--active")) await replication.connect();
    const control = join(folder, "ctl");
    await running.use(new ControlServer(replicationCommands(replication), silentLogger)).listen(control);
    const address = await server.listen(`punix:${join(folder, "db.sock")}`);
    return {
      address,
      appctl: (...command) => peer(folder, "ovs-appctl", "-t", control, ...command),
      kill: () => running[Symbol.asyncDispose](),
    };
  };

const [original, own] = [originalOf(SCHEMA), ownOf(SCHEMA)];
const PAIRS = [
  ["ours", own, "ours", own],
  ["ours", own, "the original's", original],
  ["the original's", original, "ours", own],
  ["the original's", original, "the original's", original],
] as const;

async function ask(client: RawClient, ...operations: Json[]): Promise<Json> {
  const { result = null, error = null } = await client.call("transact", ["T", ...operations]);
  return error ?? result;
}

/** All rows of all tables, in one order. */
async function contentOf(scope: Scope, { address }: Member, tables: readonly string[] = ["Root", "Kid", "Few"]): Promise<string> {
  const client = rawClient(scope, address);
  const { result: schema } = await client.call("get_schema", ["T"]);
  const columnsOf = (table: string) =>
    Object.keys((schema as { tables: { [name: string]: { columns: object } } }).tables[table]?.columns ?? {});
  const lines: string[] = [];
  for (const table of tables) {
    const select = { op: "select", table, where: [], columns: ["_uuid", ...columnsOf(table).toSorted()] };
    const [{ rows }] = (await ask(client, select)) as unknown as [{ rows: { [column: string]: Json }[] }];
    lines.push(
      ...rows.map((row) => `${table} ${JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))}`).toSorted(),
    );
  }
  client.close();
  return lines.join("\n");
}

function replicates(member: Member): Promise<void> {
  return expect.poll(() => member.appctl("ovsdb-server/sync-status"), { timeout: 10_000 }).toContain("replicating: ");
}

/** Writes rows one after the other until it is refused or cut off. @returns what was acknowledged */
async function writeUntilCut(client: RawClient, prefix: string, acknowledged: string[]): Promise<void> {
  for (let n = 0; ; n++) {
    const name = `${prefix} ${n}`;
    const kid = { op: "insert", table: "Kid", "uuid-name": "kid", row: { name, n } };
    const m = [
      "map",
      [
        ["n", n],
        [name.slice(0, 5), 1],
      ],
    ];
    const root = { op: "insert", table: "Root", row: { name, kids: ["named-uuid", "kid"], m, eph: n, e: ["set", ["red"]] } };
    const grow = {
      op: "mutate",
      table: "Root",
      where: [["name", "==", `${prefix} ${n - 1}`]],
      mutations: [
        ["m", "insert", ["map", [["x", n]]]],
        ["e", "insert", "blue"],
      ],
    };
    const remove = { op: "delete", table: "Few", where: [["x", "<", n]] };
    const add = { op: "insert", table: "Few", row: { x: n } };
    try {
      const result = await ask(client, kid, root, grow, remove, add);
      if (JSON.stringify(result).includes('"error"')) throw new Error(JSON.stringify(result));
    } catch {
      return;
    }
    acknowledged.push(name);
  }
}

describe.skipIf(!arePeersInstalled(...PEERS))("a pair", () => {
  for (const [activeName, startActive, backupName, startBackup] of PAIRS) {
    test(`${activeName} fails while it is written, ${backupName} takes over`, async () => {
      await using scope = new Scope();
      const active = await startActive(scope);
      await ask(rawClient(scope, active.address), insert("from before"));
      const backup = await startBackup(scope, `--sync-from=${active.address}`);
      await replicates(backup);
      const reader = rawClient(scope, backup.address);
      expect(await ask(reader, insert("refused"))).toEqual([{ error: "not allowed", details: READ_ONLY }]);
      expect((await reader.call("lock", ["l"])).error).toBe("lock and unlock methods not allowed, DB server is read only.");
      const first = await reader.call("monitor", ["T", "m", { Root: { columns: ["name"] } }]);
      expect(JSON.stringify(first.result)).toContain("from before");

      const acknowledged: string[] = [];
      const writing = writeUntilCut(rawClient(scope, active.address), "one", acknowledged);
      let told = "";
      await expect
        .poll(() => (told += JSON.stringify(reader.notifications())), { interval: 5, timeout: 10_000 })
        .toContain("one 100");
      const replicated = acknowledged.filter((name) => told.includes(`"${name}"`)); // acknowledged, and seen at the backup
      await active.kill();
      await writing;
      await backup.appctl("ovsdb-server/disconnect-active-ovsdb-server");
      expect(await backup.appctl("ovsdb-server/sync-status")).toBe("state: active\n");
      if (startBackup === own) await reader.closed; // as the manual page says, so that its locks are asked for anew

      const kept = await contentOf(scope, backup);
      expect(kept).toContain("from before");
      for (const name of replicated) expect(kept).toContain(`"${name}"`);
      const more: string[] = [];
      const client = rawClient(scope, backup.address);
      const writingMore = writeUntilCut(client, "two", more);
      const revived = await startActive(scope, `--sync-from=${backup.address}`, "--active");
      await ask(rawClient(scope, revived.address), insert("must go"), { op: "insert", table: "Few", row: { x: 5 } });
      await revived.appctl("ovsdb-server/connect-active-ovsdb-server");
      await replicates(revived);
      await expect.poll(() => more.length, { timeout: 10_000 }).toBeGreaterThan(5);
      client.close();
      await writingMore;
      await ask(rawClient(scope, backup.address), insert("the end"));
      await expect.poll(() => contentOf(scope, revived), { timeout: 10_000 }).toContain("the end");
      const content = await contentOf(scope, backup);
      expect(await contentOf(scope, revived)).toBe(content);
      expect(content).not.toContain("must go");
      expect(content).toContain("two ");
    });
  }
});

describe.skipIf(!arePeersInstalled(...PEERS, "ovn-nbctl"))("ovn-nbctl", () => {
  const [theirs, ours] = [originalOf(OVN_NORTHBOUND), ownOf(OVN_NORTHBOUND)];
  for (const [activeName, startActive, backupName, startBackup] of [
    ["the original's", theirs, "ours", ours],
    ["ours", ours, "the original's", theirs],
  ] as const) {
    test(`goes on at ${backupName} when ${activeName} fails`, async () => {
      await using scope = new Scope();
      const folder = temporaryFolder(scope);
      const active = await startActive(scope);
      const backup = await startBackup(scope, `--sync-from=${active.address}`);
      const nbctl = (remotes: string, ...command: string[]) =>
        [folder, "ovn-nbctl", `--db=${remotes}`, "--timeout=10", ...command] as const;
      await peer(...nbctl(active.address, "init"));
      await peer(...nbctl(active.address, "ls-add", "sw0", "--", "lsp-add", "sw0", "p0"));
      await expect.poll(() => peer(...nbctl(backup.address, "lsp-list", "sw0")), { timeout: 10_000 }).toContain("(p0)");
      const refused = await failingPeer(...nbctl(backup.address, "ls-add", "sw1"));
      expect(refused.stderr).toContain("insert operation not allowed when database server is in read only mode");
      await active.kill();
      await backup.appctl("ovsdb-server/disconnect-active-ovsdb-server");
      await peer(...nbctl(`${active.address},${backup.address}`, "ls-add", "sw1", "--", "lsp-add", "sw0", "p1"));
      expect(await peer(...nbctl(backup.address, "--bare", "--columns=name", "list", "Logical_Switch_Port"))).toMatch(
        /p0\s+p1|p1\s+p0/,
      );
    });
  }
});

test.skipIf(!arePeersInstalled(...PEERS))("commands about the role are answered as by the original server", async () => {
  await using scope = new Scope();
  const active = await original(scope);
  const members = [await original(scope), await own(scope)];
  const commands: readonly (readonly [string, ...string[]])[] = [
    ["sync-status"],
    ["get-active-ovsdb-server"],
    ["get-sync-exclude-tables"],
    ["connect-active-ovsdb-server"],
    ["disconnect-active-ovsdb-server"],
    ["set-active-ovsdb-server", "unix:/nonexistent/socket"],
    ["get-active-ovsdb-server"],
    ["sync-status"],
    ["connect-active-ovsdb-server"],
    ["sync-status"],
    ["set-active-ovsdb-server", active.address],
    ["get-active-ovsdb-server"],
    ["set-sync-exclude-tables", "T:Few,X:Y"],
    ["get-sync-exclude-tables"],
    ["set-sync-exclude-tables", "nonsense"],
    ["get-sync-exclude-tables"],
    ["set-sync-exclude-tables", "T:Few"],
    ["connect-active-ovsdb-server"],
    ["until it replicates"],
    ["sync-status"],
    ["set-sync-exclude-tables", ""],
    ["until it replicates"],
    ["sync-status"],
    ["set-active-ovsdb-server-probe-interval", "5000"],
    ["set-active-ovsdb-server-probe-interval", "x"],
    ["disconnect-active-ovsdb-server"],
    ["sync-status"],
    ["get-active-ovsdb-server"],
    ["set-active-ovsdb-server"],
    ["connect-active-ovsdb-server", "x"],
  ];
  const said = members.map(async (member) => {
    const lines: string[] = [];
    for (const [command, ...args] of commands) {
      if (command.startsWith("until")) await replicates(member);
      else lines.push(`${command}: ${await member.appctl(`ovsdb-server/${command}`, ...args).catch(messageFrom)}`);
    }
    return lines;
  });
  const [expected, found] = await Promise.all(said);
  expect(found).toEqual(expected);
  expect(found).toContain(`sync-status: state: backup\nreplicating: ${active.address}\ndatabase: T\nexclude: T:Few\n`);
});

/** What `ovs-appctl` says of an error, without its name for the server. */
function messageFrom(error: unknown): string {
  const { stderr } = error as { stderr: string };
  return stderr.replaceAll(/^.*ovs-appctl: .*$/gm, "");
}

test.skipIf(!arePeersInstalled(...PEERS))(
  "tables that are excluded keep their own rows, and nothing refers to what is not there",
  async () => {
    await using scope = new Scope();
    const active = await original(scope);
    const exclude = "--sync-exclude-tables=T:Kid,T:Few";
    const backups = [
      await original(scope, `--sync-from=${active.address}`, "--active", exclude),
      await own(scope, `--sync-from=${active.address}`, "--active", exclude),
    ];
    for (const backup of backups) {
      await ask(rawClient(scope, backup.address), insert("local"), {
        op: "insert",
        table: "Few",
        uuid: "00000000-0000-4000-8000-000000000001",
        row: { x: 1 },
      });
      await backup.appctl("ovsdb-server/connect-active-ovsdb-server");
      await replicates(backup);
    }
    const kid = { op: "insert", table: "Kid", "uuid-name": "kid", row: { name: "kid" } };
    const pals = { op: "insert", table: "Root", row: { name: "a", pals: ["named-uuid", "kid"] } };
    const client = rawClient(scope, active.address);
    await ask(
      client,
      kid,
      pals,
      { op: "insert", table: "Root", row: { name: "b", kids: ["set", []] } },
      { op: "insert", table: "Few", row: { x: 2 } },
    );
    await ask(client, insert("last"));
    for (const backup of backups) await expect.poll(() => contentOf(scope, backup)).toContain("last");
    const [expected, found] = await Promise.all(backups.map((backup) => contentOf(scope, backup)));
    expect(found).toBe(expected);
    expect(found).toContain('["x",1]');
    expect(found).not.toContain("local");
  },
);

test("a backup that cannot replicate says why, stays a backup, and goes on when it can", async () => {
  await using scope = new Scope();
  const member = await own(scope);
  await member.appctl("ovsdb-server/set-active-ovsdb-server", member.address);
  await member.appctl("ovsdb-server/connect-active-ovsdb-server");
  const status = () => member.appctl("ovsdb-server/sync-status");
  await expect.poll(status).toBe("state: backup\nerror: Self replicating is not allowed\n");
  expect(await ask(rawClient(scope, member.address), insert("x"))).toEqual([{ error: "not allowed", details: READ_ONLY }]);
  const active = await Database.open({
    schema: { name: "T", version: "2.0.0", tables: { Root: { columns: { more: { type: "integer" } } } } },
  });
  scope.use(active);
  const server = scope.use(new OvsdbServer([active], silentLogger));
  const address = await server.listen(`punix:${join(temporaryFolder(scope), "db.sock")}`);
  await member.appctl("ovsdb-server/set-active-ovsdb-server", address);
  await member.appctl("ovsdb-server/connect-active-ovsdb-server");
  await expect.poll(status).toBe("state: backup\nerror: Nothing to replicate\n");
  await active.convert(SCHEMA, { remote: "test" });
  await active.transact([insert("from the active")], { remote: "test" });
  await expect.poll(() => contentOf(scope, member), { timeout: 10_000 }).toContain("from the active");
});

test("a database that is added to a backup is replicated too", async () => {
  await using scope = new Scope();
  const add = (name: string) => scope.use(Database.inMemory({ schema: { ...(SCHEMA as object), name } as Json }));
  const [activeT, activeU, backupT, backupU] = ["T", "U", "T", "U"].map(add) as [Database, Database, Database, Database];
  const active = scope.use(new OvsdbServer([activeT, activeU], silentLogger));
  const backup = scope.use(new OvsdbServer([backupT], silentLogger));
  const replication = scope.use(new Replication(backup));
  replication.activeServer = await active.listen(`punix:${join(temporaryFolder(scope), "db.sock")}`);
  await replication.connect();
  await expect.poll(() => replication.status).toContain("database: T");
  await activeU.transact([insert("in the other")], { remote: "test" });
  await backup.addDatabase(backupU);
  await expect.poll(() => backupU.table("Root").size).toBe(1);
  await expect.poll(() => replication.status).toContain("database: T, U");
});
