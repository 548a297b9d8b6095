/** A switch is killed while packets of TCP and of ping go through its connection tracker, and another one goes on. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelObstacle } from "@tenet/datapath";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OvsdbServer } from "@tenet/ovsdb";
import { removeLeftFlows } from "@tenet/switch";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveHost, ownName, tool, whyNot } from "./live-switch.ts";

const reason = whyNot() ?? kernelObstacle()?.reason;
if (reason !== undefined) console.log(`restart.system.test.ts: skipped, ${reason}`);
const PATIENCE = { timeout: 30_000, interval: 50 };
const BRIDGE = ownName("br");
const SWITCH_URL = new URL("../dist/index.js", import.meta.url).href;
/** Runs until it is killed; prints what it logs. */
const SWITCH = `
  const [url, runDir] = process.argv.slice(1);
  const { runSwitch } = await import(url);
  const say = (fields, text) => console.log(text, JSON.stringify(fields));
  const log = { error: say, warn: say, info: say, debug: () => undefined, child: () => log };
  await runSwitch({ database: "unix:" + runDir + "/db.sock", runDir, datapath: "ebpf" }, log, new AbortController().signal);`;
const ECHO = `require("net").createServer((socket) => socket.on("error", () => undefined).pipe(socket)).listen(5001, () => console.log("listening"));`;
/** Prints now and then how many bytes have come back. */
const TALK = `
  const socket = require("net").connect(5001, process.argv[1]);
  let n = 0;
  socket.on("data", ({ length }) => (n += length));
  const chunk = Buffer.alloc(8192);
  const send = () => socket.write(chunk, () => setTimeout(send, 1));
  send();
  setInterval(() => console.log(n), 20);`;
const FIREWALL = [
  "priority=90,arp,actions=NORMAL",
  "priority=100,ip,ct_state=-trk,actions=ct(table=1,zone=9)",
  "table=1,priority=100,ip,ct_state=+trk+est,actions=NORMAL",
];

describe.skipIf(reason !== undefined)("a switch that is killed", () => {
  let scope: Scope;
  let dir: string;
  let hosts: readonly [LiveHost, LiveHost];
  let child: ChildProcess;
  let log: string;
  let talk: ChildProcess;
  let nBytes: number;
  let ping: ChildProcess;
  let report: string;

  function start(): void {
    child = spawn(process.execPath, ["--input-type=module", "-e", SWITCH, SWITCH_URL, dir], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    log = "";
    child.stdout?.on("data", (text) => (log += String(text)));
  }

  async function end(process: ChildProcess): Promise<void> {
    process.kill("SIGKILL");
    if (process.exitCode === null && process.signalCode === null) await once(process, "exit");
  }

  function spawnAt(host: LiveHost, ...command: readonly string[]): ChildProcess {
    const started = spawn("ip", ["netns", "exec", host.name, ...command], { stdio: ["ignore", "pipe", "inherit"] });
    scope.defer(() => end(started));
    return started;
  }

  /** Has it exit. */
  async function exit(...options: readonly string[]): Promise<void> {
    const ended = once(child, "exit");
    expect(await tool("ovs-appctl", ["exit", ...options], { OVS_RUNDIR: dir })).toMatchObject({ code: 0, out: "", err: "" });
    expect(await ended).toEqual([0, null]);
  }

  async function vsctl(...args: readonly string[]): Promise<void> {
    expect(await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", ...args])).toMatchObject({ code: 0 });
  }

  async function addFlows(...flows: readonly string[]): Promise<void> {
    await vi.waitFor(async () => {
      const added = await tool("ovs-ofctl", ["add-flow", BRIDGE, flows[0] ?? ""], { OVS_RUNDIR: dir });
      expect(added).toMatchObject({ code: 0 });
    }, PATIENCE);
    for (const flow of flows.slice(1)) await tool("ovs-ofctl", ["add-flow", BRIDGE, flow], { OVS_RUNDIR: dir });
  }

  async function untilMore(n: number): Promise<void> {
    const wanted = nBytes + n;
    await vi.waitFor(() => expect(nBytes).toBeGreaterThan(wanted), PATIENCE);
  }

  /** Waits until packets go on while the switch looks at none. */
  async function untilInKernel(): Promise<void> {
    await vi.waitFor(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000)); // the verifier gives up when it is stopped
      child.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 100)); // what was on its way
      const before = nBytes;
      await new Promise((resolve) => setTimeout(resolve, 200));
      const after = nBytes;
      child.kill("SIGCONT");
      expect(after).toBeGreaterThan(before);
    }, PATIENCE);
  }

  /** Packets that one host has sent and the other has not received, counted while nobody sends. */
  async function nLost(): Promise<number> {
    for (const each of [talk, ping]) each.kill("SIGSTOP");
    let counts = readCounts();
    await vi.waitFor(async () => {
      const before = counts;
      await new Promise((resolve) => setTimeout(resolve, 100));
      counts = readCounts();
      expect(counts).toEqual(before);
    }, PATIENCE);
    for (const each of [talk, ping]) each.kill("SIGCONT");
    return counts.tx - counts.rx;
  }

  function readCounts(): { tx: number; rx: number } {
    const read = (what: string): number =>
      hosts
        .map(({ name }) => execFileSync("ip", ["netns", "exec", name, "cat", `/sys/class/net/eth0/statistics/${what}_packets`]))
        .reduce((sum, n) => sum + Number(n), 0);
    return { tx: read("tx"), rx: read("rx") };
  }

  /** Kills it, and starts another one that is to wait until its tables are filled. */
  async function killAndStart(): Promise<void> {
    await vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:flow-restore-wait=true");
    await end(child);
    await untilMore(100_000);
    start();
  }

  /** Lets it take over. */
  async function takeOver(): Promise<void> {
    await vsctl("--no-wait", "remove", "Open_vSwitch", ".", "other_config", "flow-restore-wait");
    await vi.waitFor(() => expect(log).toMatch(/took over the flows of a switch that was killed/), PATIENCE);
  }

  /** Packets of connections that are known. */
  async function nMatched(): Promise<number> {
    const { out } = await tool("ovs-ofctl", ["dump-flows", BRIDGE, "table=1,ct_state=+trk+est"], { OVS_RUNDIR: dir });
    return Number(/n_packets=(\d+)/.exec(out)?.[1]);
  }

  beforeEach(async () => {
    scope = new Scope();
    dir = mkdtempSync(join(tmpdir(), "tenet-restart-"));
    scope.defer(() => rmSync(dir, { recursive: true, force: true }));
    const server = scope.use(new OvsdbServer([await Database.open({ schema: OPEN_VSWITCH })], silentLogger));
    await server.listen(`punix:${dir}/db.sock`);
    hosts = [scope.use(new LiveHost(1)), scope.use(new LiveHost(2))];
    for (const { name, port } of hosts) {
      // Their own packets over IPv6 would count.
      writeFileSync(`/proc/sys/net/ipv6/conf/${port}/disable_ipv6`, "1");
      execFileSync("ip", ["netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
    }
    start();
    scope.defer(() => void removeLeftFlows(dir));
    scope.defer(() => end(child));
    await vsctl("init");
    const ports = hosts.flatMap(({ port }) => ["--", "add-port", BRIDGE, port]);
    await vsctl("add-br", BRIDGE, "--", "set-fail-mode", BRIDGE, "secure", ...ports);
    await addFlows(...FIREWALL, "table=1,priority=100,ip,ct_state=+trk+new,actions=ct(commit,zone=9),NORMAL");
    const [a, b] = hosts;
    const echo = spawnAt(b, process.execPath, "-e", ECHO);
    await new Promise((resolve) => echo.stdout?.once("data", resolve));
    nBytes = 0;
    talk = spawnAt(a, process.execPath, "-e", TALK, b.address);
    talk.stdout?.on("data", (text) => (nBytes = Number(String(text).trim().split("\n").at(-1))));
    report = "";
    ping = spawnAt(a, "ping", "-n", "-i", "0.01", b.address);
    ping.stdout?.on("data", (text) => (report += String(text)));
    await untilInKernel();
  });

  afterEach(() => scope[Symbol.asyncDispose]());

  test("leaves flows and connections to the next one, and no packet is lost", async () => {
    const before = await nLost();
    const nBefore = await nMatched();
    await killAndStart();
    await addFlows(...FIREWALL); // nothing new is let in
    await untilMore(100_000);
    expect(log).not.toContain("took over");
    await takeOver();
    expect(await nMatched()).toBeGreaterThan(nBefore);
    await untilMore(1_000_000);
    const lost = (await nLost()) - before;
    console.log(`killed and started again under TCP and ping: ${lost} packets lost`);
    expect(lost).toBe(0);
  });

  test("or that exits leaves flows, its own device and its address; one that is to clean up leaves nothing", async () => {
    execFileSync("ip", ["address", "add", "10.97.0.9/24", "dev", BRIDGE]);
    execFileSync("ip", ["link", "set", BRIDGE, "up"]);
    const addressOf = async (): Promise<string> => (await tool("ip", ["-o", "-4", "address", "show", "dev", BRIDGE])).out;
    for (const leave of [() => end(child), () => exit()]) {
      await leave();
      expect(await addressOf()).toContain("10.97.0.9/24");
      await untilMore(100_000);
      start();
      await addFlows(...FIREWALL);
      await vi.waitFor(() => expect(log).toContain("took over"), PATIENCE);
    }
    await exit("--cleanup");
    expect(await addressOf()).toBe("");
    expect(removeLeftFlows(dir)).toBe(false);
    await vi.waitFor(async () => {
      const before = nBytes;
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(nBytes).toBe(before);
    }, PATIENCE);
  });

  test("is not taken over from while tables are being filled", async () => {
    const before = await nLost();
    await end(child);
    start();
    const others = Array.from({ length: 5000 }, (_, i) => `priority=100,udp,tp_src=${i},actions=drop`);
    writeFileSync(`${dir}/flows`, [...others, ...FIREWALL].join("\n"));
    await vi.waitFor(async () => {
      const added = await tool("ovs-ofctl", ["add-flows", BRIDGE, `${dir}/flows`], { OVS_RUNDIR: dir });
      expect(added).toMatchObject({ code: 0 });
    }, PATIENCE);
    await vi.waitFor(() => expect(log).toMatch(/took over the flows of a switch that was killed/), PATIENCE);
    await untilMore(1_000_000);
    expect((await nLost()) - before).toBe(0);
  });

  test("leaves nothing that is not right any more", async () => {
    await killAndStart();
    await addFlows(FIREWALL[0] ?? "", FIREWALL[1] ?? "", "table=1,priority=100,icmp,ct_state=+trk+est,actions=NORMAL");
    await takeOver();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [atTakeOver, echoes] = [nBytes, report.length];
    await vi.waitFor(() => expect(report.length).toBeGreaterThan(echoes + 2000), PATIENCE);
    expect(nBytes).toBe(atTakeOver);
  });
});
