import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { expect, test } from "vitest";
import { JsonStream, OvsdbServer } from "@tenet/ovsdb";
import { openDatabase, TESTER, temporaryFolder } from "./support/fixtures.ts";

const N_ROWS = 30_000;
type Message = { id: Json; method?: string; result?: Json; params?: Json };

/** A client that keeps what it reads. */
async function client(path: string) {
  const socket = createConnection(path);
  await once(socket, "connect");
  const [stream, messages] = [new JsonStream(), [] as Message[]];
  const waiting = new Set<() => void>();
  socket.on("data", (bytes: Uint8Array) => {
    for (const message of stream.push(bytes)) messages.push(message as Message);
    for (const look of waiting) look();
  });
  const until = (isWanted: (message: Message) => boolean) =>
    new Promise<Message>((resolve) => {
      const look = () => {
        const found = messages.find(isWanted);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const send = (id: number, method: string, params: Json) => void socket.write(JSON.stringify({ id, method, params }));
  return { socket, messages, send, until };
}

/** A database of many rows and two clients. */
async function begin(scope: Scope) {
  const folder = temporaryFolder(scope);
  const database = await openDatabase(scope, {});
  const inserts = Array.from({ length: N_ROWS }, (_, n): Json => ({ op: "insert", table: "Root", row: { name: `row ${n}` } }));
  await database.transact(inserts, TESTER);
  const server = scope.use(new OvsdbServer([database], silentLogger));
  const path = (await server.listen(`punix:${join(folder, "s")}`)).slice("unix:".length);
  const [watcher, writer] = [await client(path), await client(path)];
  scope.defer(() => {
    watcher.socket.destroy();
    writer.socket.destroy();
  });
  return { database, watcher, writer };
}

test("a large first answer comes in parts: others are served meanwhile, and what changed follows behind it", async () => {
  await using scope = new Scope();
  const { database, watcher, writer } = await begin(scope);
  watcher.send(1, "monitor_cond", [database.schema.name, "m", { Root: [{ columns: ["name"] }] }]);
  watcher.send(2, "echo", ["later"]);
  await once(watcher.socket, "data");
  watcher.socket.pause(); // the answer is on its way until it reads on
  const changed = { op: "update", table: "Root", where: [["name", "==", "row 7"]], row: { name: "changed" } };
  writer.send(1, "transact", [database.schema.name, changed]);
  expect((await writer.until(({ id }) => id === 1)).result).toEqual([{ count: 1 }]);
  watcher.socket.resume();
  await watcher.until(({ id }) => id === 2);
  await watcher.until(({ method }) => method === "update2");
  const [first, ...rest] = watcher.messages;
  const { Root: rows } = (first?.result ?? {}) as { readonly Root: { readonly [uuid: string]: Json } };
  expect(Object.keys(rows)).toHaveLength(N_ROWS);
  const update = rest.find(({ method }) => method === "update2");
  expect(JSON.stringify(update?.params)).toContain('"changed"');
  expect(rest.map(({ id, method }) => method ?? id)).toHaveLength(2);
});

test("changed conditions over many rows are told in parts, the reply behind them, then what changed meanwhile", async () => {
  await using scope = new Scope();
  const { database, watcher, writer } = await begin(scope);
  const { name } = database.schema;
  const changeTo = (id: number, where: Json) => watcher.send(id, "monitor_cond_change", ["m", "m", { Root: [{ where }] }]);
  watcher.send(1, "monitor_cond", [name, "m", { Root: [{ columns: ["name"], where: [["name", "==", "row 1"]] }] }]);
  await watcher.until(({ id }) => id === 1);
  changeTo(2, [true]);
  await once(watcher.socket, "data");
  watcher.socket.pause();
  for (const [id, from, to] of [
    [1, "row 7", "first"],
    [2, "first", "second"],
  ] as const) {
    const change = { op: "update", table: "Root", where: [["name", "==", from]], row: { name: to } };
    writer.send(id, "transact", [name, change]);
    expect((await writer.until((message) => message.id === id)).result).toEqual([{ count: 1 }]);
  }
  watcher.socket.resume();
  await watcher.until(({ params }) => JSON.stringify(params ?? null).includes('"second"'));
  const [, shown, reply, changed, ...rest] = watcher.messages;
  const rowsIn = (message: Message | undefined) => {
    const [, updates] = (message?.params ?? []) as [Json, { readonly Root: { readonly [uuid: string]: Json } }];
    return Object.values(updates.Root);
  };
  expect(rowsIn(shown)).toHaveLength(N_ROWS - 1);
  expect(rowsIn(shown)).toContainEqual({ insert: { name: "row 7" } });
  expect(reply).toEqual({ id: 2, result: {}, error: null });
  expect(rowsIn(changed)).toEqual([{ modify: { name: "second" } }]); // added up while it was behind
  expect(rest).toEqual([]);
  changeTo(3, [["name", "==", "second"]]);
  await watcher.until(({ id }) => id === 3);
  expect(rowsIn(watcher.messages[4])).toEqual(Array.from({ length: N_ROWS - 1 }, () => ({ delete: null })));
  changeTo(4, [
    ["name", "==", "second"],
    ["name", "==", "nobody"],
  ]);
  await watcher.until(({ id }) => id === 4);
  expect(watcher.messages).toHaveLength(7); // the same rows: a reply alone
});
