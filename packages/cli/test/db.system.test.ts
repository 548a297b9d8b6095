/** `tenet db` on the original server: what it writes there and saves from there, the original's tools read. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Scope } from "@tenet/kit";
import { expect, test } from "vitest";
import { dbCommand } from "../src/db/db-command.ts";

const NO_PROGRESS = { isTerminal: false, write: () => undefined };

const missing = ["ovsdb-server", "ovsdb-tool", "ovsdb-client"].filter((name) => spawnSync("which", [name]).status !== 0);
if (missing.length > 0) console.log(`skipped: ${missing.join(", ")} not installed`);

async function db(...words: string[]): Promise<string> {
  let output = "";
  const write = (text: string) => void (output += text);
  await dbCommand({ write, signal: new AbortController().signal, hasColor: false, progress: NO_PROGRESS }).parseAsync(words, {
    from: "user",
  });
  return output;
}

function tool(program: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** Starts the original server on a file. */
async function serveOriginal(scope: Scope, folder: string, file: string): Promise<string> {
  const socket = join(folder, "original.sock");
  const server = spawn("ovsdb-server", [`--remote=punix:${socket}`, `--unixctl=${folder}/ctl`, "--log-file=/dev/null", file], {
    stdio: "ignore",
    env: { PATH: process.env["PATH"], OVS_RUNDIR: folder },
  });
  scope.defer(() => void server.kill("SIGKILL"));
  for (let i = 0; i < 400 && !existsSync(socket); i++) await sleep(25);
  return `unix:${socket}`;
}

test.skipIf(missing.length > 0)("a file made here is served there, changed, saved and restored", async () => {
  await using scope = new Scope();
  const folder = mkdtempSync(join(tmpdir(), "tenet-db-"));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const [file, saved] = [join(folder, "nb.db"), join(folder, "saved.db")];
  await db("create", file, "OVN_Northbound");
  const remote = await serveOriginal(scope, folder, file);
  const port = `{"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "p", "row": {"name": "p1"}}`;
  const sw = `{"op": "insert", "table": "Logical_Switch", "row": {"name": "sw0", "ports": ["named-uuid", "p"]}}`;
  await db("transact", remote, `[${port}, ${sw}]`);
  const before = tool("ovsdb-client", "dump", remote, "OVN_Northbound");
  expect(before).toMatch(/Logical_Switch table[^]*sw0[^]*Logical_Switch_Port table[^]*p1/);
  expect(await db("backup", remote, saved)).toBe(`2 rows in ${saved}\n`);
  expect(tool("ovsdb-tool", "show-log", "-m", saved)).toMatch(/backup of OVN_Northbound[^]*insert row "p1"/);
  await db("transact", remote, `["OVN_Northbound", {"op": "delete", "table": "Logical_Switch", "where": []}]`);
  expect(await db("dump", remote)).toBe("OVN_Northbound has no rows\n");
  await db("restore", remote, saved);
  expect(tool("ovsdb-client", "dump", remote, "OVN_Northbound")).toBe(before);
});
