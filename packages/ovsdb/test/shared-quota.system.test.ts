/** An etcd whose quota is used up, and what brings it back. */
import { type Json, Scope } from "@tenet/kit";
import { openSharedDatabase } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { type Cluster, startCluster } from "./support/etcd-cluster.ts";
import { SCHEMA, TESTER } from "./support/fixtures.ts";
import { arePeersInstalled } from "./support/peers.ts";

const QUOTA_BYTES = 4 * 1024 * 1024;
const JUNK = { key: btoa("other"), value: btoa("x".repeat(512 * 1024)) };

/** Somebody else fills etcd with old values of one key. */
async function fill(cluster: Cluster): Promise<void> {
  for (let n = 0; n < 50; n++) {
    try {
      await cluster.request("kv/put", JUNK);
    } catch (error) {
      expect(String((error as AggregateError).errors)).toContain("database space exceeded");
      return;
    }
  }
  throw new Error("the quota holds more than it should");
}

/** What an administrator does: etcdctl compact, defrag, alarm disarm. */
async function freeSpace(cluster: Cluster): Promise<void> {
  const { header } = await cluster.request("kv/range", { key: JUNK.key });
  await cluster.request("kv/compaction", { revision: (header as { readonly revision: string }).revision, physical: true });
  await cluster.request("maintenance/defragment", {});
  const { alarms } = await cluster.request("maintenance/alarm", { action: "GET" });
  for (const alarm of alarms as readonly object[]) await cluster.request("maintenance/alarm", { action: "DEACTIVATE", ...alarm });
}

test.skipIf(!arePeersInstalled("etcd"))(
  "when etcd's quota is used up writes fail and say so, reads go on; when there is space again all goes on by itself",
  { timeout: 60_000 },
  async () => {
    await using scope = new Scope();
    const cluster = await startCluster(scope, 1, [`--quota-backend-bytes=${QUOTA_BYTES}`]);
    const storage = `etcd:http://${cluster.members[0]?.endpoint}/quota`;
    const database = scope.use(await openSharedDatabase({ schema: SCHEMA, storage }));
    const insert = (name: string): Promise<Json[]> => database.transact([{ op: "insert", table: "Root", row: { name } }], TESTER);
    const inserted = [{ uuid: ["uuid", expect.any(String)] }];
    expect(await insert("before")).toEqual(inserted);
    await fill(cluster);
    const why = /database space exceeded.*not committed.*etcdctl alarm disarm/;
    expect(await insert("refused")).toEqual([...inserted, { error: "I/O error", details: expect.stringMatching(why) }]);
    const names = { op: "select", table: "Root", where: [], columns: ["name"] };
    expect(await database.transact([names], TESTER)).toEqual([{ rows: [{ name: "before" }] }]);
    await freeSpace(cluster);
    expect(await insert("after")).toEqual(inserted);
    expect(await database.transact([names], TESTER)).toEqual([{ rows: [{ name: "before" }, { name: "after" }] }]);
  },
);
