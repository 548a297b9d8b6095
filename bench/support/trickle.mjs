/** A thread that sends a steady trickle of packets, each of a new flow, to a switch in another thread, until it is terminated. */
import { openSync, readFileSync, readSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { newFlowFrame } from "./switch-load.mjs";

const PERIOD_MS = 1;

/** Monotonic ms, the same in all threads. */
export function nowMs() {
  return performance.timeOrigin + performance.now();
}

/** How long a thread of this process has waited for a processor, all in all. */
export class ProcessorWait {
  #fd;
  #bytes = Buffer.alloc(64);

  /** @param path - of the thread's folder in /proc */
  constructor(path) {
    this.#fd = openSync(`${path}/schedstat`, "r");
  }

  /** In ms; what it waits for at the moment is not in it yet. */
  ms() {
    const length = readSync(this.#fd, this.#bytes, 0, this.#bytes.length, 0);
    return Number(this.#bytes.toString("latin1", 0, length).split(" ")[1]) / 1e6;
  }
}

/** Where /proc tells of the thread that asks. */
export function threadFolder() {
  const id = readFileSync("/proc/thread-self/stat", "latin1").split(" ")[0];
  return `/proc/self/task/${id}`;
}

if (workerData?.isTrickle === true) {
  const { to, folder } = workerData;
  const wait = new ProcessorWait(folder);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let n = 0; ; n++) {
    Atomics.wait(sleeper, 0, 0, PERIOD_MS);
    to.postMessage({ frame: newFlowFrame(n), sentMs: nowMs(), waitedMs: wait.ms() });
  }
}
