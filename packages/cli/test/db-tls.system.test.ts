/** `tenet db` over TLS, and on several remotes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OVN_NORTHBOUND, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { dbCommand } from "../src/db/db-command.ts";

const hasOpenssl = spawnSync("which", ["openssl"]).status === 0;
if (!hasOpenssl) console.log("skipped: openssl not installed");

async function db(...words: string[]): Promise<string> {
  let output = "";
  const write = (text: string) => void (output += text);
  const progress = { isTerminal: false, write: () => undefined };
  const command = dbCommand({ write, signal: new AbortController().signal, hasColor: false, progress }).exitOverride();
  await command.parseAsync(words, { from: "user" });
  return output;
}

const OPENSSL = "openssl";

function openssl(...words: string[]): void {
  const { status, stderr } = spawnSync(OPENSSL, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/** A key and a certificate for a name, signed by the authority of the folder; the first call makes that. */
function certificateIn(folder: string, name: string, authority: string | undefined): [privateKey: string, certificate: string] {
  const [key, certificate] = [join(folder, `${name}-key.pem`), join(folder, `${name}-cert.pem`)];
  const signer =
    authority === undefined ? [] : ["-CA", join(folder, `${authority}-cert.pem`), "-CAkey", join(folder, `${authority}-key.pem`)];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...curve, "-keyout", key, "-out", certificate, "-subj", `/CN=${name}`, "-days", "2", ...signer);
  return [key, certificate];
}

test.skipIf(!hasOpenssl)("a server over TLS takes our certificate, which is what the log names us by", async () => {
  await using scope = new Scope();
  const folder = mkdtempSync(join(tmpdir(), "tenet-tls-"));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const [, caCert] = certificateIn(folder, "ca", undefined);
  const [serverKey, serverCertificate] = certificateIn(folder, "server", "ca");
  const [privateKey, certificate] = certificateIn(folder, "alice", "ca");
  const database = scope.use(await Database.open({ schema: OVN_NORTHBOUND }));
  const server = scope.use(
    new OvsdbServer([database], silentLogger, { tls: { privateKey: serverKey, certificate: serverCertificate, caCert } }),
  );
  const remote = await server.listen("pssl:0");
  const tls = ["--private-key", privateKey, "--certificate", certificate, "--ca-cert", caCert];
  const insert = `[{"op": "insert", "table": "Logical_Switch", "row": {"name": "sw0"}}]`;
  expect(await db(...tls, "transact", remote, insert)).toMatch(/^insert /);
  expect(await db(...tls, "dump", `tcp:127.0.0.1:1,${remote}`, "Logical_Switch")).toContain("sw0");
  expect(await db(...tls, "log", remote)).toMatch(/ {2}\(alice\) ssl:127\.0\.0\.1:\d+\n {2}\+ Logical_Switch sw0/);
  await expect(db("dump", remote)).rejects.toThrow(/Cannot connect to "ssl:.*" without a certificate/);
  await expect(db("--ca-cert", caCert, "dump", remote)).rejects.toThrow(/together/);
  await expect(db("dump", "tcp:127.0.0.1:1")).rejects.toThrow(/Cannot connect to "tcp:127\.0\.0\.1:1": .*ECONNREFUSED/);
});
