/** Our file and the original's are one format: its tools read ours, we read its. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, type Json, Scope } from "@tenet/kit";
import { OVN_NORTHBOUND } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { arePeersInstalled, peer, startOriginalServer } from "./support/peers.ts";
import { openDatabase, rawClient, SCHEMA, TESTER, temporaryFolder } from "./support/fixtures.ts";

const hasTools = arePeersInstalled("ovsdb-tool", "ovsdb-server");
const insert = (name: string, more: object = {}): Json => ({ op: "insert", table: "Root", row: { name, ...more } });
const select: Json = { op: "select", table: "Root", where: [], columns: ["name", "e", "m", "i"] };

test.skipIf(!hasTools)("ovsdb-tool reads, queries, logs and compacts our file, and the original server serves it", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "t.db");
  const database = await openDatabase(scope, { file });
  await database.transact(
    [insert("a", { e: ["set", ["red", "blue"]], m: ["map", [["k", 1]]] }), { op: "comment", comment: "ünïcode" }],
    {
      remote: "unix:/x#1",
      pid: 5,
      process: "tool",
    },
  );
  await database.transact(
    [
      {
        op: "update",
        table: "Root",
        where: [],
        row: {
          e: ["set", ["red", "green"]],
          m: [
            "map",
            [
              ["k", 2],
              ["l", 1],
            ],
          ],
          i: 3,
        },
      },
    ],
    TESTER,
  );
  await database.transact([insert("b"), { op: "delete", table: "Root", where: [["name", "==", "b"]] }, insert("c")], TESTER);
  database.close();
  expect(await peer(folder, "ovsdb-tool", "db-name", file)).toBe("T\n");
  expect(await peer(folder, "ovsdb-tool", "show-log", "-mmm", file)).toMatch(/ünïcode.*-- by unix:\/x#1 pid=5 process=tool/s);
  const rows = JSON.parse(await peer(folder, "ovsdb-tool", "query", file, JSON.stringify(["T", select])));
  const a = {
    name: "a",
    e: ["set", ["green", "red"]],
    m: [
      "map",
      [
        ["k", 2],
        ["l", 1],
      ],
    ],
    i: 3,
  };
  expect(rows[0].rows).toEqual(expect.arrayContaining([a, { name: "c", e: ["set", []], m: ["map", []], i: ["set", []] }]));
  const compact = join(folder, "compact.db");
  await peer(folder, "ovsdb-tool", "compact", file, compact);
  const compacted = await openDatabase(scope, { file: compact });
  expect(await compacted.transact([select], TESTER)).toEqual([
    { rows: expect.arrayContaining([expect.objectContaining({ name: "a" })]) },
  ]);
  const client = rawClient(scope, await startOriginalServer(scope, folder, file));
  expect((await client.call("transact", ["T", select])).result).toEqual([{ rows: expect.arrayContaining([a]) }]);
});

test.skipIf(!hasTools)("a file that the original server wrote opens with the same rows, references included", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "t.db");
  writeFileSync(join(folder, "t.ovsschema"), JSON.stringify(SCHEMA));
  await peer(folder, "ovsdb-tool", "create", file, join(folder, "t.ovsschema"));
  const client = rawClient(scope, await startOriginalServer(scope, folder, file));
  const kid: Json = { op: "insert", table: "Kid", "uuid-name": "k", row: { name: "k" } };
  const refs = { kids: ["named-uuid", "k"], pals: ["named-uuid", "k"] };
  await client.call("transact", [
    "T",
    kid,
    insert("a", { ...refs, e: "red", m: ["map", [["k", 1]]] }),
    { op: "comment", comment: "theirs" },
  ]);
  await client.call("transact", [
    "T",
    {
      op: "mutate",
      table: "Root",
      where: [],
      mutations: [
        ["e", "insert", "blue"],
        ["m", "insert", ["map", [["l", 2]]]],
      ],
    },
  ]);
  await client.call("transact", ["T", insert("b"), { op: "commit", durable: true }]);
  const copy = join(folder, "copy.db");
  copyFileSync(file, copy);
  const bytes = readFileSync(copy);
  const database = await openDatabase(scope, { file: copy });
  expect(readFileSync(copy)).toEqual(bytes);
  expect(database.history()[0]?.comment).toBe("theirs");
  const expected = (await client.call("transact", ["T", select])).result as { rows: Json[] }[];
  const [found] = (await database.transact([select], TESTER)) as { rows: Json[] }[];
  expect(found?.rows).toEqual(expect.arrayContaining<unknown>(expected[0]?.rows ?? []));
  await database.transact([{ op: "delete", table: "Root", where: [["name", "==", "a"]] }], TESTER);
  expect(database.table("Kid").size).toBe(0);
});

test.skipIf(!hasTools)("a northbound file of ours passes the original's own check of its schema", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "nb.db");
  (await openDatabase(scope, { schema: OVN_NORTHBOUND, file })).close();
  expect(await peer(folder, "ovsdb-tool", "db-version", file)).toBe(`${OVN_NORTHBOUND.version}\n`);
  writeFileSync(join(folder, "nb.ovsschema"), JSON.stringify(OVN_NORTHBOUND));
  expect(await peer(folder, "ovsdb-tool", "needs-conversion", file, join(folder, "nb.ovsschema"))).toBe("no\n");
});

test.skipIf(!hasTools)("ovsdb-tool and the original server read a file that was compacted while it was served", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = join(folder, "t.db");
  let now = 0;
  const clock: Clock = { now: () => now, monotonicMs: () => now };
  const database = await openDatabase(scope, { file, clock, historyLimits: { commits: 9, changes: 9, ageMs: 1000 } });
  await database.transact([insert("a", { e: "red", m: ["map", [["ünï", 1]]], i: 3 }), insert("b")], TESTER);
  now = 2000;
  await database.transact([{ op: "delete", table: "Root", where: [["name", "==", "b"]] }], TESTER);
  const compacting = database.compact();
  await database.transact([insert("c"), { op: "comment", comment: "late" }], TESTER);
  await compacting;
  await database.transact([insert("d")], TESTER);
  database.close();
  const log = await peer(folder, "ovsdb-tool", "show-log", "-mm", file);
  expect(log.replaceAll(/\(.{8}\)/g, "()")).toMatch(
    /record 1:.*compacted[^]*insert row "a" \(\):\n(?=[^]*e=\[red\])(?=[^]*i=3)(?=[^]*m=\{"ünï"=1\})[^]*record 2:[^]*row "b"[^]*delete row[^]*record 3:.*late[^]*"c"[^]*record 4[^]*"d"/,
  );
  const client = rawClient(scope, await startOriginalServer(scope, folder, file));
  const [result] = (await client.call("transact", ["T", select])).result as { rows: { name: string }[] }[];
  expect(result?.rows.map(({ name }) => name).toSorted()).toEqual(["a", "c", "d"]);
});
