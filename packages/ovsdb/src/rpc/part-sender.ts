/**
 * Sends a message too large for one turn of the event loop: its parts are made for a few milliseconds at a time, no faster
 * than the peer reads, and others are served between.
 */
import type { RpcSocket } from "./rpc-socket.ts";

/** How long parts are made before others have their turn. */
const SLICE_MS = 2;
/** So much text is written at once at the most. */
const CHUNK_LENGTH = 128 * 1024;

/** One message on its way. */
export class PartSender {
  readonly #socket: RpcSocket;
  readonly #parts: Iterator<string>;
  readonly #nextTurn: (task: () => void) => void;
  readonly #ended: () => void;
  #isStopped = false;

  /**
   * @param parts - of the message; what they are made from must not change meanwhile
   * @param nextTurn - calls back when others had their turn
   * @param ended - called when all parts are written
   */
  constructor(socket: RpcSocket, parts: Iterator<string>, nextTurn: (task: () => void) => void, ended: () => void) {
    this.#socket = socket;
    this.#parts = parts;
    this.#nextTurn = nextTurn;
    this.#ended = ended;
  }

  /** Sends the first parts at once. */
  start(): void {
    this.#send();
  }

  /** The peer has read all that was written. */
  drained(): void {
    this.#nextTurn(this.#send);
  }

  /** Sends no more. */
  stop(): void {
    this.#isStopped = true;
  }

  readonly #send = (): void => {
    if (this.#isStopped) return;
    const endsAt = performance.now() + SLICE_MS;
    let text = "";
    for (let n = 1; ; n++) {
      const { done, value } = this.#parts.next();
      if (done === true) {
        this.#socket.write(text);
        this.#ended();
        return;
      }
      text += value;
      if (text.length > CHUNK_LENGTH || (n % 32 === 0 && performance.now() > endsAt)) break;
    }
    this.#socket.write(text);
    if (!this.#socket.writableNeedDrain) this.#nextTurn(this.#send);
  };
}
