/** Remotes that come and go: from tables, by the original's clients, and those to which the server connects itself. */
import { createServer } from "node:net";
import { join } from "node:path";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { makeAuthority } from "./support/certificates.ts";
import { openDatabase, rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { freePorts } from "./support/free-ports.ts";
import { arePeersInstalled, peer } from "./support/peers.ts";

test("a remote that is removed ends its clients' sessions, and may come again", async () => {
  await using scope = new Scope();
  const server = scope.use(new OvsdbServer([await openDatabase(scope)], silentLogger));
  const [one, other] = ["one", "other"].map((name) => `punix:${join(temporaryFolder(scope), name)}`) as [string, string];
  const client = rawClient(scope, await server.listen(one));
  const kept = rawClient(scope, await server.listen(other));
  for (const each of [client, kept]) await each.call("echo", []);
  expect(server.remotes).toEqual([one, other]);
  await server.removeRemote(one);
  await client.closed;
  expect((await kept.call("echo", [1])).result).toEqual([1]);
  expect(server.remotes).toEqual([other]);
  expect((await rawClient(scope, await server.listen(one)).call("echo", [2])).result).toEqual([2]);
});

test("the server connects to a remote by itself, again and again", async () => {
  await using scope = new Scope();
  const server = scope.use(new OvsdbServer([await openDatabase(scope)], silentLogger));
  const path = join(temporaryFolder(scope), "manager.sock");
  const heard: string[] = [];
  const manager = createServer((socket) => {
    socket.write(JSON.stringify({ method: "list_dbs", params: [], id: 1 }));
    socket.once("data", (bytes) => {
      heard.push(bytes.toString());
      socket.end();
    });
  });
  scope.defer(() => void manager.close());
  await new Promise<void>((resolve) => manager.listen(path, resolve));
  await server.addRemote(`unix:${path}`);
  await expect.poll(() => heard.length, { timeout: 5000 }).toBeGreaterThan(1);
  expect(heard[1]).toContain('["T","_Server"]');
});

test("remotes of a column of text are followed, faulty ones are left out", async () => {
  await using scope = new Scope();
  const column = { type: { key: "string", min: 0, max: "unlimited" } } as const;
  const schema = { name: "C", version: "1.0.0", tables: { Config: { columns: { remotes: column } } } } as const;
  const config = await openDatabase(scope, { schema });
  const server = scope.use(new OvsdbServer([config, await openDatabase(scope, { schema: SCHEMA })], silentLogger));
  const path = join(temporaryFolder(scope), "followed.sock");
  await expect(server.addRemote("db:C,Config,nope")).rejects.toThrow(expect.objectContaining({ code: "OVSDB_BAD_REMOTE" }));
  await server.addRemote("db:C,Config,remotes");
  const remotes = ["set", ["nonsense", `punix:${path}`]];
  await config.transact([{ op: "insert", table: "Config", row: { remotes } }], { remote: "test" });
  const dial = async () => {
    const client = rawClient(scope, `unix:${path}`);
    return Promise.race([
      client.closed.then(() => "refused"),
      client.call("echo", []).then(
        () => "served",
        () => "refused",
      ),
    ]);
  };
  await expect.poll(dial).toBe("served");
  await config.transact([{ op: "update", table: "Config", where: [], row: { remotes: ["set", []] } }], { remote: "test" });
  await expect.poll(dial).toBe("refused");
});

test.skipIf(!arePeersInstalled("ovs-vsctl", "openssl"))("ovs-vsctl set-manager opens remotes while the server runs", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const database = scope.use(await Database.open({ schema: OPEN_VSWITCH }));
  const authority = await makeAuthority(folder, "authority");
  const server = scope.use(new OvsdbServer([database], silentLogger, { tls: await authority.issue("server") }));
  const local = await server.listen(`punix:${join(folder, "db.sock")}`);
  await server.addRemote("db:Open_vSwitch,Open_vSwitch,manager_options");
  const vsctl = (...options: string[]) => peer(folder, "ovs-vsctl", `--db=${local}`, "--no-wait", ...options);
  const [tcp, ssl] = await freePorts(2);
  await vsctl("init", "--", "set-manager", `ptcp:${tcp}:127.0.0.1`, `pssl:${ssl}:127.0.0.1`);
  await peer(folder, "ovs-vsctl", "--retry", "--timeout=20", `--db=tcp:127.0.0.1:${tcp}`, "--no-wait", "add-br", "br0");
  const { privateKey, certificate, caCert } = await authority.issue("client");
  const tls = [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--ca-cert=${caCert}`];
  const overTls = ["--retry", "--timeout=20", `--db=ssl:127.0.0.1:${ssl}`, ...tls];
  expect(await peer(folder, "ovs-vsctl", ...overTls, "list-br")).toBe("br0\n");
  await vsctl("del-manager");
  const isServed = (): Promise<boolean> =>
    peer(folder, "ovs-vsctl", "--timeout=5", `--db=tcp:127.0.0.1:${tcp}`, "list-br").then(
      () => true,
      () => false,
    );
  await expect.poll(isServed, { timeout: 20_000 }).toBe(false);
});

test("a row with read_only gives clients that can neither write nor lock", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const columns = {
    target: { type: "string" },
    read_only: { type: "boolean" },
  } as const;
  const conn = { type: { key: { type: "uuid", refTable: "Conn" }, min: 0, max: "unlimited" } } as const;
  const tables = { Config: { isRoot: true, columns: { conn } }, Conn: { columns } } as const;
  const database = await openDatabase(scope, { schema: { name: "C", version: "1.0.0", tables } });
  const reading = join(folder, "read");
  await database.transact(
    [
      { op: "insert", table: "Conn", "uuid-name": "a", row: { target: `punix:${reading}`, read_only: true } },
      { op: "insert", table: "Config", row: { conn: ["named-uuid", "a"] } },
    ],
    { remote: "test" },
  );
  const server = scope.use(new OvsdbServer([database], silentLogger));
  await server.addRemote("db:C,Config,conn");
  const client = rawClient(scope, `unix:${reading}`);
  const { result } = await client.call("transact", ["C", { op: "delete", table: "Config", where: [] }]);
  const why = "delete operation not allowed when database server is in read only mode";
  expect(result).toEqual([{ error: "not allowed", details: why }]);
  expect((await client.call("lock", ["l"])).error).toBe("lock and unlock methods not allowed, DB server is read only.");
  expect((await client.call("transact", ["C", { op: "select", table: "Conn", where: [] }])).error).toBeNull();
});
