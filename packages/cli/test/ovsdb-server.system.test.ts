/** `tenet ovsdb-server` with the original's options for remotes, as ovs-vsctl and ovn-nbctl meet it. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Scope, silentLogger } from "@tenet/kit";
import { expect, test, vi } from "vitest";
import { ovsdbServer } from "../src/commands/roles.ts";
import { homeOf } from "../src/config.ts";

const run = promisify(execFile);
const missing = ["ovn-nbctl", "openssl"].filter((program) => spawnSync("which", [program]).status !== 0);
if (missing.length > 0) console.log(`skipped: ${missing.join(", ")} not installed`);

test.skipIf(missing.length > 0)("it serves TLS on a remote that ovn-nbctl set-connection writes", async () => {
  await using scope = new Scope();
  const folder = mkdtempSync(join(tmpdir(), "tenet-server-"));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const [privateKey, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", privateKey];
  await run("openssl", ["req", "-x509", ...key, "-out", certificate, "-subj", "/CN=both", "-days", "2"]);
  const stop = new AbortController();
  const flags = { privateKey, certificate, caCert: certificate, remote: ["db:OVN_Northbound,NB_Global,connections"] };
  const serving = ovsdbServer(flags, homeOf({ TENET_HOME: folder }), silentLogger, stop.signal);
  scope.defer(async () => {
    stop.abort();
    await serving;
  });
  const port = 41_000 + (process.pid % 10_000);
  const nbctl = (db: string, ...words: string[]) => run("ovn-nbctl", ["--timeout=10", `--db=${db}`, ...words]);
  const socket = join(folder, "run", "nb.sock");
  await expect.poll(() => existsSync(socket), { timeout: 5000 }).toBe(true);
  await nbctl(`unix:${socket}`, "set-connection", `pssl:${port}:127.0.0.1`);
  const tls = [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--ca-cert=${certificate}`];
  await vi.waitFor(() => nbctl(`ssl:127.0.0.1:${port}`, ...tls, "--may-exist", "ls-add", "sw0"), 5000);
  expect((await nbctl(`ssl:127.0.0.1:${port}`, ...tls, "ls-list")).stdout).toContain("(sw0)");
});

test("one file for TLS alone is refused", async () => {
  await using scope = new Scope();
  const folder = mkdtempSync(join(tmpdir(), "tenet-server-"));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const serving = ovsdbServer({ caCert: "x" }, homeOf({ TENET_HOME: folder }), silentLogger, new AbortController().signal);
  await expect(serving).rejects.toThrow(expect.objectContaining({ code: "CLI_TLS_FLAGS" }));
});
