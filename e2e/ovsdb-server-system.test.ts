/** What `ovsdb-server` is to the system around it: the modes of its files, its user, what it tells syslog; the original beside ours. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { userInfo } from "node:os";
import { describe, expect, test } from "vitest";
import { Daemon, HAS_ORIGINAL } from "./support/daemon.ts";

const PYTHON = "/usr/bin/python3";
const NOBODY = 65534;
const isRoot = userInfo().uid === 0;
if (!isRoot) console.log("skipped: becoming another user needs root");
if (!existsSync(PYTHON)) console.log("skipped: no python3 to receive what goes to a unix socket");

/** Both servers, each in a folder with a database. */
function prepareBoth(): [Daemon, Daemon] {
  const both = [new Daemon("tenet"), new Daemon("original")] as const;
  for (const daemon of both) daemon.create("one.db", { name: "one", version: "1.0.0", tables: {} });
  return [...both];
}

function start(daemon: Daemon, ...args: readonly string[]): void {
  const socket = `--remote=punix:${daemon.path("db.sock")}`;
  const outcome = daemon.serve("one.db", socket, "--pidfile", "--detach", "--no-chdir", "-vconsole:off", ...args);
  expect(outcome).toEqual({ code: 0, out: "", err: "" });
}

/** Listens on a unix datagram socket, which node cannot, and prints a line for each datagram. */
async function receiver(path: string): Promise<ChildProcess> {
  const program = `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(${JSON.stringify(path)})
print("ready", flush=True)
while True: print(s.recv(65536).decode(), flush=True)`;
  const child = spawn(PYTHON, ["-c", program], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

describe.skipIf(!HAS_ORIGINAL)("beside the original", () => {
  test("sockets and files have its modes, whatever the mask lets others do", () => {
    const modes = prepareBoth().map((daemon) => {
      using _ = daemon;
      start(daemon, `--unixctl=${daemon.path("ctl")}`, "--log-file=log");
      const found = ["db.sock", "ctl", "log", "one.db", "ovsdb-server.pid"].map((name) =>
        (statSync(daemon.path(name)).mode & 0o777).toString(8),
      );
      daemon.run("ovs-appctl", "-t", daemon.path("ctl"), "exit");
      return found;
    });
    expect(modes[0]).toEqual(modes[1]);
  });

  test.skipIf(!isRoot)("--user gives up the rights of root", () => {
    const identities = prepareBoth().map((daemon) => {
      using _ = daemon;
      for (const name of [".", ...readdirSync(daemon.folder)]) chownSync(daemon.path(name), NOBODY, NOBODY);
      chmodSync(daemon.folder, 0o755);
      start(daemon, "--user=nobody");
      const status = readFileSync(`/proc/${daemon.read("ovsdb-server.pid").trim()}/status`, "utf8");
      expect(daemon.run("ovsdb-client", "list-dbs", `unix:${daemon.path("db.sock")}`).out).toContain("one");
      return status.split("\n").filter((line) => /^(Uid|Gid|Groups|CapEff):/.test(line));
    });
    const [ours = [], theirs = []] = identities;
    expect(ours.slice(0, 3)).toEqual(theirs.slice(0, 3));
    // The original keeps the right to bind ports below 1024.
    expect(ours[3]).toMatch(/^CapEff:\s*0+$/);
  });

  test.skipIf(!existsSync(PYTHON))("a unix socket of syslog gets its lines", async () => {
    const heard = [];
    for (const daemon of prepareBoth()) {
      using _ = daemon;
      const syslog = await receiver(daemon.path("syslog"));
      let lines = "";
      syslog.stdout?.on("data", (data) => (lines += String(data)));
      start(daemon, `--syslog-method=unix:${daemon.path("syslog")}`);
      const prefix = daemon.appctl("vlog/list-pattern").out.split("\n")[2];
      daemon.appctl("vlog/set", "FACILITY:local1");
      daemon.appctl("ovsdb-server/add-remote", "punix:/nosuch/folder");
      await expect.poll(() => lines, { timeout: 10_000 }).toContain("/nosuch/folder");
      syslog.kill();
      heard.push([prefix, ...lines.split("\n").filter((line) => /ovsdb-server \(Open/.test(line))]);
      expect(lines).toMatch(/^<13[0-9a-f]*>ovs\|\d{5}\|/m);
    }
    expect(heard[0]).toEqual(heard[1]);
  });

  test("a syslog target gets lines in the form of RFC 5424", async () => {
    const heard = [];
    for (const daemon of prepareBoth()) {
      using _ = daemon;
      const socket = createSocket("udp4").bind(0, "127.0.0.1");
      await once(socket, "listening");
      const { port } = socket.address() as AddressInfo;
      const lines: string[] = [];
      socket.on("message", (message) =>
        lines.push(
          String(message)
            .replace(/\d{4}-\S+Z/, "TIME")
            .replace(/server \d+/, "server PID"),
        ),
      );
      start(daemon, `--syslog-target=127.0.0.1:${port}`, "--syslog-method=null");
      await expect.poll(() => lines.length, { timeout: 10_000 }).toBeGreaterThan(1);
      socket.close();
      heard.push(lines.slice(0, 2));
    }
    expect(heard[0]).toEqual(heard[1]);
  });
});
