/**
 * The datapath's meters. One that is not wanted any more stays until no megaflow has its number: the next to get it would limit
 * packets of the last.
 */
import type { Datapath, MeterConfig, MeterStats } from "@tenet/datapath";
import type { MeterHost } from "./meter-table.ts";

/** Whose meters go late. */
export class MetersInUse implements MeterHost {
  readonly #datapath: Datapath;
  #unwanted: number[] = [];

  constructor(datapath: Datapath) {
    this.#datapath = datapath;
  }

  addMeter(config: MeterConfig): number {
    return this.#datapath.addMeter(config);
  }

  setMeter(meter: number, config: MeterConfig): void {
    this.#datapath.setMeter(meter, config);
  }

  /** The meter is not wanted any more. */
  removeMeter(meter: number): void {
    this.#unwanted.push(meter);
  }

  meterStats(meter: number): MeterStats | undefined {
    return this.#datapath.meterStats(meter);
  }

  /** The meters that went so far, to be removed when megaflows were brought up to date once more. */
  takeUnwanted(): readonly number[] {
    const unwanted = this.#unwanted;
    this.#unwanted = [];
    return unwanted;
  }
}
