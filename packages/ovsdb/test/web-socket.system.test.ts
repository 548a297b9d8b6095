/** A replica over the platform's WebSocket, a peer that we did not write, against our server behind an HTTP server. */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { acceptWebSocket, type Database, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, TESTER } from "./support/fixtures.ts";

interface Served {
  readonly url: string;
  readonly port: number;
  readonly database: Database;
  /** Ends all WebSockets. */
  cut(): void;
}

async function serve(scope: Scope, isReadOnly: boolean): Promise<Served> {
  const database = await openDatabase(scope);
  const server = scope.use(new OvsdbServer([database], silentLogger));
  const ends: (() => void)[] = [];
  const http = createServer();
  http.on("upgrade", (asked, socket, head) => {
    try {
      ends.push(server.serve(acceptWebSocket(asked, socket, head), { remote: "ws:test" }, { isReadOnly }));
    } catch {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    }
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  scope.defer(() => void http.close());
  const { port } = http.address() as AddressInfo;
  const cut = (): void => {
    for (const end of ends.splice(0)) end();
  };
  return { url: `ws://127.0.0.1:${port}`, port, database, cut };
}

/** Starts the program. @returns what it tells, growing */
function startClient(scope: Scope, url: string, ...rest: readonly string[]): Json[] {
  const script = fileURLToPath(new URL("support/web-client.mjs", import.meta.url));
  const child = spawn(process.execPath, ["--experimental-websocket", script, url, ...rest], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  scope.defer(() => void child.kill("SIGKILL"));
  const told: Json[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => told.push(JSON.parse(line) as Json));
  return told;
}

const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name } });

test("a client over a WebSocket sees rows and changes, writes, and goes on after its connection was cut", async () => {
  await using scope = new Scope();
  const { url, database, cut } = await serve(scope, false);
  await database.transact(
    Array.from({ length: 3000 }, (_, i) => insert(`row ${i} äöü`)),
    TESTER,
  );
  const told = startClient(scope, url, "mine");
  await expect.poll(() => told, { timeout: 20_000 }).toContainEqual({ committed: "mine" });
  const sizes = () => told.flatMap((one) => (one as { names?: string[] }).names?.length ?? []);
  expect(sizes()).toEqual([3000, 3001]);
  cut();
  await database.transact([insert("later")], TESTER);
  await expect.poll(() => sizes().at(-1), { timeout: 20_000 }).toBe(3002);
  expect(database.history().at(-2)?.by).toEqual({ remote: "ws:test" });
});

test("a client that may only read is refused when it writes", async () => {
  await using scope = new Scope();
  const { url, database } = await serve(scope, true);
  await database.transact([insert("a")], TESTER);
  const told = startClient(scope, url, "mine");
  await expect.poll(() => told.length, { timeout: 20_000 }).toBe(2);
  expect(told).toEqual([{ names: ["a"] }, { refused: expect.stringContaining("when database server is in read only mode") }]);
});

test("a request for something else than a WebSocket of version 13 is refused", async () => {
  await using scope = new Scope();
  const { port } = await serve(scope, true);
  const status = (headers: { readonly [name: string]: string }): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request({ port, host: "127.0.0.1", headers: { connection: "upgrade", ...headers } }, (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      });
      asked.on("upgrade", (reply, socket) => {
        socket.destroy();
        resolve(reply.statusCode);
      });
      asked.on("error", reject).end();
    });
  const good = { upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
  expect(await status(good)).toBe(101);
  expect(await status({ ...good, "sec-websocket-version": "8" })).toBe(400);
  expect(await status({ ...good, "sec-websocket-key": "short" })).toBe(400);
  expect(await status({ ...good, upgrade: "h2c" })).toBe(400);
});
