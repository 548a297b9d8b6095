/** The log of a daemon: levels, patterns, and what parts of Tenet log through it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Scope } from "@tenet/kit";
import { expect, test } from "vitest";
import { SWITCH_MODULES } from "../src/daemon/vlog/modules.ts";
import { formatLine } from "../src/daemon/vlog/pattern.ts";
import { Vlog } from "../src/daemon/vlog/vlog.ts";
import { vlogLogger } from "../src/daemon/vlog/vlog-logger.ts";

const AT = Date.UTC(2026, 0, 9, 8, 7, 6, 5);

/** A log to a file alone, and its lines so far. */
function openLog(scope: Scope, now: () => number = () => AT): { vlog: Vlog; lines: () => string[]; syslog: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "tenet-vlog-"));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "log");
  const syslog: string[] = [];
  const vlog = new Vlog("prog", SWITCH_MODULES, undefined, now, {
    shownPrefix: "",
    prefix: "<%B> ",
    send: (line) => syslog.push(line),
  });
  vlog.set("console:off");
  vlog.openFile(file);
  return { vlog, lines: () => readFileSync(file, "utf8").split("\n").slice(1, -1), syslog };
}

test.each([
  ["%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m", "2026-01-09T08:07:06.005Z|00042|jsonrpc|WARN|hello"],
  ["%D{%h %e %T} %A %B %r%n%%", "Jan  9 08:07:06 prog 28 1005\n%"],
  ["[%-8c][%8c][%q]", "[jsonrpc ][ jsonrpc][%q]"],
  ["%T{main}%t{main}", "mainmain"],
])("the pattern %s", (pattern, line) => {
  const record = { sequence: 42, at: AT, module: "jsonrpc", level: "warn", message: "hello" } as const;
  expect(formatLine(pattern, record, { program: "prog", startedAt: AT - 1005, facility: "daemon" })).toBe(line);
});

test("a part of the program stands beside the module", () => {
  const record = { sequence: 1, at: AT, module: "m", level: "info", message: "" } as const;
  expect(formatLine("%c%T", record, { program: "p", part: "monitor", startedAt: AT, facility: "daemon" })).toBe("m(monitor)");
});

test("levels hold for a module and a destination, and a line goes where it is shown", async () => {
  await using scope = new Scope();
  const { vlog, lines, syslog } = openLog(scope);
  vlog.set("PATTERN:file:%c %p %m");
  vlog.set("syslog:off");
  vlog.set("jsonrpc,file,dbg");
  vlog.set("Reconnect:FILE:err");
  for (const module of ["jsonrpc", "reconnect", "timeval"]) {
    for (const level of ["dbg", "info", "err"] as const) vlog.write(module, level, "x");
  }
  expect(lines()).toEqual([
    "jsonrpc DBG x",
    "jsonrpc INFO x",
    "jsonrpc ERR x",
    "reconnect ERR x",
    "timeval INFO x",
    "timeval ERR x",
  ]);
  vlog.set("socket-util:syslog:warn");
  vlog.write("socket_util", "warn", "to syslog");
  expect(syslog.slice(1)).toEqual([expect.stringMatching(/^<28> ovs\|\d{5}\|socket_util\|WARN\|to syslog$/)]);
});

test.each([
  ["nosuch", 'no destination, level, or module "nosuch"'],
  ["info,warn", "cannot specify multiple levels"],
  ["jsonrpc:reconnect", "cannot specify multiple modules"],
  ["PATTERN:nosuch:%m", 'unknown destination "nosuch"'],
  ["FACILITY:nosuch", "invalid facility"],
])("%s is no setting", (spec, message) => {
  const vlog = new Vlog("prog", SWITCH_MODULES, undefined, () => AT, { shownPrefix: "", prefix: "", send: () => undefined });
  expect(() => vlog.set(spec)).toThrow(message);
});

test("what parts of Tenet log is told in the original's words, or with its fields", async () => {
  await using scope = new Scope();
  const { vlog, lines } = openLog(scope);
  vlog.set("PATTERN:file:%c|%p|%m");
  const log = vlogLogger(vlog, "ovsdb_server").child({ database: "nb" });
  log.info({ remote: "ptcp:0:127.0.0.1", port: 7 }, "listening on a free port");
  log.info({ remote: "tcp:1.2.3.4:5", err: "connect ECONNREFUSED 1.2.3.4:5" }, "cannot connect");
  log.warn({ nRows: 3, file: undefined }, "something of our own");
  log.debug({}, "not shown");
  vlog.set("dpif:dbg");
  const flow = { datapath: "system@ovs-system", ufid: "1-2", match: "in_port(1)", actions: "2" };
  log.debug(flow, "flow put");
  log.debug(flow, "flow added");
  vlog.set("dpif_netdev:dbg");
  log.debug(flow, "flow added");
  expect(lines()).toEqual([
    "socket_util|INFO|0:127.0.0.1: listening on port 7",
    "reconnect|INFO|tcp:1.2.3.4:5: connection attempt failed (Connection refused)",
    "ovsdb_server|WARN|something of our own (database: nb, nRows: 3)",
    "dpif|DBG|system@ovs-system: put[create] ufid:1-2 in_port(1), actions:2",
    "dpif_netdev|DBG|flow_add: ufid:1-2 mega_ufid:1-2 in_port(1), actions:2",
  ]);
});

test("a line that is not to be written is not made", async () => {
  await using scope = new Scope();
  const { vlog, lines } = openLog(scope, () => AT);
  vlog.set("PATTERN:file:%m");
  let nMade = 0;
  for (let n = 0; n < 9; n++) vlog.writeLimited("jsonrpc", "warn", () => `${++nMade}`, "kind", { perMinute: 1, burst: 2 });
  vlog.writeLimited("jsonrpc", "dbg", () => `${++nMade}`, "other kind", { perMinute: 1, burst: 2 });
  expect([lines(), nMade]).toEqual([["1", "2"], 2]);
});

test("what peers can cause again and again is written some times a minute, and counted", async () => {
  await using scope = new Scope();
  let now = AT;
  const { vlog, lines } = openLog(scope, () => now);
  vlog.set("PATTERN:file:%c|%p|%m");
  const log = vlogLogger(vlog, "ovsdb_server");
  const refuse = (n: number) => {
    for (let i = 0; i < n; i++) log.warn({ remote: "r", err: "bad" }, "closing connection after bad message");
  };
  refuse(8);
  now += 30_000;
  refuse(3); // 2.5 tokens came back
  now += 10_000;
  log.warn({}, "something of our own");
  now += 5_000;
  refuse(1);
  vlog.limitRate(["jsonrpc"], false);
  refuse(3);
  const line = "jsonrpc|WARN|r: bad";
  const dropped = (n: number, first: number, last: number) =>
    `jsonrpc|WARN|Dropped ${n} log messages in last ${first} seconds (most recently, ${last} seconds ago) due to excessive rate`;
  expect(lines()).toEqual([
    ...Array<string>(5).fill(line),
    dropped(3, 30, 30),
    line,
    line,
    "ovsdb_server|WARN|something of our own",
    dropped(1, 15, 15),
    ...Array<string>(4).fill(line),
  ]);
});
