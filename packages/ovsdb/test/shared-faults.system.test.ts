/** Members of the cluster and front ends are killed with -9 under load: nothing acknowledged is lost, nothing is half, nothing twice. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Json, Scope } from "@tenet/kit";
import { connect, openSharedDatabase, type Row } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { type Cluster, startCluster } from "./support/etcd-cluster.ts";
import { type RawClient, rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled } from "./support/peers.ts";

const program = fileURLToPath(new URL("./support/front-end-process.mjs", import.meta.url));
const isBuilt = existsSync(new URL("../dist/index.js", import.meta.url));
if (!isBuilt) console.log("skipped: fault tests need the built package (npx tsc -b packages/ovsdb)");
const DURATION_MS = 15_000;

/** A server as a process. */
interface FrontEnd {
  readonly remote: string;
  start(): void;
  kill(): Promise<void>;
}

function frontEnd(scope: Scope, socket: string, ...options: string[]): FrontEnd {
  let child: ChildProcess;
  const start = (): void => {
    const [schema = "", storage = "", logEntries = ""] = options;
    child = spawn(process.execPath, [program, schema, storage, socket, logEntries], { stdio: ["ignore", "ignore", "inherit"] });
  };
  start();
  scope.defer(() => void child.kill("SIGKILL"));
  return {
    remote: `unix:${socket}`,
    start,
    async kill() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}

/** What became of transactions, by the names that they gave. */
interface Outcomes {
  readonly kept: string[];
  readonly refused: string[];
  readonly unknown: string[];
}

/** A row with one that it owns, and a step of a counter that they share. */
function operationsFor(name: string): Json[] {
  const kid = { op: "insert", table: "Kid", "uuid-name": "k", row: { name } };
  const root = { op: "insert", table: "Root", row: { name, kids: ["named-uuid", "k"] } };
  const step = { op: "mutate", table: "Root", where: [["name", "==", "counter"]], mutations: [["r", "+=", 1]] };
  return [kid, root, step];
}

async function write(client: RawClient, name: string, outcomes: Outcomes): Promise<void> {
  const reply = await client.call("transact", ["T", ...operationsFor(name)]).catch(() => undefined);
  const results = (reply?.result ?? []) as readonly ({ error?: string; details?: string } | null)[];
  const failure = results.find((result) => result?.error !== undefined);
  if (reply?.result === undefined || failure?.details?.endsWith("not known") === true) outcomes.unknown.push(name);
  else if (failure === undefined) outcomes.kept.push(name);
  else {
    expect(failure).toEqual({ error: "I/O error", details: expect.stringMatching(/was not committed$/) });
    outcomes.refused.push(name);
    await sleep(100);
  }
}

/** Writes through one front end, whenever it is there. */
async function writeOn(
  scope: Scope,
  { remote }: FrontEnd,
  writer: string,
  outcomes: Outcomes,
  signal: AbortSignal,
): Promise<void> {
  for (let n = 0; !signal.aborted; ) {
    const client = rawClient(scope, remote);
    let isOpen = await client.call("echo", []).then(
      () => true,
      () => false,
    );
    void client.closed.then(() => (isOpen = false));
    while (isOpen && !signal.aborted) await write(client, `${writer} ${n++}`, outcomes);
    client.close();
    await sleep(50);
  }
}

/** Kills one after another, members and front ends, each for a moment. */
async function makeTrouble({ members }: Cluster, frontEnds: readonly FrontEnd[], untilMs: number): Promise<number> {
  let nKilled = 0;
  while (performance.now() < untilMs) {
    const pool: readonly { kill(): Promise<void>; start(): void }[] = nKilled % 2 === 0 ? members : frontEnds;
    const victim = pool[Math.floor(Math.random() * pool.length)];
    await victim?.kill();
    nKilled++;
    await sleep(300 + Math.random() * 500);
    victim?.start();
    await sleep(400 + Math.random() * 600);
  }
  return nKilled;
}

test.skipIf(!isBuilt || !arePeersInstalled("etcd"))(
  "kill -9 of members and front ends under load loses no acknowledged transaction, leaves no half one and makes none twice",
  async () => {
    await using scope = new Scope();
    const cluster = await startCluster(scope, 3);
    const folder = temporaryFolder(scope);
    const schemaFile = join(folder, "schema");
    writeFileSync(schemaFile, JSON.stringify(SCHEMA));
    const storage = `etcd:${cluster.members.map(({ endpoint }) => endpoint).join(",")}/faults`;
    const first = await openSharedDatabase({ schema: SCHEMA, storage });
    await first.transact([{ op: "insert", table: "Root", row: { name: "counter", r: 0 } }], { remote: "test" });
    await first[Symbol.asyncDispose]();
    const frontEnds = [0, 1, 2].map((n) => frontEnd(scope, join(folder, `fe${n}.sock`), schemaFile, storage, "300"));
    for (const { remote } of frontEnds)
      await expect.poll(() => existsSync(remote.slice("unix:".length)), { timeout: 10_000 }).toBe(true);
    const remotes = frontEnds.map(({ remote }) => remote).join(",");
    const stop = new AbortController();
    const outcomes: Outcomes = { kept: [], refused: [], unknown: [] };
    const replica = scope.use(await connect(remotes, { database: "T", tables: ["Root", "Kid"] }, scope.signal));
    const writers = frontEnds.flatMap((server, i) =>
      [0, 1].map((n) => writeOn(scope, server, `w${i}-${n}`, outcomes, stop.signal)),
    );
    const nKilled = await makeTrouble(cluster, frontEnds, performance.now() + DURATION_MS);
    await cluster.ready();
    await sleep(1000);
    stop.abort();
    await Promise.all(writers);
    const late = scope.use(await openSharedDatabase({ schema: SCHEMA, storage }));
    const uuidsOf = (source: { table(name: string): ReadonlyMap<string, unknown> }) => new Set(source.table("Root").keys());
    await expect.poll(() => uuidsOf(replica), { timeout: 20_000 }).toEqual(uuidsOf(late));
    const roots = [...late.table("Root").values()].filter(({ name }) => name !== "counter");
    const names = new Set(roots.map((row) => row["name"]));
    expect(outcomes.kept.filter((name) => !names.has(name))).toEqual([]);
    expect(outcomes.refused.filter((name) => names.has(name))).toEqual([]);
    expect(roots.map((row: Row) => (row["kids"] as readonly string[]).length).filter((n) => n !== 1)).toEqual([]);
    expect(late.table("Kid").size).toBe(roots.length);
    expect([...late.table("Root").values()].find(({ name }) => name === "counter")?.["r"]).toBe(roots.length);
    console.log(
      `${nKilled} killed; ${outcomes.kept.length} kept, ${outcomes.refused.length} refused, ${outcomes.unknown.length} unknown`,
    );
    expect(outcomes.kept.length).toBeGreaterThan(100);
  },
  120_000,
);
