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
import { MessageChannel, Worker } from "node:worker_threads";
import { collectAlone, compileAhead, SWITCH_THREAD_LIMITS } from "../packages/cli/dist/daemon/short-pauses.js";
import { DelayDatabase } from "./support/delay-database.mjs";
import { delayWorks } from "./support/delay-works.mjs";
import { BARRIER_REPLY, connectTo } from "./support/openflow-bytes.mjs";
import { pipeline, textFlowMods } from "./support/switch-load.mjs";

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
    for (const [figure, work] of Object.entries(delayWorks(field))) rows.push(await field.measure(figure, work));
    return [{ name: "upcall-delay", columns: COLUMNS, rows }];
  } finally {
    await field.stop();
  }
}

/** A switch in a thread, its database and a connection to its bridge. */
class Field {
  #folder;
  #database;
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
    const remote = `unix:${this.#folder}/db.sock`;
    this.#database = await DelayDatabase.serve(remote);
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
    await this.#database.addBridge();
    this.#connection = await connectTo(join(this.#folder, "br0.mgmt"));
    await this.openFlow(textFlowMods(pipeline()), BARRIER_REPLY);
  }

  openFlow = (bytes, answer) => this.#connection.request(bytes, answer);

  command = (...argument) => this.#ask("command", argument);

  change = (operations) => this.#database.change(operations);

  /** What packets wait for while `work` goes on. */
  async measure(figure, work) {
    await this.#ask("forget");
    const startMs = performance.now();
    await work();
    console.log("== " + figure);
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
    await this.#database.close();
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
