/** The console's server passes OVSDB messages of its own pages to the databases, and those of nobody else. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OVN_NORTHBOUND, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { type ConsoleSources, startConsole } from "../src/console/console-server.ts";

const NO_PAGE = {} as unknown as ConsoleSources;

async function startWithDatabase(scope: Scope, mayWrite: boolean): Promise<{ url: string; database: Database }> {
  const folder = mkdtempSync(join(tmpdir(), "tenet-console-"));
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  const database = scope.use(await Database.open({ schema: OVN_NORTHBOUND, file: join(folder, "nb.db") }));
  const nb = scope.use(new OvsdbServer([database], silentLogger));
  await nb.listen(`punix:${join(folder, "nb.sock")}`);
  const { url, close } = await startConsole(NO_PAGE, { servers: new Map([["nb", nb]]), mayWrite }, silentLogger, 0);
  scope.defer(close);
  return { url: url.replace("http:", "ws:"), database };
}

/** Asks for a WebSocket. @returns the status of the answer */
function ask(url: string, headers: { readonly [name: string]: string }): Promise<number | undefined> {
  const upgrade = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
  const key = { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
  return new Promise((resolve, reject) => {
    const asked = request(url.replace("ws:", "http:"), { headers: { ...upgrade, ...key, ...headers } }, (reply) => {
      reply.resume();
      resolve(reply.statusCode);
    });
    asked.on("upgrade", (reply, socket) => {
      socket.destroy();
      resolve(reply.statusCode);
    });
    asked.on("error", reject).end();
  });
}

/** Runs a program with the platform's WebSocket that counts switches, adds one, and tells what came of it. */
function addSwitch(scope: Scope, url: string): Promise<string> {
  const program = `
    import { connect } from "@tenet/ovsdb/browser";
    const nb = await connect(process.argv[1], "OVN_Northbound", { tables: ["Logical_Switch"] }, new AbortController().signal);
    const before = nb.table("Logical_Switch").size;
    const transaction = nb.transaction();
    transaction.insert("Logical_Switch", { name: "by page" });
    const end = await transaction.commit().then(() => "written", (error) => error.message);
    console.log(before + " then " + nb.table("Logical_Switch").size + ": " + end);
    await nb.close();`;
  const options = ["--experimental-websocket", "--input-type=module", "--eval", program, url];
  const child = spawn(process.execPath, options, { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"] });
  scope.defer(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  return new Promise((resolve) => child.on("close", () => resolve(output.trim())));
}

test.each([
  [false, /^1 then 1: not allowed: .* when database server is in read only mode/],
  [true, /^1 then 2: written$/],
])("a page reads the database, and writes to it only when allowed (%s)", async (mayWrite, outcome) => {
  await using scope = new Scope();
  const { url, database } = await startWithDatabase(scope, mayWrite);
  await database.transact([{ op: "insert", table: "Logical_Switch", row: { name: "sw0" } }], { remote: "test" });
  expect(await addSwitch(scope, `${url}/ovsdb/nb`)).toMatch(outcome);
});

test("pages of others, names that point here, and databases that there are not get no answer", async () => {
  await using scope = new Scope();
  const { url } = await startWithDatabase(scope, true);
  const own = new URL(url).host;
  expect(await ask(`${url}/ovsdb/nb`, {})).toBe(101);
  expect(await ask(`${url}/ovsdb/nb`, { origin: `http://${own}` })).toBe(101);
  expect(await ask(`${url}/ovsdb/nb`, { origin: "http://evil.example" })).toBe(403);
  expect(await ask(`${url}/ovsdb/nb`, { origin: "http://127.0.0.1:1" })).toBe(403);
  expect(await ask(`${url}/ovsdb/nb`, { origin: "null" })).toBe(403);
  expect(await ask(`${url}/ovsdb/nb`, { host: "evil.example" })).toBe(403);
  expect(await ask(`${url}/ovsdb/none`, {})).toBe(404);
  expect(await ask(`${url}/ovsdb/toString`, {})).toBe(404);
  expect(await ask(`${url}/ovsdb/nb`, { "sec-websocket-version": "8" })).toBe(400);
});

test("the server closes while pages are connected", async () => {
  const scope = new Scope();
  const { url } = await startWithDatabase(scope, false);
  const program = `const socket = new WebSocket(process.argv[1]); socket.onopen = () => console.log("open"); socket.onclose = ({ code }) => console.log(code);`;
  const child = spawn(process.execPath, ["--experimental-websocket", "--eval", program, `${url}/ovsdb/nb`]);
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  await expect.poll(() => output, { timeout: 10_000 }).toBe("open\n");
  await scope[Symbol.asyncDispose]();
  await expect.poll(() => output, { timeout: 10_000 }).toBe("open\n1000\n");
});
