/** Our client on a cluster of three original servers: it follows the leader, loses nothing, does nothing twice. */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { connect, OutcomeUnknownError, type Replica } from "@tenet/ovsdb";
import { describe, expect, test } from "vitest";
import { SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { T, type TTables } from "./support/fixture-types.ts";
import { arePeersInstalled, peer } from "./support/peers.ts";
import { type Member, startCluster } from "./support/raft-cluster.ts";
import { startResumptionProxy } from "./support/resumption-proxy.ts";

const remotesOf = (members: readonly Member[]): string => members.map(({ remote }) => remote).join();
const leaderOf = (members: readonly Member[], replica: Replica<TTables>): Member | undefined =>
  members.find(({ remote }) => remote === replica.remote);

/** Adds a row of that name and one to the counter, in one transaction, once. */
async function addOnce(replica: Replica<TTables>, name: string): Promise<void> {
  const uuid = randomUUID();
  await replica.retry((transaction) => {
    if (replica.table("Root").has(uuid)) return;
    const counter = replica.find("Few", () => true);
    if (counter === undefined) throw new Error("no counter");
    transaction.verify("Few", counter._uuid, ["x"], [{ x: counter.x }]);
    transaction.update("Few", counter._uuid, { x: Number(counter.x) + 1 });
    transaction.insert("Root", { name, i: [] }, uuid);
  });
}

describe.skipIf(!arePeersInstalled("ovsdb-server", "ovsdb-tool", "ovsdb-client"))(
  "on a cluster of three original servers",
  () => {
    test("the leader is killed under load: the client goes on, no acknowledged row is lost, nothing is applied twice", async () => {
      await using scope = new Scope();
      const members = await startCluster(scope, temporaryFolder(scope), SCHEMA);
      const settings = { maxBackoffMs: 200, probeIntervalMs: 2000 };
      const replica = scope.use(await connect(remotesOf(members), T, settings, scope.signal));
      const reader = scope.use(await connect(remotesOf(members), T, { ...settings, member: "any" }, scope.signal));
      await replica.transact([replica.operations.insert("Few", { x: 0 })]);
      const leaders = [replica.remote];
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let n = 0; n < 40; n++) {
          await addOnce(replica, `writer ${writer} row ${n}`);
          if (writer > 0 || n % 15 !== 14) continue;
          const leader = leaderOf(members, replica);
          await leader?.kill();
          await expect.poll(() => replica.remote ?? leader?.remote, { timeout: 20_000 }).not.toBe(leader?.remote);
          leaders.push(replica.remote);
          await leader?.restart();
        }
      });
      await Promise.all(writers);
      const names = Array.from(replica.table("Root").values(), ({ name }) => name).sort();
      const expected = Array.from({ length: 160 }, (_, i) => `writer ${i % 4} row ${Math.floor(i / 4)}`).sort();
      expect(names).toEqual(expected);
      expect(Array.from(replica.table("Few").values(), ({ x }) => x)).toEqual([160]);
      await reader.waitFor(() => (reader.table("Root").size === 160 ? true : undefined));
      expect(leaders).toHaveLength(3);
    });

    test("what is sent when the leader dies has an unknown outcome, and the error says so", async () => {
      await using scope = new Scope();
      const members = await startCluster(scope, temporaryFolder(scope), SCHEMA);
      const replica = scope.use(await connect(remotesOf(members), T, { maxBackoffMs: 200 }, scope.signal));
      const leader = leaderOf(members, replica);
      leader?.hang(true);
      const sent = replica.transact([replica.operations.insert("Root", { name: "a" })]);
      const failed = sent.catch((reason: unknown) => reason);
      await leader?.kill();
      const error = await failed;
      expect(error).toBeInstanceOf(OutcomeUnknownError);
      expect((error as OutcomeUnknownError).message).toBe(
        `Cannot tell whether the transaction was committed: the connection to "${leader?.remote}" ended before the reply`,
      );
      await replica.transact([replica.operations.insert("Root", { name: "b" })]);
      expect(replica.find("Root", ({ name }) => name === "b")).toBeDefined();
    });

    test("a leader that hangs is left after the probe, and is not followed when it comes back", async () => {
      await using scope = new Scope();
      const members = await startCluster(scope, temporaryFolder(scope), SCHEMA);
      const settings = { maxBackoffMs: 200, probeIntervalMs: 1000, dialTimeoutMs: 500 };
      const replica = scope.use(await connect(remotesOf(members), T, settings, scope.signal));
      const old = leaderOf(members, replica);
      old?.hang(true);
      await expect.poll(() => replica.remote !== undefined && replica.remote !== old?.remote, { timeout: 20_000 }).toBe(true);
      await replica.transact([replica.operations.insert("Root", { name: "after" })]);
      old?.hang(false);
      await replica.transact([replica.operations.insert("Root", { name: "later" })]);
      expect(replica.remote).not.toBe(old?.remote);
    });

    test("a cluster that is converted is followed on, with what its new schema has", async () => {
      await using scope = new Scope();
      const folder = temporaryFolder(scope);
      const members = await startCluster(scope, folder, SCHEMA);
      const replica = scope.use(await connect(remotesOf(members), T, { maxBackoffMs: 200 }, scope.signal));
      await replica.transact([replica.operations.insert("Root", { name: "kept", r: 4 })]);
      const { remote } = replica;
      const smaller = structuredClone(SCHEMA) as { version: string; tables: { Root: { columns: { r?: Json } } } };
      smaller.version = "2.0.0";
      delete smaller.tables.Root.columns.r;
      const file = join(folder, "smaller.json");
      writeFileSync(file, JSON.stringify(smaller));
      await peer(folder, "ovsdb-client", "--timeout=20", "convert", remote ?? "", file);
      await expect.poll(() => replica.missing, { timeout: 20_000 }).toEqual(["Root.r"]);
      expect(replica.find("Root", ({ name }) => name === "kept")).toMatchObject({ r: 0 });
      await replica.transact([replica.operations.insert("Root", { name: "later" })]);
      expect([replica.table("Root").size, replica.remote]).toEqual([2, remote]);
    });

    test("after a reconnection, also to another member, only the missed rows are sent", async () => {
      await using scope = new Scope();
      const folder = temporaryFolder(scope);
      const members = await startCluster(scope, folder, SCHEMA);
      const proxies = await Promise.all(
        members.map(({ remote }, i) => startResumptionProxy(scope, join(folder, `proxy${i}.sock`), remote)),
      );
      const writer = scope.use(await connect(remotesOf(members), T, { maxBackoffMs: 200 }, scope.signal));
      const insert = (name: string) => writer.operations.insert("Root", { name });
      await writer.transact(Array.from({ length: 2000 }, (_, i) => insert(`row ${i}`)));
      await writer.transact([insert("row 2000")]); // the server forgets transactions that are larger than the database
      const through = proxies.map(({ remote }) => remote).join();
      const replica = scope.use(await connect(through, T, { member: "any", maxBackoffMs: 50 }, scope.signal));
      await replica.waitFor(() => (replica.table("Root").size === 2001 ? true : undefined));
      const first = replica.remote;
      for (const proxy of proxies) proxy.cut();
      await writer.transact([insert("missed 1"), insert("missed 2")]);
      await writer.transact([writer.operations.delete("Root", { name: "row 7" })]);
      await replica.waitFor(() => (replica.table("Root").size === 2002 && replica.isConnected ? true : undefined));
      expect(replica.remote).not.toBe(first);
      const beginnings = proxies.flatMap((proxy) => proxy.beginnings);
      expect(beginnings.filter(({ isResumed }) => !isResumed)).toEqual([{ isResumed: false, nRows: 2001 }]);
      expect(beginnings.some(({ isResumed }) => isResumed)).toBe(true);
      for (const { isResumed, nRows } of beginnings) if (isResumed) expect(nRows).toBeLessThanOrEqual(3);
    });
  },
);
