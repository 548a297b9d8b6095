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

test("a large first answer comes in parts: others are served meanwhile, and what changed follows behind it", async () => {
  await using scope = new Scope();
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
