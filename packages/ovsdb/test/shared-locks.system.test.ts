/** OVSDB locks over several front ends: one owner among the clients of all, and no longer when its server is lost. */
import { randomUUID } from "node:crypto";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { type DatabaseEngine, openSharedDatabase, OvsdbServer } from "@tenet/ovsdb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cluster, layWire, startCluster } from "./support/etcd-cluster.ts";
import { type RawClient, rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled } from "./support/peers.ts";

const shared = new Scope();
let cluster: Cluster;
const OTHER: Json = { name: "Other", version: "1.0.0", tables: { X: { isRoot: true, columns: { x: { type: "integer" } } } } };

/** A front end with a client. */
async function frontEnd(scope: Scope, storage: string, schemas: readonly Json[], timeoutMs?: number): Promise<RawClient> {
  const databases: DatabaseEngine[] = [];
  for (const schema of schemas) {
    databases.push(scope.use(await openSharedDatabase({ schema, storage, ...(timeoutMs === undefined ? {} : { timeoutMs }) })));
  }
  const server = scope.use(new OvsdbServer(databases, silentLogger, { probeIntervalMs: 0 }));
  return rawClient(scope, await server.listen(`punix:${temporaryFolder(scope)}/db.sock`));
}

async function ask(client: RawClient, method: string, name: string): Promise<Json | undefined> {
  const { result, error } = await client.call(method, [name]);
  return result ?? error;
}

/** Writes only if the lock is held. @returns the error, if any */
async function write(client: RawClient, lock: string): Promise<string | undefined> {
  const insert = { op: "insert", table: "Root", row: { name: randomUUID() } };
  const { result } = await client.call("transact", ["T", { op: "assert", lock }, insert]);
  return (result as { error?: string }[]).find((each) => each?.error !== undefined)?.error;
}

describe.skipIf(!arePeersInstalled("etcd"))("locks over etcd", () => {
  let storage = "";

  beforeAll(async () => {
    cluster = await startCluster(shared, 1);
    storage = `etcd:${cluster.members[0]?.endpoint}/locks`;
  });
  afterAll(() => shared[Symbol.asyncDispose]());

  test("the client of one front end waits for the client of another, steals, and asserts only what it has", async () => {
    await using scope = new Scope();
    const place = `${storage}/${randomUUID()}`;
    const [a, b] = [await frontEnd(scope, place, [SCHEMA]), await frontEnd(scope, place, [SCHEMA])];
    expect(await ask(a, "lock", "l")).toEqual({ locked: true });
    expect(await ask(b, "lock", "l")).toEqual({ locked: false });
    expect([await write(a, "l"), await write(b, "l")]).toEqual([undefined, "not owner"]);
    expect(await ask(a, "unlock", "l")).toEqual({});
    await expect.poll(() => b.notifications()).toEqual([["locked", ["l"]]]);
    expect([await write(a, "l"), await write(b, "l")]).toEqual(["not owner", undefined]);
    expect(await ask(a, "steal", "l")).toEqual({ locked: true });
    await expect.poll(() => b.notifications()).toEqual([["stolen", ["l"]]]);
    expect([await write(a, "l"), await write(b, "l")]).toEqual([undefined, "not owner"]);
    a.close();
    await expect.poll(() => b.notifications()).toEqual([["locked", ["l"]]]);
    expect(await ask(b, "lock", "m")).toEqual({ locked: true });
  });

  test("front ends that share some of their databases share the lock, without waiting in a circle", async () => {
    await using scope = new Scope();
    const place = `${storage}/${randomUUID()}`;
    const clients = [
      await frontEnd(scope, place, [SCHEMA]),
      await frontEnd(scope, place, [SCHEMA, OTHER]),
      await frontEnd(scope, place, [OTHER, SCHEMA]),
    ];
    const answers = await Promise.all(clients.map((client) => ask(client, "lock", "l")));
    const owners: number[] = answers.flatMap((answer, i) => ((answer as { locked: boolean }).locked ? [i] : []));
    expect(owners.length).toBeLessThanOrEqual(1);
    const seen = new Set<number>();
    while (seen.size < 3) {
      const owner = owners.pop() ?? (await nextOwner(clients));
      const errors = await Promise.all(clients.map((client) => write(client, "l")));
      expect(errors.flatMap((error, i) => (error === undefined ? [i] : []))).toEqual([owner]);
      seen.add(owner);
      await ask(clients[owner] as RawClient, "unlock", "l");
    }
  });

  test("a front end that is cut off loses its locks to others, and learns of it when it is back", async () => {
    await using scope = new Scope();
    const [member] = cluster.members;
    if (member === undefined) throw new Error("no member");
    const prefix = randomUUID();
    const wire = await layWire(scope, member);
    const a = await frontEnd(scope, `etcd:${wire.endpoint}/locks/${prefix}`, [SCHEMA], 1000);
    const b = await frontEnd(scope, `${storage}/${prefix}`, [SCHEMA]);
    expect(await ask(a, "lock", "l")).toEqual({ locked: true });
    expect(await ask(b, "lock", "l")).toEqual({ locked: false });
    wire.cut();
    await expect.poll(() => b.notifications(), { timeout: 30_000 }).toEqual([["locked", ["l"]]]);
    expect(await write(a, "l")).toBe("I/O error");
    expect(await write(b, "l")).toBe(undefined);
    wire.mend();
    await expect.poll(() => a.notifications(), { timeout: 10_000 }).toEqual([["stolen", ["l"]]]);
    expect([await write(a, "l"), await write(b, "l")]).toEqual(["not owner", undefined]);
    expect(await ask(b, "unlock", "l")).toEqual({});
    await expect.poll(() => a.notifications(), { timeout: 10_000 }).toEqual([["locked", ["l"]]]);
    expect(await write(a, "l")).toBe(undefined);
  });
});

/** Who is told next that it has the lock. */
async function nextOwner(clients: readonly RawClient[]): Promise<number> {
  let owner = -1;
  const look = (): number => {
    if (owner === -1) owner = clients.findIndex((client) => client.notifications().some(isLocked));
    return owner;
  };
  await expect.poll(look).not.toBe(-1);
  return owner;
}

function isLocked(notification: Json): boolean {
  return Array.isArray(notification) && notification[0] === "locked";
}
