/**
 * A thread that sends packets, each of a new flow, to a port of a switch in another process, and notes when they come out of another
 * port: one at a time, a millisecond after the last at the earliest. Both ports are sockets, as dummy interfaces' option
 * `pstream` makes them.
 *
 * Of each wait is taken off what the switch's thread waited for a processor, which other processes had.
 */
import { once } from "node:events";
import { openSync, readSync } from "node:fs";
import { connect } from "node:net";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { nowMs, threadId } from "./trickle.mjs";
import { newFlowFrame } from "./switch-load.mjs";

const PERIOD_MS = 1;
const LENGTH_BYTES = 2;
/** A packet that did not come by then is lost. */
const PATIENCE_MS = 30_000;

const { switchPid, into, outOf } = workerData;
const schedule = openSync(`/proc/${switchPid}/task/${switchPid}/schedstat`, "r");
const bytes = Buffer.alloc(64);
let delays = [];
let underWay = Promise.resolve();

setPriority(threadId(), -20); // who measures must not be late himself
const [input, output] = await Promise.all([into, outOf].map(open));
parentPort.on("message", () => {
  const tell = () => {
    parentPort.postMessage(delays);
    delays = [];
  };
  underWay.then(tell, fail); // what was sent meanwhile is part of it
});
for (let n = 0; ; n++) {
  underWay = measure(newFlowFrame(n));
  await underWay;
  await sleep(PERIOD_MS);
}

function fail(error) {
  throw error;
}

async function open(path) {
  const socket = connect(path);
  await once(socket, "connect");
  return socket;
}

async function measure(frame) {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(frame.length);
  const came = arrival(LENGTH_BYTES + frame.length);
  const [sentMs, waitedBeforeMs] = [nowMs(), waitedMs()];
  input.write(Buffer.concat([length, frame]));
  await came;
  delays.push(Math.max(0, nowMs() - sentMs - (waitedMs() - waitedBeforeMs)));
}

/** Resolves when so many bytes have come out. @throws Error when they do not */
function arrival(nBytes) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`a packet is lost in the switch of process ${switchPid}`)), PATIENCE_MS);
    let nCame = 0;
    output.on("data", function count(more) {
      nCame += more.length;
      if (nCame < nBytes) return;
      output.off("data", count);
      clearTimeout(late);
      resolve();
    });
  });
}

/** How long the switch's thread has waited for a processor so far, in ms. */
function waitedMs() {
  const length = readSync(schedule, bytes, 0, bytes.length, 0);
  return Number(bytes.toString("latin1", 0, length).split(" ")[1]) / 1e6;
}
