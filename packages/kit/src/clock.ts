/** Time as a parameter, so that tests can hold it still. */

/** Wall and monotonic time. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
  /** Milliseconds of a clock that never goes backwards. */
  monotonicMs(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => Date.now(), monotonicMs: () => performance.now() };

/** A clock that moves only when told; both readings start at `startMs`. */
export class ManualClock implements Clock {
  #nowMs: number;
  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }
  now(): number {
    return this.#nowMs;
  }
  monotonicMs(): number {
    return this.#nowMs;
  }
  /** Moves time forward by `ms`. */
  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
