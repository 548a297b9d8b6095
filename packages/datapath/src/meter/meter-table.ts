/** The meters of one datapath by number. */
import { Meter, type MeterConfig, type MeterStats } from "./meter.ts";

/** Meters, numbered from 0 as in Open vSwitch. */
export class MeterTable {
  readonly #meterById = new Map<number, Meter>();
  readonly #freeIds: number[] = [];
  #nextId = 0;

  /** Adds a meter. @returns its number */
  add(config: MeterConfig, nowMs: number): number {
    const id = this.#freeIds.pop() ?? this.#nextId++;
    this.#meterById.set(id, new Meter(config, nowMs));
    return id;
  }

  /** Starts a meter anew with another configuration. */
  set(id: number, config: MeterConfig, nowMs: number): void {
    if (this.#meterById.has(id)) this.#meterById.set(id, new Meter(config, nowMs));
  }

  remove(id: number): void {
    if (this.#meterById.delete(id)) this.#freeIds.push(id);
  }

  get(id: number): Meter | undefined {
    return this.#meterById.get(id);
  }

  stats(id: number): MeterStats | undefined {
    return this.#meterById.get(id)?.stats();
  }
}
