/**
 * Connections that have updates to send, served a fraction of a millisecond at a time.
 *
 * Hundreds of monitors of the same rows mean as many writes per transaction, and a write costs more than the transaction.
 * Between slices of them the next transactions are executed and answered; and after each round comes a pause of four times
 * its length, in which what changes gathers and then goes out in one write per connection. A round for a few monitors takes
 * some microseconds, so they notice nothing of that; with 200 an update is at most some milliseconds late.
 */
import type { JsonRpcConnection } from "../rpc/json-rpc-connection.ts";

const SLICE_MS = 0.2;
const PAUSE_PER_ROUND = 4;
const LONGEST_PAUSE_MS = 10;

/** Sends in order of asking; a connection that asks again while it waits keeps its place. */
export class SendQueue {
  /** For the next round. */
  #waiting = new Set<JsonRpcConnection>();
  /** What is left of this round. */
  #round: Iterator<JsonRpcConnection> = [].values();
  #isScheduled = false;
  /** How long this round took up to now. */
  #spentMs = 0;
  #restsUntilMs = 0;

  /** The connection holds text. */
  add(connection: JsonRpcConnection): void {
    this.#waiting.add(connection);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const pauseMs = Math.floor(this.#restsUntilMs - performance.now());
    if (pauseMs > 0) setTimeout(this.#serve, pauseMs);
    else setImmediate(this.#serve);
  }

  readonly #serve = (): void => {
    const startedAt = performance.now();
    if (this.#spentMs === 0) this.#startRound();
    for (let now = startedAt; now < startedAt + SLICE_MS; now = performance.now()) {
      const { done, value } = this.#round.next();
      if (done === true) return this.#endRound(now - startedAt);
      value.flush();
    }
    this.#spentMs += performance.now() - startedAt;
    setImmediate(this.#serve);
  };

  #startRound(): void {
    this.#round = this.#waiting.values();
    this.#waiting = new Set();
  }

  #endRound(sliceMs: number): void {
    const pauseMs = Math.min((this.#spentMs + sliceMs) * PAUSE_PER_ROUND, LONGEST_PAUSE_MS);
    this.#restsUntilMs = performance.now() + pauseMs;
    this.#spentMs = 0;
    this.#isScheduled = false;
    const [first] = this.#waiting;
    if (first !== undefined) this.add(first);
  }
}
