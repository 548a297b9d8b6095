/**
 * Frames of this process that wait for the datapath, port by port: a port that floods fills its own queue and no other's, and
 * ports take turns.
 */
import type { Port } from "./port.ts";

/** How many frames of one port wait; more are dropped, and counted there. */
const MAX_PER_PORT = 1024;

/** A frame and the port that it comes in at. */
export interface PendingFrame {
  readonly port: Port;
  readonly frame: Uint8Array;
}

/** Queues of frames. */
export class PendingFrames {
  /** Of ports that have frames, the one whose turn it is first. */
  readonly #queues = new Map<Port, Uint8Array[]>();

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  /** Adds a frame, which is copied, or drops it. */
  push(port: Port, frame: Uint8Array): void {
    const queue = this.#queues.get(port);
    if (queue === undefined) this.#queues.set(port, [frame.slice()]);
    else if (queue.length < MAX_PER_PORT) queue.push(frame.slice());
    else port.counters.rxDropped++;
  }

  /** Takes the next frame of the port whose turn it is. */
  shift(): PendingFrame | undefined {
    for (const [port, queue] of this.#queues) {
      this.#queues.delete(port);
      const frame = queue.shift();
      if (queue.length > 0 && !port.isClosed) this.#queues.set(port, queue);
      if (frame !== undefined && !port.isClosed) return { port, frame };
    }
    return undefined;
  }

  /** Forgets all frames. */
  clear(): void {
    this.#queues.clear();
  }
}
