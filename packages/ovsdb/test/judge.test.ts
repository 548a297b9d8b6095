/** Transactions that would be refused together never both pass the judge, whoever sends them and whatever the disk does. */
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { type Database, systemFs } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, rawClient, serve, temporaryFolder } from "./support/fixtures.ts";

const LIMIT = 10;
const add = (name: string, i: number): Json => ({ op: "insert", table: "Root", row: { name, i } });
const sumOf = (database: Database) =>
  [...database.table("Root").values()].reduce((sum, row) => sum + ((row["i"] as readonly number[])[0] ?? 0), 0);

/** Lets the rows' numbers add up to the limit, as it knows them from the tables: these must be in step with what passed. */
function limitSum(database: Database): void {
  database.judge = ({ changes }) => {
    // The tables already hold what is proposed.
    if (changes.length > 0 && sumOf(database) > LIMIT) return { error: "policy violation", details: `more than ${LIMIT}` };
    return undefined;
  };
}

const isKept = ({ result }: { readonly result?: Json }) => !JSON.stringify(result).includes('"error"');

test("of two transactions that two clients send at once one passes, and the other is told why not", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope, { file: join(temporaryFolder(scope), "t.db") });
  limitSum(database);
  const remote = await serve(scope, [database]);
  const clients = [rawClient(scope, remote), rawClient(scope, remote)];
  for (let round = 0; round < 50; round++) {
    const replies = await Promise.all(clients.map((client, n) => client.call("transact", ["T", add(`${round} ${n}`, 6)])));
    expect(replies.filter(isKept)).toHaveLength(1);
    expect(replies.find((reply) => !isKept(reply))?.result).toContainEqual({
      error: "policy violation",
      details: "more than 10",
    });
    expect(sumOf(database)).toBe(6);
    await clients[0]?.call("transact", ["T", { op: "delete", table: "Root", where: [] }]);
  }
});

test("pipelined transactions of several clients pass in an order in which each was allowed, also when writes fail between", async () => {
  await using scope = new Scope();
  let nWrites = 0;
  const writeSync: typeof systemFs.writeSync = (...options) => {
    if (nWrites++ % 5 === 3) throw new Error("ENOSPC: simulated");
    return systemFs.writeSync(...options);
  };
  const database = await openDatabase(scope, { file: join(temporaryFolder(scope), "t.db"), fs: { ...systemFs, writeSync } });
  limitSum(database);
  const remote = await serve(scope, [database]);
  let sum = 0;
  const sums: number[] = [];
  database.onCommit(({ changes }) => {
    for (const { old, new: row } of changes) {
      const [before = 0] = (old?.["i"] ?? []) as readonly number[];
      const [after = 0] = (row?.["i"] ?? []) as readonly number[];
      sum += after - before;
    }
    sums.push(sum);
  });
  const clients = [0, 1, 2].map(() => rawClient(scope, remote));
  for (let round = 0; round < 20; round++) {
    const calls = clients.flatMap((client, n) =>
      [1, 4, 7].map((i) => client.call("transact", ["T", add(`${round} ${n} ${i}`, i)])),
    );
    const replies = await Promise.all(calls);
    expect(sums.splice(0).filter((each) => each > LIMIT)).toEqual([]);
    expect(replies.filter(isKept).length).toBe(database.table("Root").size);
    expect(sum).toBe(sumOf(database));
    let isCleared = false;
    while (!isCleared)
      isCleared = isKept((await clients[0]?.call("transact", ["T", { op: "delete", table: "Root", where: [] }])) ?? {});
  }
});
