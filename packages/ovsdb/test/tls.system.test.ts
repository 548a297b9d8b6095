/** Connections over TLS, in both roles, with the original's programs and with our own. */
import { join } from "node:path";
import { connect, Database, OPEN_VSWITCH, OvsdbServer, type TlsFiles } from "@tenet/ovsdb";
import { Scope, silentLogger } from "@tenet/kit";
import { describe, expect, test } from "vitest";
import { type Authority, makeAuthority } from "./support/certificates.ts";
import { openDatabase, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, backgroundPeer, failingPeer, peer } from "./support/peers.ts";

interface Setting {
  readonly folder: string;
  readonly authority: Authority;
  readonly database: Database;
  /** `ssl:127.0.0.1:PORT` */
  readonly remote: string;
}

async function setUp(scope: Scope): Promise<Setting> {
  const folder = temporaryFolder(scope);
  const authority = await makeAuthority(folder, "authority");
  const database = scope.use(await Database.open({ schema: OPEN_VSWITCH, file: join(folder, "conf.db") }));
  const server = scope.use(new OvsdbServer([database], silentLogger, { tls: await authority.issue("server") }));
  return { folder, authority, database, remote: await server.listen("pssl:0") };
}

function flags({ privateKey, certificate, caCert }: TlsFiles): string[] {
  return [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--ca-cert=${caCert}`];
}

describe.skipIf(!arePeersInstalled("openssl"))("over TLS", () => {
  test("a replica writes and follows; the history tells whose certificate it was", async () => {
    await using scope = new Scope();
    const { authority, database, remote } = await setUp(scope);
    const tls = await authority.issue("some client");
    const replica = scope.use(await connect(remote, { database: "Open_vSwitch", tls }, scope.signal));
    await replica.transact([{ op: "insert", table: "Open_vSwitch", row: {} }]);
    expect(replica.table("Open_vSwitch").size).toBe(1);
    const [commit] = database.history();
    expect(commit?.by).toEqual({ remote: expect.stringMatching(/^ssl:127\.0\.0\.1:\d+$/), subject: "some client" });
  });

  test("who has no certificate of the authority is refused, and others are served", async () => {
    await using scope = new Scope();
    const { folder, authority, remote } = await setUp(scope);
    const good = await authority.issue("client");
    const stranger = await (await makeAuthority(folder, "other")).issue("stranger");
    const options = { database: "Open_vSwitch", maxBackoffMs: 20 };
    for (const tls of [stranger, { ...stranger, caCert: good.caCert }, { ...good, caCert: stranger.caCert }]) {
      await expect(connect(remote, { ...options, tls }, AbortSignal.timeout(300))).rejects.toThrow(/timeout/);
    }
    const replica = scope.use(await connect(remote, { ...options, tls: good }, scope.signal));
    expect(replica.isConnected).toBe(true);
  });

  test("remotes over TLS need certificates that can be read", async () => {
    await using scope = new Scope();
    const { authority } = await setUp(scope);
    const database = await openDatabase(scope);
    const bare = scope.use(new OvsdbServer([database], silentLogger));
    await expect(bare.listen("pssl:0")).rejects.toThrow(expect.objectContaining({ code: "OVSDB_BAD_REMOTE" }));
    const tls = { ...(await authority.issue("server")), certificate: "/nonexistent.pem" };
    const server = scope.use(new OvsdbServer([database], silentLogger, { tls }));
    await expect(server.listen("pssl:0")).rejects.toThrow(/Cannot read certificate "\/nonexistent\.pem"/);
  });

  test.skipIf(!arePeersInstalled("ovs-vsctl", "ovsdb-client"))(
    "ovs-vsctl and ovsdb-client work, and strangers do not",
    async () => {
      await using scope = new Scope();
      const { folder, authority, remote } = await setUp(scope);
      const mine = flags(await authority.issue("client"));
      await peer(folder, "ovs-vsctl", ...mine, `--db=${remote}`, "--no-wait", "init", "--", "add-br", "br0");
      expect(await peer(folder, "ovs-vsctl", ...mine, `--db=${remote}`, "list-br")).toBe("br0\n");
      expect(await peer(folder, "ovsdb-client", ...mine, "list-dbs", remote)).toBe("Open_vSwitch\n_Server\n");
      const stranger = flags(await (await makeAuthority(folder, "other")).issue("stranger"));
      expect((await failingPeer(folder, "ovsdb-client", "--timeout=2", ...stranger, "list-dbs", remote)).code).not.toBe(0);
    },
  );

  test.skipIf(!arePeersInstalled("ovsdb-server", "ovsdb-tool"))("our replica follows the original server", async () => {
    await using scope = new Scope();
    const { folder, authority, database } = await setUp(scope);
    const [file, port] = [join(folder, "conf.db"), 20_000 + (process.pid % 20_000)];
    database.close();
    const theirs = flags(await authority.issue("original"));
    backgroundPeer(scope, folder, "ovsdb-server", `--remote=pssl:${port}:127.0.0.1`, ...theirs, "--unixctl=none", file);
    const tls = await authority.issue("client");
    const replica = scope.use(await connect(`ssl:127.0.0.1:${port}`, { database: "Open_vSwitch", tls }, scope.signal));
    await replica.transact([{ op: "insert", table: "Open_vSwitch", row: { system_type: "x" } }]);
    expect(replica.find("Open_vSwitch", () => true)?.["system_type"]).toEqual(["x"]);
  });
});
