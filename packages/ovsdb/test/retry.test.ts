/** `replica.retry`: conflicts are resolved by building again, and after a lost reply nothing is applied twice. */
import { randomUUID } from "node:crypto";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { type Json, Scope } from "@tenet/kit";
import { connect, type Database, OutcomeUnknownError, type Replica, type Transaction } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, serve, temporaryFolder } from "./support/fixtures.ts";
import { T, type TTables } from "./support/fixture-types.ts";

interface Lossy {
  readonly remote: string;
  /** The next transactions reach the server, their replies are lost with the connection. */
  loseReplies(count: number): void;
}

/** A socket before the server's that loses replies of transactions. */
async function lossyProxy(scope: Scope, target: string): Promise<Lossy> {
  const path = `${temporaryFolder(scope)}/lossy.sock`;
  let nToLose = 0;
  const pass = (client: Socket): void => {
    const upstream = connectSocket({ path: target.replace("unix:", "") });
    let isLosing = false;
    client.on("data", (bytes) => {
      if (nToLose > 0 && bytes.toString().includes('"transact"')) {
        nToLose--;
        isLosing = true;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (isLosing) client.destroy();
      else client.write(bytes);
    });
    for (const socket of [client, upstream]) {
      socket.on("error", () => undefined);
      socket.on("close", () => [client, upstream].forEach((one) => one.destroy()));
    }
  };
  const server = createServer(pass);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  scope.defer(() => void server.close());
  return { remote: `unix:${path}`, loseReplies: (count) => (nToLose = count) };
}

async function setUp(scope: Scope): Promise<{ database: Database; replica: Replica<TTables>; lossy: Lossy }> {
  const database = await openDatabase(scope);
  const lossy = await lossyProxy(scope, await serve(scope, [database]));
  const replica = scope.use(await connect(lossy.remote, T, { maxBackoffMs: 20 }, scope.signal));
  return { database, replica, lossy };
}

const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name } });

test("a conflict is resolved by building again from the rows as they are", async () => {
  await using scope = new Scope();
  const { replica } = await setUp(scope);
  await replica.transact([insert("counter")]);
  const increment = () =>
    replica.retry((transaction) => {
      const row = replica.find("Root", ({ name }) => name === "counter");
      if (row === undefined) return;
      transaction.verify("Root", row._uuid, ["r"], [{ r: row.r }]);
      transaction.update("Root", row._uuid, { r: row.r + 1 });
    });
  await Promise.all(Array.from({ length: 20 }, increment));
  expect(replica.find("Root", ({ name }) => name === "counter")?.r).toBe(20);
});

test("after lost replies a transaction with a guard is applied once", async () => {
  await using scope = new Scope();
  const { database, replica, lossy } = await setUp(scope);
  lossy.loseReplies(2);
  const uuid = randomUUID();
  let nBuilt = 0;
  const committed = await replica.retry((transaction) => {
    nBuilt++;
    if (!replica.table("Root").has(uuid)) transaction.insert("Root", { name: "once" }, uuid);
  });
  expect(committed).toBeUndefined(); // the rows showed that it was done
  expect(nBuilt).toBe(2);
  expect([...database.table("Root").keys()]).toEqual([uuid]);
});

test("a transaction without a guard is not tried again after a lost reply", async () => {
  await using scope = new Scope();
  const { database, replica, lossy } = await setUp(scope);
  lossy.loseReplies(1);
  const lost = replica.retry((transaction) => void transaction.insert("Root", { name: "maybe" }));
  await expect(lost).rejects.toBeInstanceOf(OutcomeUnknownError);
  await expect.poll(() => database.table("Root").size).toBe(1);
  lossy.loseReplies(1);
  const error = await replica.transact([insert("other")]).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "OVSDB_OUTCOME_UNKNOWN", hint: expect.stringContaining("retry()") });
});

test("what the server refuses, and what the caller gives up, is not tried again", async () => {
  await using scope = new Scope();
  const { replica } = await setUp(scope);
  await replica.transact([insert("taken")]);
  let nBuilt = 0;
  const refused = replica.retry((transaction) => {
    nBuilt++;
    transaction.insert("Root", { name: "taken" }, randomUUID());
  });
  await expect(refused).rejects.toThrow("constraint violation");
  expect(nBuilt).toBe(1);
  const neverHolds = (transaction: Transaction<TTables>): void => transaction.verify("Root", { name: "taken" }, ["name"], []);
  await expect(replica.retry(neverHolds, AbortSignal.timeout(50))).rejects.toThrow("timeout");
  expect(await replica.retry(() => undefined)).toBeUndefined();
});
