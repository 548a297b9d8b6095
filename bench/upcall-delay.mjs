/**
 * How long the first packet of a flow waits while the switch has other work: a trickle of a packet per millisecond, each of a
 * new flow, sent from one thread to the switch in another, and what the switch is asked to do meanwhile by a third.
 *
 * A delay is the time from sending to forwarding, less the time that the switch's thread waited for a processor, which other
 * processes had; on a machine that is busy the CPU time of the thread in between tells more, in which are no waits. Of the packets
 * that waited for more than 2 ms of it, those that waited longest are told with what the thread was at meanwhile; what no noted piece
 * accounts for is short pieces, marking by the collector, compilation, promises, or another process.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OvsdbServer } from "@tenet/ovsdb";
import { collectAlone, compileAhead, SWITCH_THREAD_LIMITS } from "../packages/cli/dist/daemon/short-pauses.js";
import { BARRIER_REPLY, BUNDLE_CONTROL, connectTo, MULTIPART_REPLY } from "./support/openflow-bytes.mjs";
import { deleteFlows, dumpFlows, flowMods, LARGE_TABLE, monitorFlows, pipeline, textFlowMods } from "./support/switch-load.mjs";

const N_FLOWS = 100_000;
const N_PORTS = 1000;
const REST_MS = 3000;
/** Of flows that have a timeout. */
const LIFE_S = 10;
const TOO_LONG_MS = 2;
/** Of how many waits it is told what they were for. */
const N_TOLD = 3;
/** Parts of a wait that are shorter are not told. */
const SHOWN_MS = 0.2;
const COLUMNS = ["p50", "p99", "p99.9", "longest", "CPU p50", "p99", "p99.9", "longest", "… took, s"];

/** Runs the benchmark. */
export async function upcallDelay() {
  const field = await Field.start();
  try {
    const rows = [];
    for (const [figure, work] of Object.entries(activities(field))) rows.push(await field.measure(figure, work));
    return [{ name: "upcall-delay", columns: COLUMNS, rows }];
  } finally {
    await field.stop();
  }
}

/** What the switch is asked to do, by name; the sizes are those of the promise. */
function activities({ openFlow, change, command }) {
  const adds = flowMods(N_FLOWS, false);
  const bundle = flowMods(N_FLOWS, true);
  const modifies = flowMods(N_FLOWS, true, "modifyStrict");
  const mortals = flowMods(N_FLOWS, true, "add", 0, { hardTimeout: LIFE_S });
  const modify = (table) => openFlow(textFlowMods([`table=${table},priority=1,actions=goto_table:${table + 1}`]), BARRIER_REPLY);
  return {
    nothing: () => sleep(REST_MS),
    "100,000 flow-mods one by one": () => openFlow(adds, BARRIER_REPLY),
    "a dump of 100,000 flows": () => openFlow(dumpFlows(), MULTIPART_REPLY),
    "a dump of them by ovs-appctl": () => command("bridge/dump-flows", "br0"),
    "a monitor of 100,000 flows": async () => {
      await openFlow(monitorFlows("add"), MULTIPART_REPLY);
      await openFlow(Buffer.concat([monitorFlows("delete"), textFlowMods([])]), BARRIER_REPLY);
    },
    "a bundle that modifies 100,000 flows": () => openFlow(modifies, BUNDLE_CONTROL),
    "a deletion of 100,000 flows": () => openFlow(deleteFlows(), BARRIER_REPLY),
    "a bundle of 100,000 flow-mods": () => openFlow(bundle, BUNDLE_CONTROL),
    "a deletion of them": () => openFlow(deleteFlows(), BARRIER_REPLY),
    "100,000 flows with a timeout": () => openFlow(mortals, BUNDLE_CONTROL),
    "a limit that evicts 50,000 of them": () => change(limitFlows(N_FLOWS / 2)),
    "the end of the others' time": async () => {
      await change(unlimitFlows());
      await sleep(LIFE_S * 1000);
    },
    "1,000 ports more": () => change(addPorts(N_PORTS)),
    "a change of 1,000 ports": () => change([{ op: "update", table: "Port", where: IS_MORE, row: { tag: 7 } }]),
    "statistics of 1,000 ports": () => sleep(2 * REST_MS),
    "1,000 ports less": () => change(removePorts()),
    "statistics of megaflows, pushed": async () => {
      await command("upcall/set-flow-limit", "200000");
      await sleep(2 * REST_MS);
    },
    "revalidation of all megaflows, again and again": async () => {
      for (let n = 0; n < 20; n++) {
        await modify(1 + (n % 10));
        await sleep(REST_MS / 20);
      }
    },
  };
}

const IS_MORE = [["external_ids", "includes", ["map", [["more", "yes"]]]]];

function addPorts(n) {
  const numbers = Array.from({ length: n }, (_, i) => i);
  return [
    ...numbers.map((i) => ({ op: "insert", table: "Interface", "uuid-name": `i${i}`, row: { name: `m${i}`, type: "dummy" } })),
    ...numbers.map((i) => ({ op: "insert", table: "Port", "uuid-name": `p${i}`, row: portRow(`m${i}`, `i${i}`) })),
    bridgePorts(
      "insert",
      numbers.map((i) => ["named-uuid", `p${i}`]),
    ),
  ];
}

function portRow(name, interfaceName) {
  return { name, interfaces: ["named-uuid", interfaceName], external_ids: ["map", [["more", "yes"]]] };
}

/** The ports that {@link addPorts} added are named by `change`. */
function removePorts() {
  return (more) => [bridgePorts("delete", more)];
}

function limitFlows(n) {
  const row = { flow_limit: n, overflow_policy: "evict" };
  const tables = ["map", [[LARGE_TABLE, ["named-uuid", "t"]]]];
  return [
    { op: "insert", table: "Flow_Table", "uuid-name": "t", row },
    { op: "update", table: "Bridge", where: [["name", "==", "br0"]], row: { flow_tables: tables } },
  ];
}

function unlimitFlows() {
  return [{ op: "update", table: "Bridge", where: [["name", "==", "br0"]], row: { flow_tables: ["map", []] } }];
}

function bridgePorts(mutator, ports) {
  return { op: "mutate", table: "Bridge", where: [["name", "==", "br0"]], mutations: [["ports", mutator, ["set", ports]]] };
}

/** A switch in a thread, its database and a connection to its bridge. */
class Field {
  #folder;
  #database;
  #server;
  #switch;
  #connection;
  #trickle;

  static async start() {
    const field = new Field();
    await field.#start();
    return field;
  }

  async #start() {
    this.#folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
    this.#database = await Database.open({ schema: OPEN_VSWITCH });
    this.#server = new OvsdbServer([this.#database], silentLogger);
    const remote = `unix:${this.#folder}/db.sock`;
    await this.#server.listen(`p${remote}`);
    await this.#database.transact([{ op: "insert", table: "Open_vSwitch", row: {} }]);
    const { port1, port2 } = new MessageChannel();
    collectAlone();
    compileAhead();
    this.#switch = new Worker(new URL("support/delay-switch.mjs", import.meta.url), {
      workerData: { database: remote, runDir: this.#folder, trickle: port2 },
      transferList: [port2],
      resourceLimits: SWITCH_THREAD_LIMITS,
    });
    this.#switch.on("error", (error) => {
      throw error;
    });
    const id = await this.#heard();
    this.#trickle = new Worker(new URL("support/trickle.mjs", import.meta.url), {
      workerData: { isTrickle: true, to: port1, id },
      transferList: [port1],
    });
    await this.change([
      ...["br0", "p1", "p2"].flatMap((name) => [
        { op: "insert", table: "Interface", "uuid-name": `i${name}`, row: { name, type: name === "br0" ? "internal" : "dummy" } },
        { op: "insert", table: "Port", "uuid-name": `p${name}`, row: { name, interfaces: ["named-uuid", `i${name}`] } },
      ]),
      {
        op: "insert",
        table: "Bridge",
        "uuid-name": "b",
        row: { name: "br0", ports: ["set", ["br0", "p1", "p2"].map((name) => ["named-uuid", `p${name}`])], fail_mode: "secure" },
      },
      { op: "mutate", table: "Open_vSwitch", where: [], mutations: [["bridges", "insert", ["set", [["named-uuid", "b"]]]]] },
    ]);
    this.#connection = await connectTo(join(this.#folder, "br0.mgmt"));
    await this.openFlow(textFlowMods(pipeline()), BARRIER_REPLY);
  }

  openFlow = (bytes, answer) => this.#connection.request(bytes, answer);

  command = (...argument) => this.#ask("command", argument);

  /** Carries out a transaction and waits until the switch has followed it. */
  change = async (operations) => {
    const rows = [...this.#database.table("Port").values()];
    const more = rows.filter(({ name }) => /^m\d/.test(name)).map(({ _uuid }) => ["uuid", _uuid]);
    const ops = typeof operations === "function" ? operations(more) : operations;
    const follow = { op: "mutate", table: "Open_vSwitch", where: [], mutations: [["next_cfg", "+=", 1]] };
    const results = await this.#database.transact([...ops, follow]);
    const failure = results.find((result) => result?.error !== undefined);
    if (failure !== undefined) throw new Error(JSON.stringify(failure));
    const isFollowed = () => [...this.#database.table("Open_vSwitch").values()].every((row) => row.cur_cfg === row.next_cfg);
    while (!isFollowed()) await sleep(5);
  };

  /** What packets wait for while `work` goes on. */
  async measure(figure, work) {
    await this.#ask("forget");
    const startMs = performance.now();
    await work();
    const tookMs = performance.now() - startMs;
    const { delays, pieces } = await this.#ask("report");
    tellWhy(figure, delays, pieces);
    const values = [delays.map(({ ms }) => ms), delays.map(({ cpuMs }) => cpuMs)].flatMap(spread);
    return { figure, unit: "ms", values: [...values, tookMs / 1000] };
  }

  #heard() {
    return new Promise((resolve) => {
      this.#switch.once("message", resolve);
    });
  }

  #ask(name, argument) {
    const heard = this.#heard();
    this.#switch.postMessage({ name, argument });
    return heard;
  }

  async stop() {
    this.#connection.close();
    await this.#trickle.terminate();
    const ended = once(this.#switch, "exit");
    this.#switch.postMessage({ name: "stop" });
    await ended;
    await this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The median of some values, the 99th and the 999th of a hundred and a thousand, and the largest. */
function spread(values) {
  const sorted = Float64Array.from(values).sort();
  return [0.5, 0.99, 0.999, 1].map((share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
}

/** Tells what the packets that waited longest waited for. */
function tellWhy(figure, delays, pieces) {
  const late = delays.filter(({ cpuMs }) => cpuMs > TOO_LONG_MS).sort((a, b) => b.cpuMs - a.cpuMs);
  if (late.length === 0) return;
  console.log(`  ${figure}: ${late.length} of ${delays.length} packets waited for more than ${TOO_LONG_MS} ms of CPU time`);
  let told = [];
  for (const delay of late) {
    if (told.length === N_TOLD) return;
    if (told.some((other) => areTogether(delay, other))) continue; // they waited for the same
    told = [...told, delay];
    console.log(`    ${delay.cpuMs.toFixed(1)} ms, ${delay.tookMs.toFixed(1)} by the clock: ${partsOf(delay, pieces)}`);
  }
}

function areTogether(one, other) {
  return one.sentMs < other.sentMs + other.tookMs && other.sentMs < one.sentMs + one.tookMs;
}

/**
 * What a wait was spent on by the clock, the longest first. Of pieces that are part of others, the outer ones count what is left
 * of them.
 */
function partsOf({ sentMs, tookMs }, pieces) {
  const endMs = sentMs + tookMs;
  const parts = new Map();
  let freeMs = tookMs;
  const taken = [];
  const inner = pieces.filter((piece) => piece.startMs < endMs && piece.startMs + piece.ms > sentMs).sort((a, b) => a.ms - b.ms);
  for (const piece of inner) {
    const [from, to] = [Math.max(sentMs, piece.startMs), Math.min(endMs, piece.startMs + piece.ms)];
    const within = taken.reduce(
      (sum, each) => sum + Math.max(0, Math.min(to, each.to) - Math.max(from, each.from)) * each.share,
      0,
    );
    const ownMs = Math.max(0, to - from - within);
    taken.push({ from, to, share: ownMs / (to - from) });
    parts.set(piece.what, (parts.get(piece.what) ?? 0) + ownMs);
    freeMs -= ownMs;
  }
  parts.set("no noted piece", freeMs);
  const shown = [...parts].filter(([, partMs]) => partMs >= SHOWN_MS).sort(([, a], [, b]) => b - a);
  return shown.map(([what, partMs]) => `${what} ${partMs.toFixed(1)}`).join(", ") || "nothing noted";
}
