/**
 * A cable between the datapath and code in this process: what simulated hosts and tests plug into a memory port.
 *
 * Make a link, give it to the datapath through its `openMemoryLink` option, then send and receive Ethernet frames.
 */

/** Takes a frame into the datapath; set while the link is plugged in. */
export type FrameSink = (frame: Uint8Array) => void;

/** One cable; the datapath's end is plugged in by `addPort`. */
export class MemoryLink {
  #sink: FrameSink | undefined;
  #listener: FrameSink | undefined;

  /** Whether a port of a datapath holds the other end. */
  get isPlugged(): boolean {
    return this.#sink !== undefined;
  }

  /**
   * Sends a frame into the switch; it is copied. Lost when nothing is plugged in.
   *
   * It is forwarded before this returns, unless the switch is at work already (a listener that answers): then right
   * after that.
   */
  send(frame: Uint8Array): void {
    this.#sink?.(frame);
  }

  /** Sets the one receiver of frames that leave the switch here; it owns what it is given. */
  onFrame(listener: FrameSink): void {
    this.#listener = listener;
  }

  /** For the datapath: plugs its end in, or out with `undefined`. */
  plug(sink: FrameSink | undefined): void {
    this.#sink = sink;
  }

  /** For the datapath: hands a frame to the receiver. */
  deliver(frame: Uint8Array): void {
    this.#listener?.(frame);
  }
}
