/**
 * Tells now and then how many flow-mods a connection carried out, as the log of Open vSwitch does: 10 s after the first,
 * but not more often than once in 60 s, and when the connection ends.
 */
import type { Clock } from "@tenet/kit";
import type { FlowModCommand } from "@tenet/openflow";

const DELAY_MS = 10_000;
const PAUSE_MS = 60_000;

/** What is told. */
export interface FlowModCounts {
  readonly nAdds: number;
  readonly nDeletes: number;
  readonly nModifications: number;
  /** Whole seconds from the first to the last, and since the first. */
  readonly intervalSec: number;
  readonly agoSec: number;
}

/** The flow-mods of one connection that were not told of yet. */
export class FlowModReport {
  readonly #clock: Clock;
  readonly #tell: (counts: FlowModCounts) => void;
  #nAdds = 0;
  #nDeletes = 0;
  #nModifications = 0;
  #nSeen = 0;
  #firstMs = 0;
  #lastMs = 0;
  #dueMs = 0;
  /** Nothing is told before. */
  #quietUntilMs = 0;

  constructor(clock: Clock, tell: (counts: FlowModCounts) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Counts one that was carried out. */
  count(command: FlowModCommand): void {
    if (this.#n === 0) this.#begin(this.#clock.monotonicMs());
    if (command === "add") this.#nAdds++;
    else if (command === "delete" || command === "deleteStrict") this.#nDeletes++;
    else this.#nModifications++;
  }

  /** To be called every second or so, which is as exact as times are told. */
  tick(): void {
    if (this.#n === 0) return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#n !== this.#nSeen) this.#lastMs = nowMs;
    this.#nSeen = this.#n;
    if (nowMs >= this.#dueMs) this.#report(nowMs);
  }

  /** The connection has ended. */
  close(): void {
    if (this.#n > 0) this.#report(this.#clock.monotonicMs());
  }

  get #n(): number {
    return this.#nAdds + this.#nDeletes + this.#nModifications;
  }

  #begin(nowMs: number): void {
    this.#firstMs = this.#lastMs = nowMs;
    this.#dueMs = Math.max(nowMs + DELAY_MS, this.#quietUntilMs);
    this.#quietUntilMs = this.#dueMs + PAUSE_MS;
  }

  #report(nowMs: number): void {
    const [nAdds, nDeletes, nModifications] = [this.#nAdds, this.#nDeletes, this.#nModifications];
    const agoSec = Math.floor((nowMs - this.#firstMs) / 1000);
    const intervalSec = Math.floor((this.#lastMs - this.#firstMs) / 1000);
    this.#nAdds = this.#nDeletes = this.#nModifications = this.#nSeen = 0;
    this.#tell({ nAdds, nDeletes, nModifications, intervalSec, agoSec });
  }
}
