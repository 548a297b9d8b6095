/** `tenet ovsdb-server --storage=etcd:…`: two servers in two state folders are one database to the original's clients. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Scope } from "@tenet/kit";
import { expect, test } from "vitest";

const run = promisify(execFile);
const missing = ["ovn-nbctl", "etcd"].filter((program) => spawnSync("which", [program]).status !== 0);
if (missing.length > 0) console.log(`skipped: ${missing.join(", ")} not installed`);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Starts one member. @returns its `HOST:PORT` */
async function startEtcd(scope: Scope, folder: string): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${await freePort()}`;
  const urls = [`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`, `--listen-peer-urls=${peerUrl}`];
  const cluster = [`--initial-advertise-peer-urls=${peerUrl}`, `--initial-cluster=default=${peerUrl}`, "--logger=zap"];
  const child = spawn("etcd", [`--data-dir=${join(folder, "etcd")}`, ...urls, ...cluster], { stdio: "ignore" });
  scope.defer(() => void child.kill("SIGKILL"));
  const isHealthy = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await expect.poll(isHealthy, { timeout: 25_000 }).toBe(true);
  return `127.0.0.1:${port}`;
}

test.skipIf(missing.length > 0)("what ovn-nbctl writes through one server it reads through the other", async () => {
  await using scope = new Scope();
  const folder = mkdtempSync(join(tmpdir(), "tenet-etcd-"));
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  const storage = `etcd:${await startEtcd(scope, folder)}/cloud`;
  const bin = join(import.meta.dirname, "../bin/tenet.js");
  const sockets = ["one", "two"].map((name) => {
    const home = join(folder, name);
    const env = { ...process.env, TENET_HOME: home };
    const child = spawn(process.execPath, [bin, "ovsdb-server", "--storage", storage], { env, stdio: "ignore" });
    scope.defer(() => void child.kill());
    return join(home, "run", "nb.sock");
  });
  for (const socket of sockets) await expect.poll(() => existsSync(socket), { timeout: 25_000 }).toBe(true);
  const [one = "", two = ""] = sockets.map((socket) => `--db=unix:${socket}`);
  await run("ovn-nbctl", ["--timeout=10", one, "ls-add", "sw0", "--", "lsp-add", "sw0", "p1"]);
  const list = async () => (await run("ovn-nbctl", ["--timeout=10", two, "lsp-list", "sw0"])).stdout;
  await expect.poll(list).toContain("(p1)");
  await run("ovn-nbctl", ["--timeout=10", two, "set", "NB_Global", ".", "name=shared"]);
  const name = async () => (await run("ovn-nbctl", ["--timeout=10", one, "get", "NB_Global", ".", "name"])).stdout;
  await expect.poll(name).toBe("shared\n");
  expect(existsSync(join(folder, "one", "nb.db"))).toBe(false);
});
