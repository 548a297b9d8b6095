/**
 * A thread that sends a steady trickle of packets, each of a new flow, to a port of a switch in another process, and notes when
 * they come out of another port. Both ports are sockets, as dummy interfaces' option `pstream` makes them.
 *
 * Of each wait is taken off what the switch's thread waited for a processor, which other processes had.
 */
import { once } from "node:events";
import { openSync, readSync } from "node:fs";
import { connect } from "node:net";
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { nowMs, threadId } from "./trickle.mjs";
import { newFlowFrame } from "./switch-load.mjs";

const PERIOD_MS = 1;
const LENGTH_BYTES = 2;
/** The last bytes of a frame tell which it is. */
const NUMBER_BYTES = 4;
/** Of the packets under way at most so many are known. */
const N_KNOWN = 1 << 16;

const { switchPid, into, outOf } = workerData;
const schedule = openSync(`/proc/${switchPid}/task/${switchPid}/schedstat`, "r");
const bytes = Buffer.alloc(64);
const sent = { ms: new Float64Array(N_KNOWN), waitedMs: new Float64Array(N_KNOWN) };
let delays = [];
let nSent = 0;

setPriority(threadId(), -20); // who measures must not be late himself
const [input, output] = await Promise.all([into, outOf].map(open));
receive(output);
setInterval(send, PERIOD_MS);
parentPort.on("message", () => {
  parentPort.postMessage(delays);
  delays = [];
});

async function open(path) {
  const socket = connect(path);
  await once(socket, "connect");
  return socket;
}

function send() {
  const frame = Buffer.from(newFlowFrame(nSent));
  frame.writeUInt32BE(nSent, frame.length - NUMBER_BYTES);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(frame.length);
  const place = nSent++ % N_KNOWN;
  sent.waitedMs[place] = waitedMs();
  sent.ms[place] = nowMs();
  input.write(Buffer.concat([length, frame]));
}

function receive(socket) {
  let rest = Buffer.alloc(0);
  socket.on("data", (more) => {
    rest = Buffer.concat([rest, more]);
    const [atMs, waitedSoFarMs] = [nowMs(), waitedMs()];
    while (rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + rest.readUInt16BE(0);
      if (rest.length < end) return;
      const place = rest.readUInt32BE(end - NUMBER_BYTES) % N_KNOWN;
      delays.push(Math.max(0, atMs - sent.ms[place] - (waitedSoFarMs - sent.waitedMs[place])));
      rest = rest.subarray(end);
    }
  });
}

/** How long the switch's thread has waited for a processor so far. */
function waitedMs() {
  const length = readSync(schedule, bytes, 0, bytes.length, 0);
  return Number(bytes.toString("latin1", 0, length).split(" ")[1]) / 1e6;
}
