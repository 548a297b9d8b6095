/**
 * Keeps what peers can cause again and again from filling the log: a bucket of tokens for each message, as the original
 * has one for each place in its code.
 */

/** How many lines of a message are written. */
export interface RateLimit {
  /** In the long run. */
  readonly perMinute: number;
  /** At once, after a pause. */
  readonly burst: number;
}

const MS_PER_MINUTE = 60_000;

/** The tokens of one message, and the lines it lost since the last that was written. */
export class TokenBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #filledAt: number;
  #nDropped = 0;
  #firstDroppedAt = 0;
  #lastDroppedAt = 0;

  constructor(limit: RateLimit, nowMs: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#filledAt = nowMs;
  }

  /** Whether a line may be written now; otherwise it is counted. */
  take(nowMs: number): boolean {
    const { perMinute, burst } = this.#limit;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledAt) * perMinute) / MS_PER_MINUTE);
    this.#filledAt = nowMs;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return true;
    }
    if (this.#nDropped++ === 0) this.#firstDroppedAt = nowMs;
    this.#lastDroppedAt = nowMs;
    return false;
  }

  /** What to say of the lines that were not written, once. */
  takeReport(nowMs: number): string | undefined {
    if (this.#nDropped === 0) return undefined;
    const seconds = (since: number) => Math.floor((nowMs - since) / 1000);
    const [first, last] = [seconds(this.#firstDroppedAt), seconds(this.#lastDroppedAt)];
    const report = `Dropped ${this.#nDropped} log messages in last ${first} seconds (most recently, ${last} seconds ago) due to excessive rate`;
    this.#nDropped = 0;
    return report;
  }
}
