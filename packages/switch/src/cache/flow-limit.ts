/** How many megaflows the sweep can keep true in time: grows while it is fast, shrinks when it is slow. */

const START = 10_000;
const MIN_FLOWS = 1000;
const DEFAULT_CEILING = 200_000;
const STEP = 1000;

/** The dynamic limit on megaflows. */
export class FlowLimit {
  maxFlows: number = START;
  /** The limit never grows beyond; `other_config:flow-limit`. */
  ceiling: number = DEFAULT_CEILING;
  /** Of the last sweep, in whole ms. */
  durationMs = 0;
  /** Flows at the end of sweeps: the mean of the last two means, and the most. */
  averageFlows = 0;
  mostFlows = 0;

  /** Adapts to a sweep over `nFlows` flows that took `durationMs`. */
  adapt(durationMs: number, nFlows: number): void {
    this.durationMs = Math.round(durationMs);
    this.averageFlows = Math.floor((this.averageFlows + nFlows) / 2);
    this.mostFlows = Math.max(this.mostFlows, nFlows);
    if (durationMs > 2000) this.maxFlows /= durationMs / 1000;
    else if (durationMs > 1300) this.maxFlows *= 3 / 4;
    else if (durationMs < 1000 && this.maxFlows < (nFlows * 1000) / Math.max(durationMs, 1)) this.maxFlows += STEP;
    this.maxFlows = Math.round(Math.min(this.ceiling, Math.max(MIN_FLOWS, this.maxFlows)));
  }
}
