/** OVSDB locks over several front ends: one owner among the clients of all, and no longer when its server is lost. */
import { randomUUID } from "node:crypto";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { type DatabaseEngine, openSharedDatabase, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer } from "@tenet/ovsdb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cluster, layWire, startCluster } from "./support/etcd-cluster.ts";
import { type RawClient, rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, backgroundPeer, peer } from "./support/peers.ts";

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

test.skipIf(!arePeersInstalled("etcd", "ovn-northd", "ovn-nbctl", "ovs-appctl"))(
  "of two ovn-northd on two front ends one is active, and the other when that front end stops",
  async () => {
    await using scope = new Scope();
    const one = await startCluster(scope, 1);
    const storage = `etcd:${one.members[0]?.endpoint}/northd`;
    const servers = await Promise.all([northdOn(scope, storage), northdOn(scope, storage)]);
    const statuses = () => Promise.all(servers.map(({ status }) => status()));
    await expect.poll(async () => (await statuses()).toSorted(), { timeout: 10_000 }).toEqual(["active", "standby"]);
    const active = (await statuses()).indexOf("active");
    const [first, second] = [servers[active], servers[1 - active]];
    await peer(second?.folder ?? "", "ovn-nbctl", `--db=${second?.remote}`, "ls-add", "sw0");
    const datapaths = () => second?.southbound.table("Datapath_Binding").size;
    await expect.poll(datapaths, { timeout: 10_000 }).toBe(1);
    await first?.stop();
    await expect.poll(() => second?.status(), { timeout: 20_000 }).toBe("active");
    await peer(second?.folder ?? "", "ovn-nbctl", `--db=${second?.remote}`, "ls-add", "sw1");
    await expect.poll(datapaths, { timeout: 10_000 }).toBe(2);
  },
);

/** A front end of both databases with an `ovn-northd` of its own. */
async function northdOn(outer: Scope, storage: string) {
  const scope = outer.use(new Scope());
  const folder = temporaryFolder(scope);
  const northbound = scope.use(await openSharedDatabase({ schema: OVN_NORTHBOUND, storage }));
  const southbound = scope.use(await openSharedDatabase({ schema: OVN_SOUTHBOUND, storage }));
  const server = scope.use(new OvsdbServer([northbound, southbound], silentLogger));
  const remote = await server.listen(`punix:${folder}/db.sock`);
  const control = `${folder}/northd.ctl`;
  const remotes = [`--ovnnb-db=${remote}`, `--ovnsb-db=${remote}`];
  backgroundPeer(outer, folder, "ovn-northd", ...remotes, `--unixctl=${control}`, "-vconsole:off");
  const status = async (): Promise<string> => {
    const text = await peer(folder, "ovs-appctl", "-t", control, "status").catch(() => "");
    return text.replace("Status: ", "").trim();
  };
  return { folder, remote, southbound, status, stop: () => scope[Symbol.asyncDispose]() };
}

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
