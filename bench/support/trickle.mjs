/** A thread that sends a steady trickle of packets, each of a new flow, to a switch in another thread, until it is terminated. */
import { openSync, readFileSync, readSync } from "node:fs";
import { workerData } from "node:worker_threads";
import koffi from "koffi";
import { newFlowFrame } from "./switch-load.mjs";

const PERIOD_MS = 1;
const clockGettime = koffi.load("libc.so.6").func("int clock_gettime(int clock, _Out_ int64_t *time)");

/** Monotonic ms, the same in all threads. */
export function nowMs() {
  return performance.timeOrigin + performance.now();
}

/** The times of a thread of this process, as any thread of it sees them. */
export class ThreadTimes {
  #clock;
  #fd;
  #bytes = Buffer.alloc(64);
  #time = new BigInt64Array(2);

  /** @param id - the kernel's */
  constructor(id) {
    this.#clock = (~id << 3) | 6; // the clock of one thread's CPU time, as pthread_getcpuclockid(3) says it
    this.#fd = openSync(`/proc/self/task/${id}/schedstat`, "r");
  }

  /** CPU time so far, in ms. */
  cpuMs() {
    clockGettime(this.#clock, this.#time);
    return Number(this.#time[0]) * 1000 + Number(this.#time[1]) / 1e6;
  }

  /** How long it has waited for a processor so far, in ms; what it waits for at the moment is not in it yet. */
  waitedMs() {
    const length = readSync(this.#fd, this.#bytes, 0, this.#bytes.length, 0);
    return Number(this.#bytes.toString("latin1", 0, length).split(" ")[1]) / 1e6;
  }
}

/** The kernel's id of the thread that asks. */
export function threadId() {
  return Number(readFileSync("/proc/thread-self/stat", "latin1").split(" ")[0]);
}

if (workerData?.isTrickle === true) {
  const { to, id } = workerData;
  const times = new ThreadTimes(id);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  let lastSendingMs = 0;
  for (let n = 0; ; n++) {
    Atomics.wait(sleeper, 0, 0, PERIOD_MS);
    const frame = newFlowFrame(n);
    const sentMs = nowMs();
    to.postMessage({ frame, sentMs, cpuMs: times.cpuMs(), waitedMs: times.waitedMs(), lastSendingMs });
    lastSendingMs = nowMs() - sentMs;
  }
}
