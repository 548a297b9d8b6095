/** How many packets a controller is sent: a rate, and as many at once as did not come in the time before. */
import type { Clock } from "@tenet/kit";

const MS_PER_SECOND = 1000;

/** A bucket of packets that fills with time. */
export class PacketLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  #left: number;
  #filledMs: number;

  /** @param burst - packets that may be sent at once */
  constructor(perSecond: number, burst: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#clock = clock;
    this.#left = burst;
    this.#filledMs = clock.monotonicMs();
  }

  /** Takes one packet. @returns whether there was one to take */
  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(this.#burst, this.#left + ((nowMs - this.#filledMs) * this.#perSecond) / MS_PER_SECOND);
    this.#filledMs = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
