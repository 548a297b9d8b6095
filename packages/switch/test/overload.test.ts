/** More than the switch can take, from controllers and from ports: what is too much is bounded and counted, and others are served. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Logger, silentLogger } from "@tenet/kit";
import { connectOpenFlow, encodeMessage, makeMatch, type Message, parseFlow, PORT } from "@tenet/openflow";
import { BridgeServices, type TableChange } from "@tenet/switch";
import { expect, test } from "vitest";
import { finish } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";
import { Cables } from "./cables.ts";

const VERSION = 5;
const ECHO_REPLY = 3;
const PACKET_IN = 10;
const BARRIER_REPLY = 21;
const MEGABYTE = 1024 * 1024;
const UDP = "in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,udp,nw_ttl=64";

/** The OpenFlow sockets of a switch. */
class Service implements AsyncDisposable {
  readonly #dir = mkdtempSync(join(tmpdir(), "tenet-over-"));
  readonly path: string = join(this.#dir, "br0.mgmt");
  readonly #services: BridgeServices;

  private constructor({ vswitch, clock }: Bench | Cables, log: Logger) {
    this.#services = new BridgeServices(vswitch, this.#dir, clock, log);
  }

  static async start(of: Bench | Cables, log: Logger = silentLogger): Promise<Service> {
    const service = new Service(of, log);
    await service.#services.sync();
    return service;
  }

  /** A connection that has said hello. */
  async connect(): Promise<Socket> {
    const socket = connect(this.path);
    await once(socket, "connect");
    socket.write(bytesOf({ type: "hello", versions: 1 << VERSION }));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#services.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function bytesOf(message: Message, xid = 0): Uint8Array {
  return encodeMessage(message, VERSION, xid);
}

/** Reads messages until one of a type has come so often. @returns how many came of each type */
async function readUntil(socket: Socket, type: number, n: number): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  let rest = Buffer.alloc(0);
  for await (const bytes of socket.iterator({ destroyOnReturn: false })) {
    rest = Buffer.concat([rest, bytes as Buffer]);
    while (rest.length >= 8 && rest.length >= rest.readUInt16BE(2)) {
      counts.set(rest[1] ?? 0, (counts.get(rest[1] ?? 0) ?? 0) + 1);
      rest = rest.subarray(rest.readUInt16BE(2));
    }
    if ((counts.get(type) ?? 0) >= n) break;
  }
  return counts;
}

test("a controller that asks and does not read is not read either, until it does; others are served meanwhile", async () => {
  const bench = new Bench(2, []);
  await using service = await Service.start(bench);
  const flooder = await service.connect();
  const [nEchoes, data] = [400, new Uint8Array(60_000)];
  for (let xid = 1; xid <= nEchoes; xid++) flooder.write(bytesOf({ type: "echoRequest", data }, xid));
  using other = await connectOpenFlow(`unix:${service.path}`, { versions: [VERSION] });
  for (let n = 0; n < 20; n++) {
    await other.transactFlows([parseFlow(`table=1,priority=${n},actions=drop`)]);
    expect(await other.flows()).toHaveLength(n + 1);
  }
  // What was taken of 24 MB: a megabyte of replies that wait, and what lies in the kernel's buffers.
  expect(flooder.writableLength).toBeGreaterThan(12 * MEGABYTE);
  const counts = await readUntil(flooder, ECHO_REPLY, nEchoes);
  expect(counts.get(ECHO_REPLY)).toBe(nEchoes);
  flooder.destroy();
});

test("a controller that floods flow-mods and packet-outs does not keep packets and other controllers waiting", async () => {
  const cables = new Cables("p1", "p2");
  await using service = await Service.start(cables);
  const flooder = await service.connect();
  const nMods = 1000;
  const output = [{ type: "output", port: 2 } as const];
  const parts: Uint8Array[] = [];
  for (let n = 0; n < nMods; n++) {
    const flow = parseFlow(`table=5,udp,tp_dst=${n},actions=drop`);
    parts.push(bytesOf({ type: "flowMod", command: "add", flow }));
    if (n % 10 > 0) continue;
    parts.push(bytesOf({ type: "packetOut", inPort: PORT.NONE, actions: output, data: new Uint8Array(60) }));
  }
  const some = Buffer.concat(parts);
  const flooding = setInterval(() => {
    while (flooder.writableLength < MEGABYTE) flooder.write(some);
  }, 1);
  using other = await connectOpenFlow(`unix:${service.path}`, { versions: [VERSION] });
  for (let n = 0; n < 10; n++) {
    await other.transactFlows([parseFlow(`table=1,priority=${n},actions=drop`)]);
    cables.links.get("p1")?.send(new Uint8Array(64).fill(0xff, 0, 6));
  }
  clearInterval(flooding);
  expect(cables.received.filter(({ port, frame }) => port === "p2" && frame.length === 64)).toHaveLength(10);
  flooder.write(bytesOf({ type: "barrierRequest" }));
  const counts = await readUntil(flooder, BARRIER_REPLY, 1);
  expect(counts.get(BARRIER_REPLY)).toBe(1);
  expect(cables.bridge.pipeline.table(5).classifier.size).toBe(nMods);
  const nOut = cables.received.filter(({ frame }) => frame.length === 60).length;
  expect([nOut > 0, nOut % (nMods / 10)]).toEqual([true, 0]);
  flooder.destroy();
});

test("packets for a controller that does not read are dropped beyond a megabyte, and counted", async () => {
  const bench = new Bench(2, ["actions=controller"]);
  const told: object[] = [];
  const log: Logger = { ...silentLogger, child: () => log, warn: (fields) => void told.push(fields) };
  await using service = await Service.start(bench, log);
  const controller = await service.connect();
  controller.write(bytesOf({ type: "setConfig", flags: 0, missSendLength: 1500 }));
  controller.write(bytesOf({ type: "barrierRequest" }));
  await readUntil(controller, BARRIER_REPLY, 1);
  const [nPackets, frame] = [4000, new Uint8Array(1400)];
  for (let n = 0; n < nPackets; n++) {
    bench.datapath.receive("p1", frame);
    if (n % 100 === 0) await turn();
  }
  controller.write(bytesOf({ type: "barrierRequest" }));
  const nRead = (await readUntil(controller, BARRIER_REPLY, 1)).get(PACKET_IN) ?? 0;
  const [{ nDropped }] = told as [{ nDropped: number }];
  expect(nDropped).toBeGreaterThan(nPackets / 4);
  expect(nRead + nDropped).toBe(nPackets);
  controller.destroy();
});

test("tens of thousands of rules come, are found, listed and go in turns, and packets fare as they should all the time", () => {
  const bench = new Bench(3, ["actions=output:2"]);
  const { pipeline } = bench.bridge;
  const nRules = 9000;
  const texts = Array.from({ length: nRules }, (_, n) => {
    const address = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
    return [`ip,nw_dst=${address}`, `ip,nw_src=${address},nw_proto=17`, `udp,nw_dst=${address},tp_dst=${n}`][n % 3] ?? "";
  });
  const adds = function* (): Generator<TableChange> {
    for (const [n, text] of texts.entries())
      yield { command: "add", flow: parseFlow(`priority=7,cookie=${n + 1},${text},actions=output:3`) };
  };
  const inTurns = (changes: Iterable<TableChange>): number => {
    let nSteps = 0;
    for (const work = pipeline.applying(changes); work.next().done !== true; nSteps++) {
      if (nSteps % 200 === 0) expect(bench.send(UDP)).toEqual(["p2"]);
    }
    return nSteps;
  };
  expect(inTurns(adds())).toBeGreaterThan(nRules / 10);
  bench.vswitch.settle();
  for (const n of [0, 1, 2, 4321, nRules - 1]) {
    const [rule] = pipeline.select({ table: 0, match: makeMatch(), cookie: BigInt(n + 1), cookieMask: 0xffffn });
    expect(rule?.match).toMatchObject({ mask: parseFlow(`${texts[n]},actions=drop`).match.mask });
  }
  expect(finish(pipeline.selecting({ table: 0, match: makeMatch(), cookie: 0n }))).toHaveLength(nRules + 1);
  const remove = parseFlow("ip", { purpose: "delete" });
  expect(inTurns([{ command: "delete", flow: remove }])).toBeGreaterThan(nRules / 10);
  expect([pipeline.nRules, pipeline.table(0).classifier.nSubtables]).toEqual([1, 1]);
});

test("a port that vanishes under traffic takes its packets with it, and no other's", () => {
  const cables = new Cables("p1", "p2", "p3", "p4");
  const { bridge, vswitch, links } = cables;
  cables.apply("priority=9,in_port=1,actions=output:2,output:3");
  const frame = new Uint8Array(64).fill(1);
  expect(cables.sendFrame("p1", frame)).toEqual(["p2", "p3"]);
  links.get("p2")?.onFrame(() => vswitch.removePort(bridge, 2)); // in the middle of a burst
  cables.sendFrame("p1", frame);
  expect(cables.received.map(({ port }) => port)).toEqual(["p3"]);
  expect(cables.sendFrame("p1", frame)).toEqual(["p3"]);
  expect(cables.sendFrame("p2", frame)).toEqual([]);
  vswitch.removePort(bridge, 1);
  expect(cables.sendFrame("p1", frame)).toEqual([]);
  expect(cables.sendFrame("p4", frame)).toEqual(["p3"]);
  expect([...cables.datapath.flows()].every(({ actions }) => !JSON.stringify(actions).includes('"port":2'))).toBe(true);
  vswitch.addPort(bridge, { name: "p2", kind: "memory", ofport: 2 });
  vswitch.addPort(bridge, { name: "p1", kind: "memory", ofport: 1 });
  expect(cables.sendFrame("p1", frame)).toEqual(["p2", "p3"]);
});
