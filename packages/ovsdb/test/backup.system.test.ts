/** What a backup is told and says, what it leaves out, and what it does when it cannot replicate. */
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { Database, OvsdbServer, Replication } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { contentOf, original, own, PAIR_PEERS, replicates } from "./support/pair.ts";
import { arePeersInstalled } from "./support/peers.ts";
import { ask, insert } from "./support/relay.ts";

const READ_ONLY = "insert operation not allowed when database server is in read only mode";

test.skipIf(!arePeersInstalled(...PAIR_PEERS))("commands about the role are answered as by the original server", async () => {
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

test.skipIf(!arePeersInstalled(...PAIR_PEERS))(
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

test.skipIf(!arePeersInstalled("ovs-appctl"))(
  "a backup that cannot replicate says why, stays a backup, and goes on when it can",
  async () => {
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
  },
);

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
