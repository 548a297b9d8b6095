/** Several front ends over one etcd cluster of three members: what one server promises, all of them promise together. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Json, Scope } from "@tenet/kit";
import {
  type DatabaseEngine,
  ZERO_UUID,
  openSharedDatabase,
  type SharedDatabase,
  type SharedDatabaseOptions,
} from "@tenet/ovsdb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeAuthority } from "./support/certificates.ts";
import { type Cluster, layWire, startCluster, startSecureMember, type Wire } from "./support/etcd-cluster.ts";
import { type RawClient, rawClient, SCHEMA, serve, temporaryFolder, TESTER } from "./support/fixtures.ts";
import { arePeersInstalled } from "./support/peers.ts";

const shared = new Scope();
let cluster: Cluster;
let nPrefixes = 0;

/** A place in the cluster that no other test has. */
function newPlace(endpoints: readonly string[] = cluster.members.map(({ endpoint }) => endpoint)): string {
  return `etcd:${endpoints.join(",")}/test/${nPrefixes++}`;
}

async function open(scope: Scope, storage: string, options: Partial<SharedDatabaseOptions> = {}): Promise<SharedDatabase> {
  return scope.use(await openSharedDatabase({ schema: SCHEMA, storage, ...options }));
}

async function openThree(scope: Scope, options: Partial<SharedDatabaseOptions> = {}): Promise<[string, SharedDatabase[]]> {
  const storage = newPlace();
  return [storage, await Promise.all([0, 1, 2].map(() => open(scope, storage, options)))];
}

const errorsOf = (results: readonly Json[]): string[] =>
  results.flatMap((result) => {
    const { error } = (result ?? {}) as { error?: string };
    return error === undefined ? [] : [error];
  });

/** Everything that clients can see, `_version` too. */
function contentOf(database: DatabaseEngine): object {
  const tables = [...database.schema.tables.keys()].map((name) => {
    const rows = [...database.table(name).values()].toSorted((a, b) => (a._uuid < b._uuid ? -1 : 1));
    return [name, rows];
  });
  return { version: database.version, tables };
}

/** Waits until all front ends have the same, and checks that one that starts now has it too. */
async function settleAlike(scope: Scope, storage: string, databases: readonly SharedDatabase[]): Promise<SharedDatabase> {
  const late = await open(scope, storage);
  for (const database of databases) await expect.poll(() => contentOf(database), { timeout: 10_000 }).toEqual(contentOf(late));
  return late;
}

/** The same place, over wires. */
function through(wires: readonly Wire[], storage: string): string {
  return storage.replace(/:[^/]*\//, `:${wires.map(({ endpoint }) => endpoint).join(",")}/`);
}

/** Lets etcd forget all but the present values. */
async function forgetRevisions(): Promise<void> {
  const { header } = (await cluster.request("kv/range", { key: "YQ==" })) as { header: { revision: string } };
  await cluster.request("kv/compaction", { revision: header.revision, physical: true });
}

const insertRoot = (name: string, more: { readonly [column: string]: Json } = {}): Json => {
  return { op: "insert", table: "Root", row: { name, ...more } };
};

describe.skipIf(!arePeersInstalled("etcd"))("front ends over etcd", () => {
  beforeAll(async () => {
    cluster = await startCluster(shared, 3);
  });
  afterAll(() => shared[Symbol.asyncDispose]());

  test("a counter that three front ends raise by wait and update loses no step", async () => {
    await using scope = new Scope();
    const [storage, databases] = await openThree(scope);
    await databases[0]?.transact([insertRoot("counter", { r: 0 })], TESTER);
    const where = [["name", "==", "counter"]];
    const raise = async (database: SharedDatabase): Promise<void> => {
      for (let nDone = 0; nDone < 40; ) {
        const by = { remote: "raiser" };
        const read = { op: "select", table: "Root", where, columns: ["r"] };
        const [{ rows }] = (await database.transact([read], by)) as unknown as [{ rows: { r: number }[] }];
        const r = rows[0]?.r;
        if (r === undefined) continue;
        const wait = { op: "wait", timeout: 0, table: "Root", where, columns: ["r"], until: "==", rows: [{ r }] };
        const errors = errorsOf(await database.transact([wait, { op: "update", table: "Root", where, row: { r: r + 1 } }], by));
        if (errors.length === 0) nDone++;
        else expect(errors).toEqual(["timed out"]);
      }
    };
    await Promise.all(databases.flatMap((database) => [raise(database), raise(database)]));
    const late = await settleAlike(scope, storage, databases);
    expect([...late.table("Root").values()].map(({ r }) => r)).toEqual([240]);
  });

  test("changes that need no look are all made, whoever makes them", async () => {
    await using scope = new Scope();
    const [storage, databases] = await openThree(scope);
    await databases[0]?.transact([insertRoot("sum", { r: 0 })], TESTER);
    const add = { op: "mutate", table: "Root", where: [["name", "==", "sum"]], mutations: [["r", "+=", 1]] };
    await settleAlike(scope, storage, databases);
    const adders = databases.flatMap((database) => Array.from({ length: 10 }, () => database));
    const all = await Promise.all(
      adders.map(async (database) => {
        for (let n = 0; n < 20; n++) expect(await database.transact([add], TESTER)).toEqual([{ count: 1 }]);
      }),
    );
    const late = await settleAlike(scope, storage, databases);
    expect([...late.table("Root").values()].map(({ r }) => r)).toEqual([all.length * 20]);
  });

  test("of racing inserts of one name one succeeds, and a table never has more rows than it may", async () => {
    await using scope = new Scope();
    const [storage, databases] = await openThree(scope);
    const names = Array.from({ length: 30 }, (_, n) => `row ${n}`);
    const outcomes = await Promise.all(
      databases.map((database) =>
        Promise.all(names.map(async (name) => errorsOf(await database.transact([insertRoot(name)], TESTER)))),
      ),
    );
    for (const i of names.keys()) {
      const errors = outcomes.map((outcome) => outcome[i]?.join()).toSorted();
      expect(errors).toEqual(["", "constraint violation", "constraint violation"]);
    }
    const few = { op: "insert", table: "Few", row: { x: 1 } };
    const fewErrors = await Promise.all(
      [...databases, ...databases].map(async (database) => errorsOf(await database.transact([few], TESTER))),
    );
    expect(fewErrors.flat()).toEqual(Array.from({ length: 4 }, () => "constraint violation"));
    const late = await settleAlike(scope, storage, databases);
    expect(late.table("Root").size).toBe(30);
    expect(late.table("Few").size).toBe(2);
  });

  test("references never dangle and nobody keeps what nobody refers to, while three front ends link and unlink", async () => {
    await using scope = new Scope();
    const [storage, databases] = await openThree(scope);
    await databases[0]?.transact([insertRoot("a"), insertRoot("b"), insertRoot("c")], TESTER);
    await settleAlike(scope, storage, databases);
    const errors: string[] = [];
    const play = async (database: SharedDatabase, player: number): Promise<void> => {
      for (let n = 0; n < 50; n++) {
        const kids = [...database.table("Kid").keys()];
        const kid = kids[Math.floor(Math.random() * kids.length)];
        const name = "abc"[Math.floor(Math.random() * 3)] ?? "a";
        const link = (mutator: string, uuid: Json): Json => {
          return {
            op: "mutate",
            table: "Root",
            where: [["name", "==", name]],
            mutations: [
              ["kids", mutator, uuid],
              ["pals", mutator, uuid],
            ],
          };
        };
        const make = { op: "insert", table: "Kid", "uuid-name": "kid", row: { name: `${player}`, n } };
        const move = kid === undefined ? [] : [link(n % 3 === 1 ? "insert" : "delete", ["uuid", kid])];
        const operations = n % 3 === 0 || move.length === 0 ? [make, link("insert", ["named-uuid", "kid"])] : move;
        errors.push(...errorsOf(await database.transact(operations, TESTER)));
      }
    };
    await Promise.all(databases.map(play));
    expect(errors.filter((error) => error !== "referential integrity violation")).toEqual([]);
    const late = await settleAlike(scope, storage, databases);
    const referred = [...late.table("Root").values()].flatMap((row) => row["kids"] as readonly string[]);
    expect(new Set(referred)).toEqual(new Set(late.table("Kid").keys()));
    const weak = [...late.table("Root").values()].flatMap((row) => row["pals"] as readonly string[]);
    expect(weak.filter((uuid) => !late.table("Kid").has(uuid))).toEqual([]);
  });

  test("of transactions that the judge allows only one of one passes, on one front end or on several", async () => {
    await using scope = new Scope();
    const [storage, databases] = await openThree(scope);
    for (const database of databases) {
      let nKept = 0; // as a policy engine, the judge knows what was committed
      database.onCommit(() => nKept++);
      database.judge = () => (nKept > 0 ? { error: "policy violation", details: "one only" } : undefined);
    }
    const outcomes = await Promise.all(
      [...databases, ...databases].map(async (database, i) =>
        errorsOf(await database.transact([insertRoot(`row ${i}`)], TESTER)),
      ),
    );
    expect(outcomes.flat()).toEqual(Array.from({ length: 5 }, () => "policy violation"));
    expect((await settleAlike(scope, storage, databases)).table("Root").size).toBe(1);
  });

  test("a wait ends when another front end makes what it waits for", async () => {
    await using scope = new Scope();
    const [, [first, second]] = await openThree(scope);
    const where = [["name", "==", "awaited"]];
    const wait = { op: "wait", table: "Root", where, columns: ["name"], until: "==", rows: [{ name: "awaited" }] };
    const waiting = second?.transact([wait, { op: "update", table: "Root", where, row: { b: true } }], TESTER);
    await first?.transact([insertRoot("awaited")], TESTER);
    expect(await waiting).toEqual([{}, { count: 1 }]);
  });

  test("what one front end has answered, the next transaction on another takes into account", async () => {
    await using scope = new Scope();
    const [, databases] = await openThree(scope);
    for (let n = 0; n < 40; n++) {
      const [writer, other] = [databases[n % 3], databases[(n + 1) % 3]];
      const where = [["name", "==", `row ${n}`]];
      await writer?.transact([insertRoot(`row ${n}`)], TESTER);
      const wait = { op: "wait", timeout: 0, table: "Root", where, columns: ["name"], until: "!=", rows: [] };
      expect(await other?.transact([wait, { op: "update", table: "Root", where, row: { b: true } }], TESTER)).toEqual([
        {},
        { count: 1 },
      ]);
    }
  });

  test("commits have the same versions, identities and comments on all front ends, and a restart finds them again", async () => {
    await using scope = new Scope();
    const [storage, [first, second]] = await openThree(scope);
    const by = { remote: "unix:/run/x y#3", pid: 77, process: "ovn-nbctl", uid: 0 };
    await first?.transact(
      [
        insertRoot("one", { eph: 5, m: ["map", [["big", (2n ** 62n) as unknown as number]]] }),
        { op: "comment", comment: "first\nsecond" },
      ],
      by,
    );
    const version = first?.version ?? "";
    await first?.transact([insertRoot("two")], TESTER);
    await expect.poll(() => second?.history()).toEqual(first?.history());
    const late = await open(scope, storage);
    expect(late.history()).toEqual(first?.history());
    expect(late.history()[0]).toEqual(expect.objectContaining({ comment: "first\nsecond", by }));
    expect(late.historySince(version)).toHaveLength(1);
  });

  test("a client that moves to another front end gets just what it missed, and _Server tells how far each is", async () => {
    await using scope = new Scope();
    const storage = newPlace();
    const databases = [await open(scope, storage), await open(scope, storage)];
    const clients: RawClient[] = [];
    for (const database of databases) clients.push(rawClient(scope, await serve(scope, [database])));
    const [one, two] = clients;
    const monitor = (client: RawClient | undefined, since: string) =>
      client?.call("monitor_cond_since", ["T", null, { Root: [{ columns: ["name"] }] }, since]).then(({ result }) => result);
    const first = (await monitor(one, ZERO_UUID)) as [boolean, string, Json];
    expect(first).toEqual([false, databases[0]?.version, {}]);
    await databases[0]?.transact([insertRoot("missed")], TESTER);
    await expect.poll(() => databases[1]?.version).toBe(databases[0]?.version);
    const [found, version, updates] = (await monitor(two, first[1])) as [boolean, string, { Root: { [uuid: string]: Json } }];
    expect([found, version]).toEqual([true, databases[0]?.version]);
    expect(Object.values(updates.Root)).toEqual([{ insert: { name: "missed" } }]);
    const columns = ["model", "connected", "leader", "cid", "index"];
    const about = { op: "select", table: "Database", where: [["name", "==", "T"]], columns };
    const cid = ["uuid", databases[0]?.status.clusterId];
    const row = { model: "clustered", connected: true, leader: true, cid, index: 1 };
    const told = (client: RawClient | undefined) => client?.call("transact", ["_Server", about]).then(({ result }) => result);
    for (const client of clients) await expect.poll(() => told(client)).toEqual([{ rows: [row] }]);
  });

  test("a transaction larger than a request to etcd may be is kept whole", async () => {
    await using scope = new Scope();
    const [storage, databases] = await openThree(scope);
    const noise = () => Array.from({ length: 100_000 }, () => Math.random().toString(36).slice(2)).join("");
    const rows = [0, 1, 2, 3, 4].map((n) => insertRoot(`large ${n}`, { imm: noise() }));
    expect(errorsOf((await databases[1]?.transact(rows, TESTER)) ?? [])).toEqual([]);
    expect((await settleAlike(scope, storage, databases)).table("Root").size).toBe(5);
  });

  test("a conversion on one front end reaches all, and what the content does not allow changes none", async () => {
    await using scope = new Scope();
    const [storage, databases] = await openThree(scope);
    const [first, second, third] = databases;
    await first?.transact([insertRoot("kept", { imm: "gone" })], TESTER);
    const { tables } = SCHEMA as { tables: { Root: { columns: { [name: string]: Json } } } };
    const { imm: _gone, ...columns } = tables.Root.columns;
    const next = (more: { [name: string]: Json }): Json => {
      return { name: "T", version: "1.1.0", tables: { ...tables, Root: { ...tables.Root, columns: { ...columns, ...more } } } };
    };
    const converted: string[] = [];
    third?.onConvert(() => void converted.push(third.schema.version));
    await expect(second?.convert(next({ name: { type: "boolean" } }), TESTER)).rejects.toThrow(/expected boolean/);
    await Promise.all([
      second?.convert(next({ colour: { type: "string" } }), TESTER),
      ...["x", "y", "z"].map((name) => first?.transact([insertRoot(name)], TESTER)),
    ]);
    const late = await settleAlike(scope, storage, databases);
    expect(converted).toEqual(["1.1.0"]);
    expect(late.schema.version).toBe("1.1.0");
    expect(late.table("Root").size).toBe(4);
    expect([...late.table("Root").values()][0]).toHaveProperty("colour", "");
  });

  test("the log is compacted as it grows, and leaves the latest history", async () => {
    await using scope = new Scope();
    const logLimits = { entries: 40, bytes: 1e9 };
    const [storage, databases] = await openThree(scope, { logLimits });
    await databases[0]?.locks.claim("l", "claim", false);
    for (let n = 0; n < 150; n++) await databases[n % 3]?.transact([insertRoot(`row ${n}`)], TESTER);
    await settleAlike(scope, storage, databases);
    const key = (text: string) => Buffer.from(text).toString("base64");
    const folder = storage.slice(storage.indexOf("/") + 1);
    const counts = async () => {
      const range = { key: key(`${folder}/T/log/`), range_end: key(`${folder}/T/log0`), count_only: true };
      return Number((await cluster.request("kv/range", range))["count"]);
    };
    await expect.poll(counts).toBeLessThan(80);
    const isForgotten = () =>
      cluster.request("kv/range", { key: "YQ==", revision: "2" }).then(
        () => false,
        () => true,
      );
    await expect.poll(isForgotten).toBe(true);
    const late = await open(scope, storage);
    expect(late.table("Root").size).toBe(150);
    expect(late.locks.isOwner("l", "claim")).toBe(true);
    expect(late.history().length).toBeGreaterThan(10);
    expect(late.history().at(-1)).toEqual(databases[0]?.history().at(-1));
  });

  test("a front end that was away while log and etcd were compacted reads everything anew, and tells what changed", async () => {
    await using scope = new Scope();
    const storage = newPlace();
    const wires = await Promise.all(cluster.members.map((member) => layWire(scope, member)));
    const away = await open(scope, through(wires, storage), { timeoutMs: 1000 });
    const here = await open(scope, storage, { logLimits: { entries: 10, bytes: 1e9 } });
    await here.transact([insertRoot("old"), insertRoot("other")], TESTER);
    await expect.poll(() => away.table("Root").size).toBe(2);
    for (const wire of wires) wire.cut();
    await expect.poll(() => away.status.isConnected, { timeout: 10_000 }).toBe(false);
    const told: number[] = [];
    away.onCommit(({ changes }) => told.push(changes.length));
    await here.transact([{ op: "delete", table: "Root", where: [["name", "==", "old"]] }], TESTER);
    for (let n = 0; n < 60; n++) await here.transact([insertRoot(`row ${n}`)], TESTER);
    await here.compact();
    await forgetRevisions();
    for (const wire of wires) wire.mend();
    await expect.poll(() => contentOf(away), { timeout: 10_000 }).toEqual(contentOf(here));
    expect(told).toEqual([61]);
    expect(errorsOf(await away.transact([insertRoot("back")], TESTER))).toEqual([]);
    await expect.poll(() => contentOf(here)).toEqual(contentOf(away));
  });

  test("a watch from a revision that etcd has forgotten begins anew, and each commit is told", async () => {
    await using scope = new Scope();
    const storage = newPlace();
    const wires = await Promise.all(cluster.members.map((member) => layWire(scope, member)));
    const away = await open(scope, through(wires, storage));
    const here = await open(scope, storage);
    await here.transact([insertRoot("first")], TESTER);
    await expect.poll(() => away.table("Root").size).toBe(1);
    for (const wire of wires) wire.cut();
    for (let n = 0; n < 40; n++) await here.transact([insertRoot(`row ${n}`)], TESTER);
    await forgetRevisions();
    for (const wire of wires) wire.mend();
    await expect.poll(() => contentOf(away), { timeout: 10_000 }).toEqual(contentOf(here));
    expect(away.history()).toEqual(here.history());
    await here.transact([insertRoot("last")], TESTER);
    await expect.poll(() => contentOf(away), { timeout: 900 }).toEqual(contentOf(here));
  });

  test("a commit whose answer is lost counts once, and is answered with success", async () => {
    await using scope = new Scope();
    const storage = newPlace();
    const [member, other] = cluster.members;
    if (member === undefined || other === undefined) throw new Error("no members");
    const wire = await layWire(scope, member);
    const database = await open(scope, through([wire], storage));
    const rival = await open(scope, storage);
    await database.transact([insertRoot("sum", { r: 0 })], TESTER);
    const add = { op: "mutate", table: "Root", where: [["name", "==", "sum"]], mutations: [["r", "+=", 1]] };
    for (let n = 0; n < 10; n++) {
      wire.swallowAnswers();
      const answer = database.transact([add], TESTER);
      const rivals = n % 2 === 0 ? rival.transact([add], TESTER) : undefined;
      await sleep(100);
      wire.mend();
      expect(await answer).toEqual([{ count: 1 }]);
      expect(errorsOf((await rivals) ?? [])).toEqual([]);
    }
    const late = await settleAlike(scope, storage, [database, rival]);
    expect([...late.table("Root").values()].map(({ r }) => r)).toEqual([15]);
  });

  test("a front end far from etcd, and one with a large transaction, get their turn beside one that never rests", async () => {
    await using scope = new Scope();
    const storage = newPlace();
    const [member] = cluster.members;
    if (member === undefined) throw new Error("no members");
    const wire = await layWire(scope, member);
    const far = await open(scope, through([wire], storage));
    const near = await open(scope, storage);
    await near.transact([insertRoot("sum", { r: 0 })], TESTER);
    wire.delay(40);
    const add = { op: "mutate", table: "Root", where: [["name", "==", "sum"]], mutations: [["r", "+=", 1]] };
    let isOver = false;
    let nNear = 0;
    const rush = async (): Promise<void> => {
      for (; !isOver; nNear++) expect(await near.transact([add], TESTER)).toEqual([{ count: 1 }]);
    };
    const rushing = [rush(), rush(), rush()];
    for (let n = 0; n < 5; n++) expect(await far.transact([add], TESTER)).toEqual([{ count: 1 }]);
    const noise = Array.from({ length: 300_000 }, () => Math.random().toString(36).slice(2)).join("");
    expect(errorsOf(await far.transact([insertRoot("large", { imm: noise })], TESTER))).toEqual([]);
    isOver = true;
    await Promise.all(rushing);
    const late = await settleAlike(scope, storage, [far, near]);
    expect([...late.table("Root").values()].find(({ name }) => name === "sum")?.["r"]).toBe(nNear + 5);
  });

  test("without a majority writes fail in time and reads go on; with one again all works by itself", async () => {
    await using scope = new Scope();
    const [storage, databases] = await openThree(scope, { timeoutMs: 2000 });
    const [first] = databases;
    if (first === undefined) throw new Error("no database");
    await first.transact([insertRoot("before")], TESTER);
    const stopped = cluster.members.slice(0, 2);
    for (const member of stopped) member.pause();
    shared.defer(() => stopped.forEach((member) => member.resume()));
    try {
      const failures = await first.transact([insertRoot("during")], TESTER);
      expect(failures.at(-1)).toEqual({
        error: "I/O error",
        details: expect.stringMatching(/^etcd at .* whether the transaction was committed is not known$/),
      });
      expect(first.status.isConnected).toBe(false);
      const refused = await first.transact([insertRoot("never")], TESTER);
      const details = "the etcd cluster cannot be reached; the transaction was not committed";
      expect(refused.at(-1)).toEqual({ error: "I/O error", details });
      const [read] = await first.transact([{ op: "select", table: "Root", where: [], columns: ["name"] }], TESTER);
      expect(read).toEqual({ rows: [{ name: "before" }] });
    } finally {
      for (const member of stopped) member.resume();
    }
    await expect.poll(() => first.status.isConnected, { timeout: 20_000 }).toBe(true);
    expect(errorsOf(await first.transact([insertRoot("after")], TESTER))).toEqual([]);
    const late = await settleAlike(scope, storage, databases);
    const names = [...late.table("Root").values()].map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["before", "after"]));
    expect(names).not.toContain("never");
  });
});

test.skipIf(!arePeersInstalled("etcd", "openssl"))("with certificates etcd is reached over TLS, and not without", async () => {
  await using scope = new Scope();
  const authority = await makeAuthority(temporaryFolder(scope), "ca");
  const files = await authority.issue("both");
  const storage = `etcd:${await startSecureMember(scope, files)}/secure`;
  await expect(openSharedDatabase({ schema: SCHEMA, storage, timeoutMs: 500 })).rejects.toThrow(/cannot be reached/);
  const database = await open(scope, storage, { tls: files });
  expect(errorsOf(await database.transact([insertRoot("secret")], TESTER))).toEqual([]);
  expect((await open(scope, storage, { tls: files })).table("Root").size).toBe(1);
});

test.each([
  ["etcd:127.0.0.1:2379", "it has no prefix"],
  ["etcd:https://a:1,https://b:2/", "it has no prefix"],
  ["etcd:127.0.0.1/x", '"127.0.0.1" is not HOST:PORT'],
  ["etcd:a:1,,b:2/x", '"" is not HOST:PORT'],
  ["file:/x", "it is not etcd:ENDPOINTS/PREFIX"],
])("the place %s is refused", async (storage, why) => {
  await expect(openSharedDatabase({ schema: SCHEMA, storage })).rejects.toThrow(why);
});
