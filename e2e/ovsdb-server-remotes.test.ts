/** Remotes and certificates that stand in tables, as `ovs-vsctl` writes them: by the original and by ours. */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { freePorts } from "../packages/ovsdb/test/support/free-ports.ts";
import { Daemon, HAS_ORIGINAL, type Kind } from "./support/daemon.ts";
import { isInstalled } from "./support/tenet.ts";

const VSWITCH_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

/** A daemon on an Open_vSwitch database that follows its managers. */
function start(kind: Kind, ...more: readonly string[]): Daemon {
  const daemon = new Daemon(kind);
  daemon.create("conf.db", JSON.parse(readFileSync(VSWITCH_SCHEMA, "utf8")) as object);
  const remotes = ["--remote=punix:db.sock", "--remote=db:Open_vSwitch,Open_vSwitch,manager_options"];
  const { code, err } = daemon.serve("conf.db", ...remotes, ...more, "--pidfile", "--detach", "--log-file", "--no-chdir");
  if (code !== 0) throw new Error(err);
  vsctl(daemon, "init");
  return daemon;
}

function vsctl(daemon: Daemon, ...args: readonly string[]): string {
  const { out, err, code } = daemon.run("ovs-vsctl", "--timeout=10", `--db=unix:${daemon.path("db.sock")}`, "--no-wait", ...args);
  if (code !== 0) throw new Error(err);
  return out;
}

/** What the rows of managers tell, without numbers that differ. */
function statuses(daemon: Daemon): string {
  const rows = vsctl(daemon, "--format=csv", "--no-headings", "--columns=target,is_connected,status", "list", "Manager");
  return rows
    .replaceAll(/"?(bound_port|sec_since_\w+)="+\d+"+/g, "$1=N")
    .split("\n")
    .toSorted()
    .join("\n");
}

/** The local addresses at which somebody listens at a port, as the kernel writes them. */
function listenersAt(port: number): string[] {
  const socket = new RegExp(`^ *\\d+: (\\w{8}):${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`, "gm");
  return [...readFileSync("/proc/net/tcp", "utf8").matchAll(socket)].map(([, address = ""]) => address);
}

describe.skipIf(!HAS_ORIGINAL)("managers in the database", () => {
  test("their rows tell the same states", async () => {
    const path = (daemon: Daemon) => daemon.path("manager.sock");
    const seen = { tenet: [] as string[], original: [] as string[] };
    for (const kind of ["tenet", "original"] as const) {
      using daemon = start(kind);
      const manager = createServer((socket) => {
        socket.write('{"method":"lock","params":["held"],"id":1}{"method":"steal","params":["stolen"],"id":2}');
      });
      await new Promise<void>((resolve) => manager.listen(path(daemon), resolve));
      vsctl(daemon, "set-manager", "ptcp:0:127.0.0.1", `unix:${path(daemon)}`, `unix:${daemon.path("nobody.sock")}`);
      const now = () => statuses(daemon).replaceAll(daemon.folder, "FOLDER");
      await expect.poll(now, { timeout: 10_000 }).toMatch(/locks_held[^]*ACTIVE/);
      await expect.poll(now, { timeout: 10_000 }).toContain("bound_port=N");
      seen[kind].push(
        now()
          .replaceAll(/sec_since_disconnect=N,? ?/g, "")
          .replace(/state=(BACKOFF|CONNECTING)/, "state=WAITING"),
      );
      const [port = 0] = await freePorts(1);
      vsctl(daemon, "set-manager", `ptcp:${port}:127.0.0.1`);
      await expect.poll(() => listenersAt(port), { timeout: 10_000 }).toHaveLength(1);
      for (let n = 0; n < 2; n++)
        daemon.run("sh", "-c", `ovsdb-client monitor tcp:127.0.0.1:${port} Open_vSwitch Port > out${n} 2>&1 &`);
      await expect.poll(now, { timeout: 10_000 }).toContain("n_connections");
      seen[kind].push(now().replaceAll(String(port), "PORT"));
      manager.close();
    }
    expect(seen.tenet).toEqual(seen.original);
  });

  test("called as the original, TCP without an address listens on all", () => {
    const addresses = (["tenet", "original"] as const).map((kind) => {
      using daemon = start(kind, "--remote=ptcp:0");
      const [, port = ""] = /0: listening on port (\d+)/.exec(daemon.read("ovsdb-server.log")) ?? [];
      return listenersAt(Number(port))[0];
    });
    expect(addresses).toEqual(["00000000", "00000000"]);
  });

  test.skipIf(!isInstalled("openssl"))("certificates named in the SSL table are used, and followed when it changes", async () => {
    const column = (name: string) => `db:Open_vSwitch,SSL,${name}`;
    const flags = [`--private-key=${column("private_key")}`, `--certificate=${column("certificate")}`];
    using daemon = start("tenet", ...flags, `--ca-cert=${column("ca_cert")}`, "--remote=pssl:0:127.0.0.1");
    const [, port] = /listening on port (\d+)/.exec(daemon.read("ovsdb-server.log")) ?? [];
    const make = (name: string) => {
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", `${name}-key.pem`];
      const made = daemon.run("openssl", "req", "-x509", ...key, "-out", `${name}.pem`, "-subj", `/CN=${name}`, "-days", "2");
      if (made.code !== 0) throw new Error(made.err);
      return [daemon.path(`${name}-key.pem`), daemon.path(`${name}.pem`), daemon.path(`${name}.pem`)] as const;
    };
    const list = ([key, certificate, authority]: readonly string[]) =>
      daemon.run(
        "ovsdb-client",
        "--timeout=3",
        `-p${key}`,
        `-c${certificate}`,
        `-C${authority}`,
        "list-dbs",
        `ssl:127.0.0.1:${port}`,
      ).code;
    const [one, two] = [make("one"), make("two")];
    expect(list(one)).not.toBe(0);
    expect(daemon.read("ovsdb-server.log")).toContain("stream_ssl|WARN|client refused");
    vsctl(daemon, "set-ssl", ...one);
    await expect.poll(() => list(one), { timeout: 10_000 }).toBe(0);
    expect(list(two)).not.toBe(0);
    vsctl(daemon, "set-ssl", ...two);
    await expect.poll(() => list(two), { timeout: 10_000 }).toBe(0);
    expect(list(one)).not.toBe(0);
  });
});
