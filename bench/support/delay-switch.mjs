/**
 * The switch as the daemon runs it, in a thread, for upcall-delay.mjs: it notes how long each packet of the trickle had to wait,
 * and what kept the thread meanwhile: the collector of garbage, and work in turns by who began it.
 */
import { PerformanceObserver, constants } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import { MemoryLink } from "@tenet/datapath";
import { silentLogger } from "@tenet/kit";
import { runSwitch } from "@tenet/switch";
import { Turns } from "../../packages/switch/dist/turns.js";
import { nowMs, ProcessorWait, threadFolder } from "./trickle.mjs";

/** Pieces of work that take longer are noted. */
const NOTED_MS = 0.3;
const GC_KINDS = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: "scavenge",
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "mark-compact",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental marking",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weak callbacks",
};

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
    try {
      return take();
    } finally {
      const ms = nowMs() - startMs;
      if (ms > NOTED_MS) note(`step of ${from}`, startMs, Math.max(0, ms - waitedSince()));
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

const wait = new ProcessorWait(threadFolder());
let lastWaitedMs = 0;

/** How long this thread has waited for a processor since this was asked last. */
function waitedSince() {
  const before = lastWaitedMs;
  lastWaitedMs = wait.ms();
  return lastWaitedMs - before;
}

const { database, runDir, trickle } = workerData;
trickle.on("message", ({ frame, sentMs, waitedMs }) => {
  const before = nForwarded;
  links.get("p1")?.send(frame);
  const forwardedMs = nowMs();
  waitedSince();
  if (nForwarded > before) delays.push({ sentMs, ms: forwardedMs - sentMs, waitedMs: lastWaitedMs - waitedMs });
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

const onReady = () => parentPort.postMessage(threadFolder());
await runSwitch({ database, runDir, openMemoryPort, isAllDummy: true, serveCommands, onReady }, silentLogger, stop.signal);
parentPort.close();
trickle.close();
