/** Whether the cluster can be reached, and the patience with which it is asked. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, messageOf } from "@tenet/kit";
import { NotKeptError } from "../shared/shared-log.ts";
import { EtcdError } from "./etcd-gateway.ts";

const ATTEMPT_MS = 2000;
const PAUSE_MS = 50;

/** The contact of one log with its cluster. */
export class Contact {
  readonly #log: Logger;
  /** After this time without an answer the cluster counts as lost. */
  readonly timeoutMs: number;
  readonly #signal: AbortSignal;
  readonly #tell: (isConnected: boolean) => void;
  #isConnected = true;
  /** The log holds what no server of this kind wrote. */
  #isBroken = false;
  #madeMs: number = performance.now();

  constructor(log: Logger, timeoutMs: number, signal: AbortSignal, tell: (isConnected: boolean) => void) {
    this.#log = log;
    this.timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#tell = tell;
  }

  /** @throws NotKeptError when the cluster is lost */
  check(): void {
    if (this.#isConnected && !this.#signal.aborted) return;
    throw new NotKeptError("the etcd cluster cannot be reached; the transaction was not committed");
  }

  /** Ms since a majority answered. */
  get idleMs(): number {
    return performance.now() - this.#madeMs;
  }

  /** A majority has answered. */
  made(): void {
    this.#madeMs = performance.now();
    if (!this.#isBroken) this.#set(true);
  }

  /** Something failed that nobody waits for. */
  failed(error: unknown): void {
    if (this.#signal.aborted) return;
    if (error instanceof EtcdError) {
      this.#log.debug({ err: error.message }, "etcd cannot be read");
      if (this.idleMs >= this.timeoutMs) this.#set(false);
    } else if (!this.#isBroken) {
      this.#log.error({ err: messageOf(error) }, "log in etcd cannot be understood, transactions fail");
      this.#isBroken = true;
      this.#set(false);
    }
  }

  /**
   * Tries until it is answered, or the time is over and the cluster counts as lost.
   *
   * @param isMoot - whether the answer does not matter any more
   * @throws EtcdError
   */
  async persist<T>(attempt: (timeoutMs: number) => Promise<T>, isMoot: () => boolean): Promise<T> {
    const endsAt = performance.now() + this.timeoutMs;
    for (;;) {
      try {
        return await attempt(Math.max(1, Math.min(ATTEMPT_MS, endsAt - performance.now())));
      } catch (error) {
        if (!(error instanceof EtcdError) || !error.isTransient || isMoot() || this.#signal.aborted) throw error;
        if (performance.now() + PAUSE_MS >= endsAt) {
          this.#set(false);
          throw error;
        }
        await sleep(PAUSE_MS);
      }
    }
  }

  #set(isConnected: boolean): void {
    if (this.#isConnected === isConnected || this.#signal.aborted) return;
    this.#isConnected = isConnected;
    if (isConnected) this.#log.info({}, "etcd can be reached again");
    else this.#log.warn({ timeoutMs: this.timeoutMs }, "etcd cannot be reached, transactions fail");
    this.#tell(isConnected);
  }
}
