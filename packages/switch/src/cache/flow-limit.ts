/** How many megaflows the sweep can keep true in time: grows while it is fast, shrinks when it is slow. */

const START = 10_000;
const MIN_FLOWS = 1000;
const MAX_FLOWS = 200_000;
const STEP = 1000;

/** The dynamic limit on megaflows. */
export class FlowLimit {
  maxFlows: number = START;

  /** Adapts to a sweep over `nFlows` flows that took `durationMs`. */
  adapt(durationMs: number, nFlows: number): void {
    if (durationMs > 2000) this.maxFlows /= durationMs / 1000;
    else if (durationMs > 1300) this.maxFlows *= 3 / 4;
    else if (durationMs < 1000 && this.maxFlows < (nFlows * 1000) / Math.max(durationMs, 1)) this.maxFlows += STEP;
    this.maxFlows = Math.round(Math.min(MAX_FLOWS, Math.max(MIN_FLOWS, this.maxFlows)));
  }
}
