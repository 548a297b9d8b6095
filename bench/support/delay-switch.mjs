/**
 * The switch as the daemon runs it, in a thread, for upcall-delay.mjs: it notes how long each packet of the trickle had to wait,
 * and what kept the thread meanwhile: the collector of garbage, and work in turns by who began it.
 */
import { PerformanceObserver, constants } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { MemoryLink } from "@tenet/datapath";
import { silentLogger } from "@tenet/kit";
import { runSwitch } from "@tenet/switch";
import { Turns } from "../../packages/switch/dist/turns.js";
import { nowMs, threadId, ThreadTimes } from "./trickle.mjs";

/** Pieces of work that take longer are noted. */
const NOTED_MS = 0.3;
/** Packets whose sending took longer are not counted. */
const LONGEST_SENDING_MS = 0.2;
const GC_KINDS = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: "scavenge",
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "mark-compact",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental marking",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weak callbacks",
};

// As `tenet` does.
setFlagsFromString("--no-parallel-scavenge");
setFlagsFromString("--no-concurrent-array-buffer-sweeping");

let delays = [];
let busy = [];
const note = (what, startMs, ms) => busy.push({ what, startMs, ms });

new PerformanceObserver((list) => {
  for (const { startTime, duration, detail } of list.getEntries()) {
    note(GC_KINDS[detail.kind] ?? `gc ${detail.kind}`, performance.timeOrigin + startTime, duration);
  }
}).observe({ entryTypes: ["gc"] });

const { begin } = Turns.prototype;
Turns.prototype.begin = function beginNoted(work) {
  const from = (new Error().stack ?? "").split("\n")[2]?.trim().split(" ")[1] ?? "?";
  begin.call(this, noted(work, from));
};

/** The same work, each step of which is noted when it is long. */
function noted(work, from) {
  const step = (take) => {
    const startMs = nowMs();
    const startCpuMs = times.cpuMs();
    try {
      return take();
    } finally {
      const ms = times.cpuMs() - startCpuMs;
      if (ms > NOTED_MS) note(`step of ${from}`, startMs, ms);
    }
  };
  return {
    next: () => step(() => work.next()),
    return: (value) => work.return(value),
    throw: (error) => work.throw(error),
    [Symbol.iterator]() {
      return this;
    },
  };
}

const links = new Map();
let nForwarded = 0;
const openMemoryPort = (name) => {
  const link = links.get(name) ?? new MemoryLink();
  links.set(name, link);
  link.onFrame(() => nForwarded++);
  return link;
};

/** The packet before this one, until its sender tells that nothing kept it while it sent that: else nobody knows since when it waited. */
let last;

const times = new ThreadTimes(threadId());
const { database, runDir, trickle } = workerData;
trickle.on("message", ({ frame, sentMs, cpuMs, waitedMs, lastSendingMs }) => {
  if (last !== undefined && lastSendingMs < LONGEST_SENDING_MS) delays.push(last);
  last = undefined;
  const before = nForwarded;
  links.get("p1")?.send(frame);
  const ms = nowMs() - sentMs - (times.waitedMs() - waitedMs);
  if (nForwarded > before) last = { sentMs, ms: Math.max(0, ms), cpuMs: times.cpuMs() - cpuMs };
});

const stop = new AbortController();
let commands = [];
const serveCommands = async (all) => {
  commands = all;
};
parentPort.on("message", ({ name, argument }) => {
  if (name === "stop") stop.abort();
  else if (name === "report")
    setTimeout(report, 50); // the observer tells late
  else if (name === "forget") report();
  else runCommand(argument).then((answer) => parentPort.postMessage(answer), fail);
});

/** Tells what was noted, and begins anew. */
function report() {
  parentPort.postMessage({ delays, busy });
  [delays, busy] = [[], []];
}

async function runCommand([name, ...args]) {
  return await commands.find((each) => each.name === name).run(args);
}

function fail(error) {
  throw error;
}

const onReady = () => parentPort.postMessage(threadId());
await runSwitch({ database, runDir, openMemoryPort, isAllDummy: true, serveCommands, onReady }, silentLogger, stop.signal);
parentPort.close();
trickle.close();
