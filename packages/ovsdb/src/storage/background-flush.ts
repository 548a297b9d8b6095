/**
 * Brings to stable storage what nobody waits for: transactions that did not ask to be durable.
 *
 * They are in the file before they are answered, so a killed process loses none of them; what a power failure may take
 * is bounded by the interval. Flushes run beside the event loop, one at a time.
 */

/** Flushes some time after it was asked to. */
export class BackgroundFlush {
  readonly #intervalMs: number;
  readonly #flush: () => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #isWanted = false;

  /** @param failed - told of a flush that failed: what was written before it may not be kept */
  constructor(intervalMs: number, flush: () => Promise<void>, failed: (error: unknown) => void) {
    this.#intervalMs = intervalMs;
    this.#flush = flush;
    this.#failed = failed;
  }

  /** Whether something is not on stable storage. */
  get isPending(): boolean {
    return this.#isWanted || this.#isRunning;
  }

  /** Something was written. */
  schedule(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    if (!this.#isRunning) this.#startTimer();
  }

  /** All that was written is on stable storage by other means, or nobody wants it there. */
  clear(): void {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => void this.#run(), this.#intervalMs).unref();
  }

  async #run(): Promise<void> {
    this.#isWanted = false;
    this.#isRunning = true;
    try {
      await this.#flush();
    } catch (error) {
      this.#failed(error);
    }
    this.#isRunning = false;
    if (this.#isWanted) this.#startTimer();
  }
}
