/** `ovsdb-server` as scripts know it: the same command lines and control commands, to the original and to ours. */
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { resolve as resolvePath } from "node:path";
import { describe, expect, test } from "vitest";
import { Daemon, HAS_ORIGINAL, type Kind, type Outcome } from "./support/daemon.ts";
import { run } from "./support/tenet.ts";

const remotes = { type: { key: "string", min: 0, max: "unlimited" } };
const schema = (name: string) => ({
  name,
  version: "1.0.0",
  tables: { T: { columns: { n: { type: "integer" }, path: { type: "string" }, remotes }, isRoot: true } },
});

/** A folder with two databases. */
function prepare(kind: Kind): Daemon {
  const daemon = new Daemon(kind);
  daemon.create("one.db", schema("one"));
  daemon.create("two.db", schema("two"));
  return daemon;
}

/** What both do, with what differs from run to run taken out. */
function inBoth(act: (daemon: Daemon) => unknown): void {
  const [ours, theirs] = (["tenet", "original"] as const).map((kind) => {
    using daemon = prepare(kind);
    return JSON.stringify(act(daemon), undefined, 1)
      .replaceAll(daemon.folder, "FOLDER")
      .replaceAll(/pid \d+/g, "pid N");
  });
  expect(ours).toBe(theirs);
}

const text = ({ code, out, err }: Outcome) => ({ code, out, err: err.replaceAll(/^\d{4}-.*\n/gm, "") });

describe.skipIf(!HAS_ORIGINAL)("command lines end as the original's do", () => {
  test.each([
    ["a missing file", ["nosuch.db"]],
    ["a file that is no database", ["one.db.schema"]],
    ["an unknown option", ["--foo", "one.db"]],
    ["an option without its value", ["one.db", "--remote"]],
    ["a value that an option does not take", ["--detach=3", "one.db"]],
    ["an unknown letter", ["-z", "one.db"]],
    ["no file and no default", ["--run=true"]],
    ["a shortened option", ["--rem=punix:x", "--run=true", "one.db"]],
    ["a command that fails", ["one.db", "--remote=punix:x", "--run=echo hi; exit 3"]],
    ["a command that succeeds", ["one.db", "--remote=punix:x", "--run", "ovsdb-client --timeout=5 list-dbs unix:x"]],
    ["a command that is killed", ["--run=kill -9 $$", "one.db"]],
    ["several databases", ["one.db", "two.db", "--remote=punix:x", "--run=ovsdb-client --timeout=5 list-dbs unix:x"]],
    ["a relay of nothing", ["relay:foo", "--run=true"]],
    ["no database wanted", ["--no-dbs", "--remote=punix:x", "--run=ovsdb-client --timeout=5 list-dbs unix:x"]],
    ["a column that is not there", ["one.db", "--remote=db:one,X,y", "--run=true"]],
    ["half a column", ["one.db", "--remote=db:one", "--run=true"]],
    ["a column of another database", ["one.db", "--private-key=db:three,T,path", "--run=true"]],
    ["a module that is not there", ["one.db", "-vnosuch", "--run=true"]],
    ["a destination that is not there", ["one.db", "-vPATTERN:nosuch:%m", "--run=true"]],
    [
      "levels of all forms",
      ["one.db", "-vfile", "-vjsonrpc:file:dbg", "-vvlog:off", "-vconsole,emer", "--verbose=info", "--run=true"],
    ],
    ["a pid file in no folder", ["one.db", "--pidfile=nosuch/pid", "--run=true"]],
    ["a log file in no folder", ["one.db", "--log-file=/dev/null/x", "--run=true"]],
    ["a control socket in no folder", ["one.db", "--unixctl=nosuch/ctl", "--run=true"]],
    ["no control socket", ["one.db", "--unixctl=none", "--run=ls *.ctl"]],
    ["a syslog that is not there", ["one.db", "--syslog-method=nosuch", "--run=true"]],
  ])("%s", (_name, args) => {
    inBoth((daemon) => {
      const { code, out, err } = text(daemon.serve(...args));
      // The name of a pid file's draft is the original's alone.
      return { code, out, err: err.replace(".tmp", "").trimEnd() };
    });
  });

  test("a file, or a pid file, that another server has", () => {
    inBoth((daemon) => {
      const first = daemon.serve("one.db", "--pidfile", "--detach", "--log-file");
      const pid = daemon.read("ovsdb-server.pid").trim();
      const second = [daemon.serve("one.db", "--run=true"), daemon.serve("two.db", "--pidfile", "--run=true")];
      const overwritten = daemon.serve("two.db", "--pidfile", "--overwrite-pidfile", "--unixctl=other", "--run=true");
      daemon.run("kill", pid); // its pid file, by which it is told to exit elsewhere, was overwritten
      return [first, ...second, overwritten].map(({ code, err }) => ({ code, err: text({ code, out: "", err }).err }));
    });
  });
});

describe.skipIf(!HAS_ORIGINAL)("a daemon in the background", () => {
  test("is there when the command returns, has the original's files, and leaves none", () => {
    inBoth((daemon) => {
      const started = text(daemon.serve("one.db", "two.db", "--remote=punix:db.sock", "--pidfile", "--detach", "--log-file"));
      const present = readdirSync(daemon.folder).filter((name) => !name.startsWith("."));
      const names = daemon.run("ovsdb-client", "list-dbs", `unix:${daemon.path("db.sock")}`);
      const [version, exit] = [daemon.appctl("version"), daemon.appctl("exit")];
      const isGone = () => !existsSync(daemon.path("ovsdb-server.pid"));
      for (let nTries = 0; nTries < 200 && !isGone(); nTries++) daemon.run("sleep", "0.02");
      const left = readdirSync(daemon.folder).filter((name) => !name.startsWith("."));
      return { started, present: present.map((name) => name.replace(/\d+/, "N")), names, version, exit, left };
    });
  });

  test("tells what is wrong before it detaches, on the terminal it was started from", () => {
    inBoth((daemon) => {
      const failed = text(daemon.serve("nosuch.db", "--pidfile", "--detach"));
      return { failed, pid: existsSync(daemon.path("ovsdb-server.pid")) };
    });
  });

  test("logs in the original's format, with the port that it chose", async () => {
    for (const kind of ["tenet", "original"] as const) {
      using daemon = prepare(kind);
      daemon.serve("one.db", "--remote=ptcp:0:127.0.0.1", "--pidfile", "--detach", "--log-file");
      // The original writes its last line when the command has returned.
      await expect.poll(() => daemon.read("ovsdb-server.log")).toContain("3.1.0\n");
      const lines = daemon.read("ovsdb-server.log").trimEnd().split("\n");
      for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\|\d{5}\|[a-z_]+\|INFO\|/);
      expect(lines.some((line) => /\|socket_util\|INFO\|0:127\.0\.0\.1: listening on port \d+$/.test(line))).toBe(true);
      expect(lines.some((line) => line.endsWith("|ovsdb_server|INFO|ovsdb-server (Open vSwitch) 3.1.0"))).toBe(true);
    }
  });

  test("--monitor starts it again after a crash, with another pid", async () => {
    using daemon = prepare("tenet");
    daemon.serve("one.db", "--remote=punix:db.sock", "--pidfile", "--detach", "--log-file", "--monitor");
    const before = daemon.read("ovsdb-server.pid");
    process.kill(Number(before), "SIGSEGV");
    const pid = () => (existsSync(daemon.path("ovsdb-server.pid")) ? daemon.read("ovsdb-server.pid") : "");
    await expect.poll(() => /^\d+\n$/.test(pid()) && pid() !== before, { timeout: 10_000 }).toBe(true);
    await expect.poll(() => daemon.appctl("ovsdb-server/list-dbs").out, { timeout: 10_000 }).toBe("_Server\none\n");
    expect(daemon.read("ovsdb-server.log")).toMatch(
      /daemon_unix\(monitor\)\|ERR\|1 crashes: pid \d+ died, killed \(Segmentation fault\), restarting/,
    );
  });

  test("after a crash, --monitor goes on with what was added by hand, and in the role that was given by hand", async () => {
    using daemon = prepare("tenet");
    daemon.serve("one.db", "--sync-from=unix:none", "--remote=punix:db.sock", "--pidfile", "--detach", "--monitor");
    daemon.appctl("ovsdb-server/add-db", daemon.path("two.db"));
    daemon.appctl("ovsdb-server/add-remote", "punix:other.sock");
    daemon.appctl("ovsdb-server/disconnect-active-ovsdb-server");
    const before = daemon.read("ovsdb-server.pid");
    process.kill(Number(before), "SIGSEGV");
    const pid = () => (existsSync(daemon.path("ovsdb-server.pid")) ? daemon.read("ovsdb-server.pid") : "");
    await expect.poll(() => /^\d+\n$/.test(pid()) && pid() !== before, { timeout: 10_000 }).toBe(true);
    await expect.poll(() => daemon.appctl("ovsdb-server/list-dbs").out, { timeout: 10_000 }).toBe("_Server\none\ntwo\n");
    expect(daemon.appctl("ovsdb-server/list-remotes").out).toBe("punix:db.sock\npunix:other.sock\n");
    expect(daemon.appctl("ovsdb-server/sync-status").out).toBe("state: active\n");
    expect(daemon.appctl("ovsdb-server/get-active-ovsdb-server").out).toBe("unix:none\n");
  });

  test("the log file can be rotated", () => {
    using daemon = prepare("tenet");
    daemon.serve("one.db", "--pidfile", "--detach", "--log-file", "-vPATTERN:file:%p %m");
    daemon.run("mv", "ovsdb-server.log", "old.log");
    expect(daemon.appctl("vlog/reopen").code).toBe(0);
    expect(daemon.read("ovsdb-server.log")).toContain("INFO opened log file");
    daemon.appctl("vlog/close");
    const { size } = statSync(daemon.path("ovsdb-server.log"));
    daemon.appctl("ovsdb-server/add-remote", "ptcp:0");
    expect(statSync(daemon.path("ovsdb-server.log")).size).toBe(size);
  });
});

describe.skipIf(!HAS_ORIGINAL)("control commands answer as the original's", () => {
  const script: readonly (readonly string[])[] = [
    ["version"],
    ["ovsdb-server/list-dbs"],
    ["ovsdb-server/list-remotes"],
    ["ovsdb-server/add-db", "two.db"],
    ["ovsdb-server/add-db", "two.db"],
    ["ovsdb-server/add-db", "nosuch.db"],
    ["ovsdb-server/add-db", "one.db.schema"],
    ["ovsdb-server/list-dbs"],
    ["ovsdb-server/add-remote", "punix:second.sock"],
    ["ovsdb-server/add-remote", "db:two,T,remotes"],
    ["ovsdb-server/add-remote", "db:two,T,nosuch"],
    ["ovsdb-server/add-remote", "db:two,nosuch,n"],
    ["ovsdb-server/add-remote", "db:three,T,remotes"],
    ["ovsdb-server/add-remote", "db:two"],
    ["ovsdb-server/add-remote", "foo:x"],
    ["ovsdb-server/add-remote", "punix:/nosuch/x"],
    ["ovsdb-server/list-remotes"],
    ["ovsdb-server/remove-remote", "foo:x"],
    ["ovsdb-server/remove-remote", "punix:/nosuch/x"],
    ["ovsdb-server/remove-remote", "punix:second.sock"],
    ["ovsdb-server/remove-remote", "punix:second.sock"],
    ["ovsdb-server/compact"],
    ["ovsdb-server/compact", "one"],
    ["ovsdb-server/compact", "nosuch"],
    ["ovsdb-server/compact", "_Server"],
    ["ovsdb-server/memory-trim-on-compaction", "on"],
    ["ovsdb-server/memory-trim-on-compaction", "maybe"],
    ["ovsdb-server/compact", "two"],
    ["ovsdb-server/get-db-storage-status", "one"],
    ["ovsdb-server/get-db-storage-status", "three"],
    ["ovsdb-server/perf-counters-show"],
    ["ovsdb-server/perf-counters-clear"],
    ["ovsdb-server/reconnect"],
    ["ovsdb-server/disable-monitor-cond"],
    ["memory/show"],
    ["ovsdb-server/remove-db", "one"],
    ["ovsdb-server/remove-db", "one"],
    ["ovsdb-server/remove-db", "_Server"],
    ["ovsdb-server/list-dbs"],
    ["vlog/list"],
    ["vlog/set", "jsonrpc:file:dbg", "syslog,warn"],
    ["vlog/set", "nosuch"],
    ["vlog/set", "PATTERN:file:%p|%m"],
    ["vlog/set", "PATTERN:nosuch:%m"],
    ["vlog/list-pattern"],
    ["vlog/disable-rate-limit", "jsonrpc"],
    ["vlog/list"],
    ["vlog/reopen"],
    ["vlog/close"],
    ["ovsdb-server/tlog-set", "two:T", "on"],
    ["ovsdb-server/tlog-set", "two:X", "on"],
    ["ovsdb-server/tlog-set", "two", "on"],
    ["ovsdb-server/tlog-set", "x:T", "on"],
    ["ovsdb-server/tlog-set", "two:T", "maybe"],
    ["ovsdb-server/tlog-list"],
    ["ovsdb-server/sync-status"],
    ["ovsdb-server/set-active-ovsdb-server", "tcp:127.0.0.1:1"],
    ["ovsdb-server/get-active-ovsdb-server"],
    ["ovsdb-server/set-sync-exclude-tables", "one:T"],
    ["ovsdb-server/get-sync-exclude-tables"],
    ["coverage/read-counter", "nosuch"],
    ["version", "x"],
    ["ovsdb-server/add-db"],
    ["nosuch"],
  ];

  test("one after the other", () => {
    inBoth((daemon) => {
      daemon.serve("one.db", "--remote=punix:db.sock", "--pidfile", "--detach", "--no-chdir");
      return script.map((command) => ({ command, ...daemon.appctl(...command) }));
    });
  });

  test("all commands of its list are there", () => {
    const list = (kind: Kind) => {
      using daemon = prepare(kind);
      daemon.serve("one.db", "--pidfile", "--detach");
      return daemon.appctl("list-commands").out.split("\n");
    };
    const [ours, theirs] = [list("tenet"), list("original")];
    expect(theirs.filter((line) => !ours.includes(line))).toEqual([]);
  });

  test("tlog-set has the changes of a table logged", () => {
    inBoth((daemon) => {
      daemon.serve("one.db", "--remote=punix:db.sock", "--pidfile", "--detach", "--log-file", "--no-chdir");
      const transact = (...operations: object[]) =>
        daemon.run("ovsdb-client", "transact", `unix:${daemon.path("db.sock")}`, JSON.stringify(["one", ...operations]));
      daemon.appctl("ovsdb-server/tlog-set", "one:T", "on");
      transact({ op: "insert", table: "T", row: { n: 1, path: "a" } });
      transact({ op: "update", table: "T", where: [], row: { n: 2 } });
      daemon.appctl("ovsdb-server/tlog-set", "one:T", "off");
      transact({ op: "insert", table: "T", row: { n: 3 } });
      const lines = daemon
        .read("ovsdb-server.log")
        .split("\n")
        .filter((line) => line.includes("|transaction|INFO|"));
      // The columns come in any order.
      const words = lines.map((line) =>
        line
          .replace(/.*INFO\|/, "")
          .split(",")
          .toSorted(),
      );
      return words.map((line) => line.filter((word) => !word.startsWith("_")));
    });
  });

  test("a counter counts", () => {
    using daemon = prepare("tenet");
    daemon.serve("one.db", "--pidfile", "--detach");
    for (const _n of [1, 2, 3]) daemon.appctl("version");
    expect(daemon.appctl("coverage/read-counter", "unixctl_replied").out).toBe("3\n");
    expect(daemon.appctl("coverage/show").out).toMatch(/^Event coverage, .*:\nunixctl_received +0\.0\/sec .* total: 5\n/);
  });
});

test.skipIf(!HAS_ORIGINAL)("the original and Tenet keep off each other's files", () => {
  const locked = /failed to lock lockfile \(Resource temporarily unavailable\)/;
  for (const [first, second] of [
    ["tenet", "original"],
    ["original", "tenet"],
  ] as const) {
    using daemon = prepare(first);
    daemon.serve("one.db", "--pidfile", "--detach");
    using other = new Daemon(second);
    expect(other.serve(daemon.path("one.db"), "--run=true").err).toMatch(locked);
    expect(daemon.run("ovsdb-tool", "compact", "one.db").err).toContain("Resource temporarily unavailable");
    const compacted = daemon.run(process.execPath, resolvePath("packages/cli/bin/tenet.js"), "db", "compact", "one.db");
    expect([compacted.code, compacted.err]).toEqual([1, expect.stringContaining("has it open")]);
  }
});

test.skipIf(!HAS_ORIGINAL)("a backup follows its active server, and a relay serves what that has", async () => {
  using active = prepare("original");
  using ours = prepare("tenet");
  active.serve("one.db", "--remote=punix:db.sock", "--pidfile", "--detach");
  const [source, backup, relay] = [active.path("db.sock"), ours.path("backup.sock"), ours.path("relay.sock")];
  ours.serve("one.db", `--sync-from=unix:${source}`, `--remote=punix:${backup}`, "--pidfile", "--detach", "--no-chdir");
  ours.serve(`relay:one:unix:${source}`, `--remote=punix:${relay}`, "--unixctl=relay.ctl", "--pidfile=relay.pid", "--detach");
  const insert = '["one",{"op":"insert","table":"T","row":{"n":42}}]';
  expect(active.run("ovsdb-client", "transact", `unix:${source}`, insert).code).toBe(0);
  for (const socket of [backup, relay]) {
    const dump = () => ours.run("ovsdb-client", "--timeout=5", "dump", `unix:${socket}`, "one", "T", "n").out;
    await expect.poll(dump, { timeout: 10_000 }).toContain("42");
  }
  expect(ours.appctl("ovsdb-server/sync-status").out).toMatch(/state: backup\n[^]*replicating/);
  expect(ours.run("ovsdb-client", "transact", `unix:${backup}`, insert).out).toContain("not allowed");
  ours.appctl("ovsdb-server/disconnect-active-ovsdb-server");
  expect(ours.run("ovsdb-client", "transact", `unix:${backup}`, insert).out).toContain("uuid");
  ours.run("ovs-appctl", "-t", ours.path("relay.ctl"), "exit");
});

test.skipIf(!HAS_ORIGINAL)("a state folder is the backup of another one on all its sockets", async () => {
  using one = new Daemon("tenet");
  using other = new Daemon("tenet");
  const start = (daemon: Daemon, ...options: string[]) => {
    const env = { TENET_HOME: daemon.folder };
    const flags = ["ovsdb-server", "--detach", `--pidfile=${daemon.path("ovsdb-server.pid")}`, ...options];
    const began = run(
      process.execPath,
      [resolvePath("packages/cli/bin/tenet.js"), ...flags, "--unixctl", daemon.path("ctl")],
      env,
    );
    expect(began.status).toBe(0);
  };
  start(one, `--remote=punix:${one.path("all.sock")}`);
  start(other, `--sync-from=unix:${one.path("all.sock")}`);
  const [nb, backup] = [one, other].map((daemon) => `unix:${daemon.path("run/nb.sock")}`) as [string, string];
  const transact = (remote: string, ...operations: object[]) =>
    one.run("ovsdb-client", "--timeout=5", "transact", remote, JSON.stringify(["OVN_Northbound", ...operations]));
  const insert = { op: "insert", table: "Logical_Switch", row: { name: "sw0" } };
  expect(transact(nb, insert).out).toContain("uuid");
  const select = { op: "select", table: "Logical_Switch", where: [], columns: ["name"] };
  await expect.poll(() => transact(backup, select).out, { timeout: 10_000 }).toContain("sw0");
  expect(transact(backup, insert).out).toContain("in read only mode");
  const appctl = (...command: string[]) => one.run("ovs-appctl", "-t", other.path("ctl"), ...command);
  expect(appctl("ovsdb-server/sync-status").out).toContain("database: OVN_Northbound, OVN_Southbound, Open_vSwitch");
  appctl("ovsdb-server/disconnect-active-ovsdb-server");
  expect(transact(backup, insert).out).toContain("uuid");
  for (const daemon of [one, other]) one.run("ovs-appctl", "-t", daemon.path("ctl"), "exit");
});

describe.skipIf(!HAS_ORIGINAL)("a configuration file", () => {
  test("says which databases and remotes there are, again when it is reloaded; clients of what stays stay", async () => {
    using daemon = prepare("tenet");
    const write = (config: object) => writeFileSync(daemon.path("config.json"), JSON.stringify(config));
    write({ databases: { "one.db": {} }, remotes: { "punix:db.sock": {}, "punix:gone.sock": null } });
    expect(daemon.serve("--config-file=config.json", "--pidfile", "--detach", "--no-chdir").code).toBe(0);
    const client = connect(daemon.path("db.sock"));
    let isClosed = false;
    client.on("close", () => (isClosed = true));
    client.write('{"method":"set_db_change_aware","params":[true],"id":1}');
    await new Promise((resolve) => client.once("data", resolve));
    write({
      databases: { "one.db": null, "two.db": { "service-model": "standalone" } },
      remotes: { "punix:db.sock": { "inactivity-probe": 60_000 }, "punix:new.sock": { "read-only": true } },
    });
    expect(daemon.appctl("ovsdb-server/reload")).toEqual({ code: 0, out: "", err: "" });
    expect(daemon.appctl("ovsdb-server/list-dbs").out).toBe("_Server\none\ntwo\n");
    expect(daemon.appctl("ovsdb-server/list-remotes").out).toBe("punix:db.sock\npunix:new.sock\n");
    expect(existsSync(daemon.path("gone.sock"))).toBe(false);
    const insert = '["two",{"op":"insert","table":"T","row":{}}]';
    expect(daemon.run("ovsdb-client", "transact", `unix:${daemon.path("new.sock")}`, insert).out).toContain("not allowed");
    expect(daemon.run("ovsdb-client", "transact", `unix:${daemon.path("db.sock")}`, insert).out).toContain("uuid");
    client.write('{"method":"echo","params":["there"],"id":2}');
    await expect.poll(() => String(client.read() ?? "") + String(isClosed)).toContain("false");
    client.destroy();
    expect(daemon.appctl("ovsdb-server/add-db", "one.db").err).toContain("databases and remotes are those of");
    const source = { [`unix:${daemon.path("db.sock")}`]: {} };
    write({ databases: { "one.db": {}, two: { "service-model": "relay", source } }, remotes: { "punix:db.sock": {} } });
    expect(daemon.appctl("ovsdb-server/reload").code).toBe(0);
    const models = '["_Server",{"op":"select","table":"Database","where":[["name","==","two"]],"columns":["model"]}]';
    expect(daemon.run("ovsdb-client", "transact", `unix:${daemon.path("db.sock")}`, models).out).toContain('"relay"');
  });

  test("makes one database the backup of another server's and leaves the others; reloaded, it can be written to", async () => {
    using active = prepare("original");
    using daemon = prepare("tenet");
    active.serve("one.db", `--remote=punix:${active.path("db.sock")}`, "--pidfile", "--detach", "--no-chdir");
    const write = (one: object) =>
      writeFileSync(
        daemon.path("config.json"),
        JSON.stringify({ databases: { "one.db": one, "two.db": {} }, remotes: { "punix:db.sock": {} } }),
      );
    const source = { [`unix:${active.path("db.sock")}`]: { "inactivity-probe": 5000, "max-backoff": 1000 } };
    write({ "service-model": "active-backup", backup: true, source });
    expect(daemon.serve("--config-file=config.json", "--pidfile", "--detach", "--no-chdir").code).toBe(0);
    const transact = (of: Daemon, name: string, operation: object) =>
      of.run("ovsdb-client", "--timeout=5", "transact", `unix:${of.path("db.sock")}`, JSON.stringify([name, operation])).out;
    const insert = (n: number) => ({ op: "insert", table: "T", row: { n } });
    const numbers = { op: "select", table: "T", where: [], columns: ["n"] };
    transact(active, "one", insert(7));
    await expect.poll(() => transact(daemon, "one", numbers), { timeout: 10_000 }).toBe('[{"rows":[{"n":7}]}]\n');
    expect(daemon.appctl("ovsdb-server/sync-status").out).toMatch(/^one\nstate: backup\nreplicating: unix:.*\ndatabase: one\n$/);
    expect(transact(daemon, "one", insert(8))).toContain(
      "insert operation not allowed when database server is in read only mode",
    );
    expect(transact(daemon, "two", insert(8))).toContain("uuid");
    write({ "service-model": "active-backup", backup: true, source, "exclude-tables": ["T"] });
    expect(daemon.appctl("ovsdb-server/reload").code).toBe(0);
    await expect.poll(() => daemon.appctl("ovsdb-server/sync-status").out, { timeout: 10_000 }).toContain("exclude: one:T");
    write({ "service-model": "active-backup", backup: false, source });
    expect(daemon.appctl("ovsdb-server/reload").code).toBe(0);
    expect(daemon.appctl("ovsdb-server/sync-status").out).toBe("state: active\n");
    expect(transact(daemon, "one", insert(9))).toContain("uuid");
    expect(transact(daemon, "one", numbers)).toContain('{"n":7}');
  });

  test.each([
    ["{", "cannot read the configuration"],
    ['{"database":{}}', '"database" is not known'],
    ['{"databases":{"one.db":{"service-model":"odd"}}}', 'service model "odd"'],
    ['{"databases":{"T":{"service-model":"relay"}}}', '"source" of "T"'],
    ['{"databases":{"one.db":{"service-model":"active-backup","backup":true}}}', '"source" of "one.db"'],
    ['{"databases":{"one.db":{"service-model":"active-backup","backup":"yes"}}}', '"backup" of "one.db" cannot be "yes"'],
    ['{"databases":{"one.db":{"service-model":"active-backup","exclude-tables":"T"}}}', '"exclude-tables" of "one.db"'],
    ['{"databases":{"T":{"service-model":"relay","source":{"tcp:1.2.3.4:5":{"role":"r"}}}}}', "neither read-only nor role"],
    ['{"databases":{"one.db":{"source":{}}}}', '"source" of "one.db" has no meaning'],
    ['{"remotes":{"punix:x":{"read-only":1}}}', '"read-only" of "punix:x" cannot be 1'],
  ])("%s is refused with a reason, and a reload leaves what is served", (config, problem) => {
    using daemon = prepare("tenet");
    writeFileSync(daemon.path("config.json"), config);
    const refused = daemon.serve("--config-file=config.json", "--run=true");
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining(problem)]);
    writeFileSync(daemon.path("config.json"), '{"databases":{"one.db":{}}}');
    daemon.serve("--config-file=config.json", "--pidfile", "--detach", "--no-chdir");
    writeFileSync(daemon.path("config.json"), config);
    expect(daemon.appctl("ovsdb-server/reload").err).toContain(problem);
    expect(daemon.appctl("ovsdb-server/list-dbs").out).toBe("_Server\none\n");
  });
});
