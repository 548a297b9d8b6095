/**
 * The switch as the daemon runs it, in a thread, for upcall-delay.mjs: it notes how long each packet of the trickle had to wait,
 * and what the thread was at meanwhile.
 */
import { parentPort, workerData } from "node:worker_threads";
import { MemoryLink } from "@tenet/datapath";
import { silentLogger } from "@tenet/kit";
import { runSwitch } from "@tenet/switch";
import { nowMs, threadId, ThreadTimes } from "./trickle.mjs";
import { WorkNotes } from "./work-notes.mjs";

/** Packets whose sending took longer are not counted. */
const LONGEST_SENDING_MS = 0.2;

const work = new WorkNotes();

const links = new Map();
let nForwarded = 0;
const openMemoryPort = (name) => {
  const link = links.get(name) ?? new MemoryLink();
  links.set(name, link);
  link.onFrame(() => nForwarded++);
  return link;
};

let delays = [];
/** The packet before this one, until its sender tells that nothing kept it while it sent that: else nobody knows since when it waited. */
let last;

const times = new ThreadTimes(threadId());
const { database, runDir, trickle } = workerData;
trickle.on("message", ({ frame, sentMs, cpuMs, waitedMs, lastSendingMs }) => {
  if (last !== undefined && lastSendingMs < LONGEST_SENDING_MS) delays.push(last);
  last = undefined;
  const before = nForwarded;
  work.during("packets", () => links.get("p1")?.send(frame));
  const tookMs = nowMs() - sentMs;
  const ms = Math.max(0, tookMs - (times.waitedMs() - waitedMs));
  if (nForwarded > before) last = { sentMs, tookMs, ms, cpuMs: times.cpuMs() - cpuMs };
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
  parentPort.postMessage({ delays, pieces: work.take() });
  delays = [];
}

/** Runs a command; of an answer that is made in pieces the reader keeps up with each. */
async function runCommand([name, ...args]) {
  const answer = await commands.find((each) => each.name === name).run(args);
  if (typeof answer === "string") return answer;
  let length = 0;
  for await (const piece of answer) length += piece.length;
  return length;
}

function fail(error) {
  throw error;
}

const onReady = () => parentPort.postMessage(threadId());
await runSwitch({ database, runDir, openMemoryPort, isAllDummy: true, serveCommands, onReady }, silentLogger, stop.signal);
parentPort.close();
trickle.close();
