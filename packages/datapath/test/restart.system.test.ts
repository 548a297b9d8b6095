/** The process is killed under traffic, and another one goes on: no packet is lost. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { kernelObstacle, removeKernelLeftovers, UserDatapath } from "@tenet/datapath";
import {
  bpfFileSystem,
  createNamespace,
  createVethPair,
  deleteLeftovers,
  deleteLink,
  deleteNamespace,
  inNamespace,
  listLinks,
} from "@tenet/linux";
import { cableHost } from "./cabled-host.ts";
import { matchOf } from "./frames.ts";
import { countRequests } from "./ping-report.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`restart.system.test.ts: skipped, ${obstacle.reason}`);
const PATIENCE = { timeout: 20_000, interval: 20 };
const PREFIX = `trs${process.pid}-`;
const PINS = `test-${process.pid}`;
const FOLDER = `tenet-${PINS}`;

/** A process that connects the two ports, by flows for each port and type, and tells when they are forwarded while it looks away. */
const SWITCH = `
  const [url, untilForwardedUrl, mask, pinName, ...names] = process.argv.slice(1);
  const { untilForwarded } = await import(untilForwardedUrl);
  const { UserDatapath } = await import(url);
  const datapath = new UserDatapath({ isKernelUsed: true, pinName });
  const [a, b] = names.map((name) => datapath.addPort({ name, kind: "system" }));
  datapath.onUpcall(({ frame, inPort, key }) => {
    const actions = [{ type: "output", port: inPort === a ? b : a }];
    datapath.putFlow(key, Uint32Array.from(JSON.parse(mask)), actions);
    datapath.execute(frame, inPort, actions);
  });
  await untilForwarded(datapath, a);
  process.stdout.write("forwarding\\n");`;
const DATAPATH = new URL("../dist/index.js", import.meta.url).href;
const UNTIL_FORWARDED = new URL("until-forwarded.mjs", import.meta.url).href;
const { mask: MASK } = matchOf({ in_port: 1, eth_type: 1 });

let child: ChildProcess;
let ping: ChildProcess;
let report: string;

function plugHost(name: string, n: number): Promise<string> {
  return cableHost(PREFIX + name, `10.98.7.${n}/24`);
}

/** Collectors of a process. */
function collectorsOf(pid: number | undefined): string[] {
  return listLinks().flatMap(({ name }) => (name.startsWith(`tup${pid}.`) ? [name] : []));
}

function received(): number {
  return (report.match(/bytes from/g) ?? []).length;
}

describe.skipIf(obstacle !== undefined)("a process that is killed", () => {
  let names: string[];

  beforeEach(async () => {
    names = [await plugHost("a", 1), await plugHost("b", 2)];
    const args = ["--input-type=module", "-e", SWITCH, DATAPATH, UNTIL_FORWARDED, JSON.stringify([...MASK]), PINS, ...names];
    child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    report = "";
    ping = spawn("ip", ["netns", "exec", `${PREFIX}a`, "ping", "-n", "-O", "-i", "0.005", "10.98.7.2"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    ping.stdout?.on("data", (text) => (report += String(text)));
    await once(child.stdout ?? child, "data");
  });

  afterEach(() => {
    child.kill("SIGKILL");
    ping.kill("SIGKILL");
    deleteLeftovers(PREFIX);
    rmSync(`${bpfFileSystem()}/${FOLDER}`, { recursive: true, force: true });
    for (const name of collectorsOf(child.pid)) if (!name.endsWith("p")) deleteLink(name);
  });

  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  test("its flows go on without it, and the next process goes on in their place", async () => {
    const { last: atKill } = countRequests(report);
    await kill();
    const atDeath = received();
    await vi.waitFor(() => expect(received()).toBeGreaterThan(atDeath + 100), PATIENCE);
    const datapath = new UserDatapath({ isKernelUsed: true, pinName: PINS });
    const [a, b] = names.map((name) => datapath.addPort({ name, kind: "system" }));
    datapath.start(new AbortController().signal);
    const atStart = received();
    await vi.waitFor(() => expect(received()).toBeGreaterThan(atStart + 50), PATIENCE);
    expect(datapath.stats().hits).toBe(0);
    datapath.onUpcall(({ frame, inPort, key }) => {
      const actions = [{ type: "output", port: (inPort === a ? b : a) ?? 0 } as const];
      datapath.putFlow(key, MASK, actions);
      datapath.execute(frame, inPort, actions);
    });
    await datapath.takeOver();
    await vi.waitFor(() => expect(datapath.port(a ?? 0)?.stats.rxPackets).toBeGreaterThan(100), PATIENCE);
    expect(collectorsOf(child.pid)).toEqual([]);
    const { last, lost } = countRequests(report, atKill);
    console.log(`killed and started again under ${last - atKill} echo requests: ${lost} lost`);
    expect(lost).toBe(0);
    await datapath[Symbol.asyncDispose]();
    expect(existsSync(`${bpfFileSystem()}/${FOLDER}`)).toBe(false);
  });

  test("what goes on without it ends on request, but not while it lives", async () => {
    expect(removeKernelLeftovers(PINS)).toBe(false);
    await kill();
    expect(removeKernelLeftovers(PINS)).toBe(true);
    expect(existsSync(`${bpfFileSystem()}/${FOLDER}`)).toBe(false);
    expect(collectorsOf(child.pid)).toEqual([]);
    expect(removeKernelLeftovers(PINS)).toBe(false);
  });

  test("another one of its name leaves it alone while it lives", async () => {
    const refusals: string[] = [];
    const other = new UserDatapath({ isKernelUsed: true, pinName: PINS, onRefusal: (refusal) => refusals.push(refusal) });
    await other[Symbol.asyncDispose]();
    expect(refusals).toEqual([
      expect.stringMatching("flows and connections end with this process: .* a process that lives does"),
    ]);
    expect(collectorsOf(child.pid)).not.toEqual([]);
    const atEnd = received();
    await vi.waitFor(() => expect(received()).toBeGreaterThan(atEnd + 20), PATIENCE);
    expect(removeKernelLeftovers(PINS)).toBe(false);
  });

  test("a device has flows of one name: those of another that lives are heeded, those of one that was killed end", async () => {
    const refusals: string[] = [];
    const onRefusal = (refusal: string): void => void refusals.push(refusal);
    await using next = new UserDatapath({ isKernelUsed: true, pinName: `${PINS}-next`, onRefusal });
    next.start(new AbortController().signal);
    expect(() => next.addPort({ name: names[0] ?? "", kind: "system" })).toThrow(/another switch forwards its packets/);
    expect([...next.ports()]).toEqual([]);
    await kill();
    const [a, b] = names.map((name) => next.addPort({ name, kind: "system" }));
    expect(refusals).toEqual(
      names.map((name) => `${name} had flows of a switch of another run folder that was killed: they end`),
    );
    expect(existsSync(`${bpfFileSystem()}/${FOLDER}`)).toBe(false);
    expect(collectorsOf(child.pid)).toEqual([]);
    next.onUpcall(({ frame, inPort }) => {
      next.execute(frame, inPort, [{ type: "output", port: (inPort === a ? b : a) ?? 0 }]);
    });
    const atStart = received();
    await vi.waitFor(() => expect(received()).toBeGreaterThan(atStart + 20), PATIENCE);
  });

  test("what was killed together with its namespace goes when the next one begins", async () => {
    createNamespace(`${PREFIX}c`);
    const begin = "const { UserDatapath } = await import(process.argv[1]); setInterval(() => {}, 1000);";
    const made = "new UserDatapath({ isKernelUsed: true, pinName: process.argv[2] }); console.log();";
    const args = ["--input-type=module", "-e", begin + made, DATAPATH, `${PINS}-c`];
    const other = inNamespace(`${PREFIX}c`, () => spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] }));
    await once(other.stdout, "data");
    other.kill("SIGKILL");
    await once(other, "exit");
    const folder = `${bpfFileSystem()}/${FOLDER}-c`;
    expect(existsSync(folder)).toBe(true);
    deleteNamespace(`${PREFIX}c`);
    await vi.waitFor(async () => {
      await using next = new UserDatapath({ isKernelUsed: true, pinName: PINS });
      expect([...next.ports()]).toEqual([]);
      expect(existsSync(folder)).toBe(false);
    }, PATIENCE);
  });

  test("devices of another namespace are not its own, though their numbers and its process's are the same", async () => {
    const serve = "const { UserDatapath } = await import(process.argv[1]); setInterval(() => {}, 1000);";
    const made = "const datapath = new UserDatapath({ isKernelUsed: true, pinName: process.argv[2] });";
    const port =
      'datapath.start(new AbortController().signal); datapath.addPort({ name: "port", kind: "system" }); console.log();';
    // The first process of its namespace, so that both have the same number.
    const begin = (namespace: string): ChildProcess => {
      createNamespace(PREFIX + namespace);
      const node = [process.execPath, "--input-type=module", "-e", serve + made + port, DATAPATH, `${PINS}-${namespace}`];
      return inNamespace(PREFIX + namespace, () => {
        createVethPair({ name: "port", peer: "host" });
        return spawn("unshare", ["--pid", "--fork", "--kill-child", "--mount-proc", ...node], {
          stdio: ["ignore", "pipe", "inherit"],
        });
      });
    };
    const others = [begin("c"), begin("d")];
    try {
      for (const other of others) {
        const serves = once(other.stdout ?? other, "data").then(() => "serves");
        expect(await Promise.race([serves, once(other, "exit").then(() => "ends")])).toBe("serves");
      }
    } finally {
      for (const other of others) {
        other.kill("SIGKILL");
        if (other.exitCode === null) await once(other, "exit");
      }
      for (const namespace of ["c", "d"]) deleteNamespace(PREFIX + namespace);
      for (const namespace of ["c", "d"]) rmSync(`${bpfFileSystem()}/${FOLDER}-${namespace}`, { recursive: true, force: true });
    }
  });

  test("what was killed before it had begun goes when another one begins", async () => {
    const dead = spawn("true");
    await once(dead, "exit");
    const collector = `tup${dead.pid}.0`;
    const [old, young] = [`${bpfFileSystem()}/${FOLDER}-old`, `${bpfFileSystem()}/${FOLDER}-young`];
    for (const folder of [old, young]) mkdirSync(`${folder}/connections-0`, { recursive: true });
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(old, longAgo, longAgo);
    createVethPair({ name: collector, peer: `${collector}p` });
    const living = collectorsOf(child.pid);
    try {
      await using next = new UserDatapath({ isKernelUsed: true, pinName: `${PINS}-next` });
      expect([...next.ports()]).toEqual([]);
      expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
      expect(collectorsOf(dead.pid)).toEqual([]);
      expect(collectorsOf(child.pid)).toEqual(living);
      await kill();
    } finally {
      rmSync(young, { recursive: true, force: true });
    }
    expect(removeKernelLeftovers(`${PINS}-next`)).toBe(false);
    expect(collectorsOf(child.pid)).toEqual(living); // its programs go on with it
  });

  test("whoever stops in order before it has taken over leaves nothing either", async () => {
    await kill();
    const datapath = new UserDatapath({ isKernelUsed: true, pinName: PINS });
    datapath.addPort({ name: names[0] ?? "", kind: "system" });
    expect(readdirSync(`${bpfFileSystem()}/${FOLDER}`).filter((name) => name.startsWith("link-"))).toHaveLength(2);
    await datapath[Symbol.asyncDispose]();
    expect(existsSync(`${bpfFileSystem()}/${FOLDER}`)).toBe(false);
    expect(collectorsOf(child.pid)).toEqual([]);
    await vi.waitFor(() => expect(report).toContain("no answer yet"), PATIENCE);
  });
});
