/** Remotes in rows: their states are told there, and their settings are followed while clients are connected. */
import { createServer } from "node:net";
import { join } from "node:path";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OvsdbServer, type Row } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { rawClient, temporaryFolder } from "./support/fixtures.ts";

const status = (row: Row | undefined) => row?.["status"] as Map<string, string>;
const COLUMN = "db:Open_vSwitch,Open_vSwitch,manager_options";

async function setUp(scope: Scope, target: string, more: object = {}) {
  const database = scope.use(await Database.open({ schema: OPEN_VSWITCH }));
  const manager = { op: "insert", table: "Manager", "uuid-name": "m", row: { target, ...more } };
  const root = { op: "insert", table: "Open_vSwitch", row: { manager_options: ["named-uuid", "m"] } };
  await database.transact([manager, root], { remote: "test" });
  const server = scope.use(new OvsdbServer([database], silentLogger));
  await server.addRemote(COLUMN);
  const row = () => [...database.table("Manager").values()][0];
  const change = (wanted: object) =>
    database.transact([{ op: "update", table: "Manager", where: [], row: wanted as { [key: string]: string } }], {
      remote: "test",
    });
  return { database, server, row, change };
}

test("the row of a remote to listen on tells its port and how many are connected", async () => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "sock");
  const { row, change } = await setUp(scope, `punix:${path}`);
  expect(row()).toMatchObject({ is_connected: false });
  expect(row()?.["status"]).toEqual(new Map(Object.entries({ sec_since_connect: "0", sec_since_disconnect: "0" })));
  for (const client of [rawClient(scope, `unix:${path}`), rawClient(scope, `unix:${path}`)]) await client.call("echo", []);
  await expect.poll(() => row()?.["is_connected"], { timeout: 5000 }).toBe(true);
  expect(status(row()).get("n_connections")).toBe("2");
  await change({ target: "ptcp:0:127.0.0.1" });
  const port = () => status(row()).get("bound_port");
  await expect.poll(port, { timeout: 5000 }).toMatch(/^[1-9]\d*$/);
});

test("the row of a remote to connect to tells its state, and the locks of who is there", async () => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "sock");
  const manager = createServer((socket) => {
    for (const [id, name] of ["one", "two"].entries()) socket.write(JSON.stringify({ method: "lock", params: [name], id }));
  });
  scope.defer(() => void manager.close());
  const { row } = await setUp(scope, `unix:${path}`);
  expect(["BACKOFF", "CONNECTING"]).toContain(status(row()).get("state"));
  await new Promise<void>((resolve) => manager.listen(path, resolve));
  await expect.poll(() => status(row()).get("state"), { timeout: 6000 }).toBe("ACTIVE");
  await expect.poll(() => status(row()).get("locks_held"), { timeout: 6000 }).toBe("one two");
  expect(row()).toMatchObject({ is_connected: true });
});

test("a changed probe interval leaves clients connected and is kept to; a remote that becomes read-only does not", async () => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "sock");
  const columns = {
    target: { type: "string" },
    inactivity_probe: { type: { key: "integer", min: 0 } },
    read_only: { type: "boolean" },
  } as const;
  const remote = { type: { key: { type: "uuid", refTable: "Conn" }, min: 0, max: "unlimited" } } as const;
  const tables = { Root: { isRoot: true, columns: { remote } }, Conn: { columns } } as const;
  const database = scope.use(await Database.open({ schema: { name: "C", version: "1.0.0", tables } }));
  const conn = { op: "insert", table: "Conn", "uuid-name": "c", row: { target: `punix:${path}` } };
  await database.transact([conn, { op: "insert", table: "Root", row: { remote: ["named-uuid", "c"] } }], { remote: "test" });
  const server = scope.use(new OvsdbServer([database], silentLogger));
  await server.addRemote("db:C,Root,remote");
  const client = rawClient(scope, `unix:${path}`);
  await client.call("echo", []);
  const change = (row: { [column: string]: number | boolean }) =>
    database.transact([{ op: "update", table: "Conn", where: [], row }], { remote: "test" });
  await change({ inactivity_probe: 300 });
  await expect.poll(() => client.notifications(), { timeout: 3000 }).toContainEqual(["echo", []]);
  await change({ inactivity_probe: 0 });
  expect((await client.call("echo", [1])).result).toEqual([1]);
  await change({ read_only: true });
  await client.closed;
  const [result] = (await rawClient(scope, `unix:${path}`).call("transact", ["C", { op: "delete", table: "Root", where: [] }]))
    .result as [object];
  expect(result).toMatchObject({ error: "not allowed" });
});

test("remotes in a database end when it is removed, and come back with it", async () => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "sock");
  const { database, server } = await setUp(scope, `punix:${path}`);
  const client = rawClient(scope, `unix:${path}`);
  await client.call("echo", []);
  await server.removeDatabase("Open_vSwitch");
  await client.closed;
  expect(server.remotes).toEqual([COLUMN]);
  await expect(rawClient(scope, `unix:${path}`).call("echo", [])).rejects.toThrow();
  await server.addDatabase(database);
  expect((await rawClient(scope, `unix:${path}`).call("echo", [2])).result).toEqual([2]);
});

test("a remote whose address is taken is served as soon as it is free", async () => {
  await using scope = new Scope();
  const path = join(temporaryFolder(scope), "sock");
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(path, resolve));
  const server = scope.use(new OvsdbServer([scope.use(await Database.open({ schema: OPEN_VSWITCH }))], silentLogger));
  await server.keepRemote(`punix:${path}`);
  expect(server.remotes).toEqual([`punix:${path}`]);
  await new Promise<void>((resolve) => other.close(() => resolve()));
  const answer = () =>
    rawClient(scope, `unix:${path}`)
      .call("echo", [3])
      .then(
        ({ result }) => result,
        () => undefined,
      );
  await expect.poll(answer, { timeout: 5000 }).toEqual([3]);
});
