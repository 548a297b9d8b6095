/** Certificates that change while a server runs, and authorities that are not known yet. */
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Scope, silentLogger } from "@tenet/kit";
import { OvsdbServer, type TlsFiles } from "@tenet/ovsdb";
import { describe, expect, test } from "vitest";
import { makeAuthority } from "./support/certificates.ts";
import { openDatabase, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, failingPeer, peer } from "./support/peers.ts";

const flags = ({ privateKey, certificate, caCert }: TlsFiles): string[] => [
  `--private-key=${privateKey}`,
  `--certificate=${certificate}`,
  `--ca-cert=${caCert}`,
];

describe.skipIf(!arePeersInstalled("openssl", "ovsdb-client"))("files for TLS", () => {
  test("each connection has the files of its moment: named later, named anew, or replaced", async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const [old, fresh] = [await makeAuthority(folder, "old"), await makeAuthority(folder, "fresh")];
    const server = { ...(await old.issue("server")), caCert: join(folder, "ca.pem") };
    const configured: TlsFiles[] = [];
    const ours = scope.use(new OvsdbServer([await openDatabase(scope)], silentLogger, { tls: () => configured[0] }));
    const remote = await ours.listen("pssl:0");
    const [oldClient, freshClient] = [flags(await old.issue("a")), flags(await fresh.issue("b"))];
    const code = async (client: string[]) =>
      (await failingPeer(folder, "ovsdb-client", "--timeout=3", ...client, "list-dbs", remote)).code;
    expect(await code(oldClient)).not.toBe(0);
    copyFileSync(join(folder, "old-cacert.pem"), server.caCert);
    configured.push(server);
    expect(await code(oldClient)).toBe(0);
    expect(await code(freshClient)).not.toBe(0);
    // The client must trust us as well, so its authority signs our certificate too.
    const next = await fresh.issue("server2");
    for (const [from, to] of [
      [next.privateKey, server.privateKey],
      [next.certificate, server.certificate],
      [next.caCert, server.caCert],
    ] as const) {
      writeFileSync(to, readFileSync(from));
    }
    expect(await code(freshClient)).toBe(0);
    expect(await code(oldClient)).not.toBe(0);
  });

  test("a server without an authority keeps the one of its first client, and checks all others", async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const [mine, other] = [await makeAuthority(folder, "mine"), await makeAuthority(folder, "other")];
    const caCert = join(folder, "learned.pem");
    const tls = { ...(await mine.issue("server")), caCert, isBootstrap: true };
    const server = scope.use(new OvsdbServer([await openDatabase(scope)], silentLogger, { tls }));
    const remote = await server.listen("pssl:0");
    // ovsdb-client sends its authority only inside its certificate file.
    const client = await mine.issue("client");
    writeFileSync(client.certificate, readFileSync(client.certificate, "utf8") + readFileSync(client.caCert, "utf8"));
    const list = (...options: string[]) => peer(folder, "ovsdb-client", "--timeout=5", ...options, "list-dbs", remote);
    expect(existsSync(caCert)).toBe(false);
    await failingPeer(folder, "ovsdb-client", "--timeout=2", ...flags(client), "list-dbs", remote);
    expect(readFileSync(caCert, "utf8").trim()).toBe(readFileSync(client.caCert, "utf8").trim());
    expect(await list(...flags(client))).toBe("T\n_Server\n");
    const stranger = { ...(await other.issue("stranger")), caCert: client.caCert };
    expect((await failingPeer(folder, "ovsdb-client", "--timeout=2", ...flags(stranger), "list-dbs", remote)).code).not.toBe(0);
    rmSync(caCert);
  });

  test("a server that connects to a remote learns its authority, and then believes no other", async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const [mine, other] = [await makeAuthority(folder, "mine"), await makeAuthority(folder, "other")];
    const manager = await mine.issue("manager");
    const listening = scope.use(
      new OvsdbServer([await openDatabase(scope)], silentLogger, { tls: { ...manager, peerCaCert: manager.caCert } }),
    );
    const remote = await listening.listen("pssl:0");
    const learned = join(folder, "learned.pem");
    const tls = { ...(await mine.issue("dialing")), caCert: learned, isBootstrap: true };
    const dialing = scope.use(new OvsdbServer([await openDatabase(scope)], silentLogger, { tls }));
    await dialing.addRemote(remote);
    await expect.poll(() => existsSync(learned), { timeout: 5000 }).toBe(true);
    expect(readFileSync(learned, "utf8").trim()).toBe(readFileSync(manager.caCert, "utf8").trim());
    await expect.poll(() => listening.usage.nSessions, { timeout: 5000 }).toBe(1);
    await dialing.removeRemote(remote);
    await expect.poll(() => listening.usage.nSessions, { timeout: 5000 }).toBe(0);
    writeFileSync(learned, readFileSync((await other.issue("stranger")).caCert));
    await dialing.addRemote(remote);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(dialing.usage.nSessions).toBe(0);
  });

  test("a client that trusts on first use learns our authority from --peer-ca-cert", async () => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    const mine = await makeAuthority(folder, "mine");
    const files = await mine.issue("server");
    const tls = { ...files, peerCaCert: files.caCert };
    const server = scope.use(new OvsdbServer([await openDatabase(scope)], silentLogger, { tls }));
    const remote = await server.listen("pssl:0");
    const client = await mine.issue("client");
    const learned = join(folder, "client-ca.pem");
    const own = [`--private-key=${client.privateKey}`, `--certificate=${client.certificate}`];
    const list = () => peer(folder, "ovsdb-client", "--timeout=5", ...own, `--bootstrap-ca-cert=${learned}`, "list-dbs", remote);
    // The connection that it learns by is not used; ovsdb-client then gives up.
    await expect(list()).rejects.toThrow(/successfully bootstrapped/);
    expect(await list()).toBe("T\n_Server\n");
    expect(readFileSync(learned, "utf8")).toContain("BEGIN CERTIFICATE");
  });
});
