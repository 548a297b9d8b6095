/** Our relays in front of a cluster of three original servers, of which one after the other dies. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { connect, OvsdbServer, parseRelay, RelayDatabase } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { rawClient, SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { T } from "./support/fixture-types.ts";
import { arePeersInstalled } from "./support/peers.ts";
import { startCluster } from "./support/raft-cluster.ts";

const ZERO = "00000000-0000-0000-0000-000000000000";

test.skipIf(!arePeersInstalled("ovsdb-server", "ovsdb-tool", "ovsdb-client"))(
  "a client of two relays loses nothing and does nothing twice while members die, and changes relays at its version",
  async () => {
    await using scope = new Scope();
    const members = await startCluster(scope, temporaryFolder(scope), SCHEMA);
    const remotes = members.map(({ remote }) => remote);
    const relays: { address: string; database: RelayDatabase; server: OvsdbServer }[] = [];
    for (const order of [remotes, remotes.toReversed()]) {
      const database = new RelayDatabase(parseRelay(`relay:T:${order.join()}`), { maxBackoffMs: 200, probeIntervalMs: 2000 });
      scope.defer(() => {
        database.close();
        return database.ended;
      });
      const server = scope.use(new OvsdbServer([database], silentLogger));
      relays.push({ address: await server.listen(`punix:${join(temporaryFolder(scope), "relay.sock")}`), database, server });
    }
    const settings = { maxBackoffMs: 200, probeIntervalMs: 2000 };
    const replica = scope.use(await connect(relays.map(({ address }) => address).join(), T, settings, scope.signal));
    for (let n = 0; n < 60; n++) {
      const uuid = randomUUID();
      await replica.retry((transaction) => {
        if (!replica.table("Root").has(uuid)) transaction.insert("Root", { name: `row ${n}`, i: [] }, uuid);
      });
      if (n % 20 !== 9) continue;
      const member = members[Math.floor(n / 20)];
      await member?.kill();
      await member?.restart();
    }
    for (const { database } of relays) {
      await expect.poll(() => database.table("Root").size, { timeout: 10_000 }).toBe(60);
    }
    expect(Array.from(replica.table("Root").values(), ({ name }) => name).toSorted()).toEqual(
      Array.from({ length: 60 }, (_, n) => `row ${n}`).toSorted(),
    );

    const [one, other] = relays.map(({ address }) => rawClient(scope, address));
    const requests: Json = { Root: [{ columns: ["name"] }] };
    const { result } = (await one?.call("monitor_cond_since", ["T", "m", requests, ZERO])) ?? {};
    const [, version = null] = result as Json[];
    await replica.transact([replica.operations.insert("Root", { name: "last" })]);
    await expect.poll(() => relays.map(({ database }) => database.table("Root").size)).toEqual([61, 61]);
    const { result: resumed } = (await other?.call("monitor_cond_since", ["T", "m", requests, version])) ?? {};
    const [isFound, , updates = null] = resumed as Json[];
    expect([isFound, Object.keys((updates as { Root: object }).Root).length]).toEqual([true, 1]);
  },
);
