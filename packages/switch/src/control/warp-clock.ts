/** A clock that can be stopped and moved forward by hand, for `time/stop` and `time/warp`. */
import type { Clock } from "@tenet/kit";

/** Follows another clock until it is stopped. */
export class WarpClock implements Clock {
  readonly #clock: Clock;
  /** How far it is ahead of the other. */
  #aheadMs = 0;
  #stopped: { readonly nowMs: number; readonly monotonicMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return (this.#stopped?.nowMs ?? this.#clock.now()) + this.#aheadMs;
  }

  monotonicMs(): number {
    return (this.#stopped?.monotonicMs ?? this.#clock.monotonicMs()) + this.#aheadMs;
  }

  /** From now on it moves by {@link warp} alone. */
  stop(): void {
    this.#stopped ??= { nowMs: this.#clock.now(), monotonicMs: this.#clock.monotonicMs() };
  }

  /** Moves it forward, which stops it. */
  warp(ms: number): void {
    this.stop();
    this.#aheadMs += ms;
  }
}
