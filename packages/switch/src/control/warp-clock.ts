/** A clock that can be stopped and moved forward by hand, for `time/stop` and `time/warp`. */
import type { Clock } from "@tenet/kit";

/** Follows another clock, from which its monotonic time departs; the time of day stays as it is. */
export class WarpClock implements Clock {
  /** Called when it departs from the other clock. */
  onDeparture: () => void = () => undefined;
  readonly #clock: Clock;
  /** How far it is ahead of the other. */
  #aheadMs = 0;
  /** What the other said when this was stopped. */
  #stoppedMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return (this.#stoppedMs ?? this.#clock.monotonicMs()) + this.#aheadMs;
  }

  /** From now on it moves by {@link warp} alone, from a whole ms: a second later is not a little less than a second. */
  stop(): void {
    this.#stoppedMs ??= Math.ceil(this.#clock.monotonicMs());
    this.onDeparture();
  }

  /** Moves it forward; it goes on from there, unless it was stopped. */
  warp(ms: number): void {
    this.#aheadMs += ms;
    this.onDeparture();
  }
}
