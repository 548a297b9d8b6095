/** Active/backup pairs of ours and of the original, in all pairings, with real clients and a writer during fail-over. */
import { Scope } from "@tenet/kit";
import { OVN_NORTHBOUND } from "@tenet/ovsdb";
import { describe, expect, test } from "vitest";
import { type RawClient, rawClient, temporaryFolder } from "./support/fixtures.ts";
import { contentOf, original, originalOf, own, ownOf, PAIR_PEERS, replicates } from "./support/pair.ts";
import { arePeersInstalled, failingPeer, peer } from "./support/peers.ts";
import { ask, insert } from "./support/relay.ts";

const READ_ONLY = "insert operation not allowed when database server is in read only mode";
const PAIRS = [
  ["ours", own, "ours", own],
  ["ours", own, "the original's", original],
  ["the original's", original, "ours", own],
  ["the original's", original, "the original's", original],
] as const;

/** Writes rows one after the other until it is refused or cut off. @returns what was acknowledged */
async function writeUntilCut(client: RawClient, prefix: string, acknowledged: string[]): Promise<void> {
  for (let n = 0; ; n++) {
    const name = `${prefix} ${n}`;
    const kid = { op: "insert", table: "Kid", "uuid-name": "kid", row: { name, n } };
    const m = [
      "map",
      [
        ["n", n],
        [name.slice(0, 5), 1],
      ],
    ];
    const root = { op: "insert", table: "Root", row: { name, kids: ["named-uuid", "kid"], m, eph: n, e: ["set", ["red"]] } };
    const grow = {
      op: "mutate",
      table: "Root",
      where: [["name", "==", `${prefix} ${n - 1}`]],
      mutations: [
        ["m", "insert", ["map", [["x", n]]]],
        ["e", "insert", "blue"],
      ],
    };
    const remove = { op: "delete", table: "Few", where: [["x", "<", n]] };
    const add = { op: "insert", table: "Few", row: { x: n } };
    try {
      const result = await ask(client, kid, root, grow, remove, add);
      if (JSON.stringify(result).includes('"error"')) throw new Error(JSON.stringify(result));
    } catch {
      return;
    }
    acknowledged.push(name);
  }
}

describe.skipIf(!arePeersInstalled(...PAIR_PEERS))("a pair", () => {
  for (const [activeName, startActive, backupName, startBackup] of PAIRS) {
    test(`${activeName} fails while it is written, ${backupName} takes over`, async () => {
      await using scope = new Scope();
      const active = await startActive(scope);
      await ask(rawClient(scope, active.address), insert("from before"));
      const backup = await startBackup(scope, `--sync-from=${active.address}`);
      await replicates(backup);
      const reader = rawClient(scope, backup.address);
      expect(await ask(reader, insert("refused"))).toEqual([{ error: "not allowed", details: READ_ONLY }]);
      expect((await reader.call("lock", ["l"])).error).toBe("lock and unlock methods not allowed, DB server is read only.");
      const first = await reader.call("monitor", ["T", "m", { Root: { columns: ["name"] } }]);
      expect(JSON.stringify(first.result)).toContain("from before");

      const acknowledged: string[] = [];
      const writing = writeUntilCut(rawClient(scope, active.address), "one", acknowledged);
      let told = "";
      await expect
        .poll(() => (told += JSON.stringify(reader.notifications())), { interval: 5, timeout: 10_000 })
        .toContain("one 100");
      const replicated = acknowledged.filter((name) => told.includes(`"${name}"`)); // acknowledged, and seen at the backup
      await active.kill();
      await writing;
      await backup.appctl("ovsdb-server/disconnect-active-ovsdb-server");
      expect(await backup.appctl("ovsdb-server/sync-status")).toBe("state: active\n");
      if (startBackup === own) await reader.closed; // as the manual page says, so that its locks are asked for anew

      const kept = await contentOf(scope, backup);
      expect(kept).toContain("from before");
      for (const name of replicated) expect(kept).toContain(`"${name}"`);
      const more: string[] = [];
      const client = rawClient(scope, backup.address);
      const writingMore = writeUntilCut(client, "two", more);
      const revived = await startActive(scope, `--sync-from=${backup.address}`, "--active");
      await ask(rawClient(scope, revived.address), insert("must go"), { op: "insert", table: "Few", row: { x: 5 } });
      await revived.appctl("ovsdb-server/connect-active-ovsdb-server");
      await replicates(revived);
      await expect.poll(() => more.length, { timeout: 10_000 }).toBeGreaterThan(5);
      client.close();
      await writingMore;
      await ask(rawClient(scope, backup.address), insert("the end"));
      await expect.poll(() => contentOf(scope, revived), { timeout: 10_000 }).toContain("the end");
      const content = await contentOf(scope, backup);
      expect(await contentOf(scope, revived)).toBe(content);
      expect(content).not.toContain("must go");
      expect(content).toContain("two ");
    });
  }
});

describe.skipIf(!arePeersInstalled(...PAIR_PEERS, "ovn-nbctl"))("ovn-nbctl", () => {
  const [theirs, ours] = [originalOf(OVN_NORTHBOUND), ownOf(OVN_NORTHBOUND)];
  for (const [activeName, startActive, backupName, startBackup] of [
    ["the original's", theirs, "ours", ours],
    ["ours", ours, "the original's", theirs],
  ] as const) {
    test(`goes on at ${backupName} when ${activeName} fails`, async () => {
      await using scope = new Scope();
      const folder = temporaryFolder(scope);
      const active = await startActive(scope);
      const backup = await startBackup(scope, `--sync-from=${active.address}`);
      const nbctl = (remotes: string, ...command: string[]) =>
        [folder, "ovn-nbctl", `--db=${remotes}`, "--timeout=10", ...command] as const;
      await peer(...nbctl(active.address, "init"));
      await peer(...nbctl(active.address, "ls-add", "sw0", "--", "lsp-add", "sw0", "p0"));
      await expect.poll(() => peer(...nbctl(backup.address, "lsp-list", "sw0")), { timeout: 10_000 }).toContain("(p0)");
      const refused = await failingPeer(...nbctl(backup.address, "ls-add", "sw1"));
      expect(refused.stderr).toContain("insert operation not allowed when database server is in read only mode");
      await active.kill();
      await backup.appctl("ovsdb-server/disconnect-active-ovsdb-server");
      await peer(...nbctl(`${active.address},${backup.address}`, "ls-add", "sw1", "--", "lsp-add", "sw0", "p1"));
      expect(await peer(...nbctl(backup.address, "--bare", "--columns=name", "list", "Logical_Switch_Port"))).toMatch(
        /p0\s+p1|p1\s+p0/,
      );
    });
  }
});
