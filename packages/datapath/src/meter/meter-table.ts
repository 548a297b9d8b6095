/** The meters of one datapath by number. */
import { Meter, type MeterConfig, type MeterStats } from "./meter.ts";
import { METER_STATE, METER_WORD, type SharedMeter } from "./token-bucket.ts";

/** Meters, numbered from 0 as in Open vSwitch. */
export class MeterTable {
  readonly #meterById = new Map<number, Meter>();
  readonly #freeIds: number[] = [];
  readonly #sharedMeter: (id: number) => SharedMeter | undefined;
  #nextId = 0;

  /** @param sharedMeter - where a meter lies that the kernel's program can run, too */
  constructor(sharedMeter: (id: number) => SharedMeter | undefined = () => undefined) {
    this.#sharedMeter = sharedMeter;
  }

  /** Adds a meter. @returns its number */
  add(config: MeterConfig, nowMs: number): number {
    const id = this.#freeIds.pop() ?? this.#nextId++;
    this.#meterById.set(id, new Meter(config, nowMs, this.#sharedMeter(id)));
    return id;
  }

  /** Starts a meter anew with another configuration. */
  set(id: number, config: MeterConfig, nowMs: number): void {
    if (this.#meterById.has(id)) this.#meterById.set(id, new Meter(config, nowMs, this.#sharedMeter(id)));
  }

  remove(id: number): void {
    if (!this.#meterById.delete(id)) return;
    this.#freeIds.push(id);
    const shared = this.#sharedMeter(id);
    if (shared !== undefined) Atomics.store(shared.words, METER_WORD.state, METER_STATE.absent);
  }

  /** Forgets all meters: what they shared goes away. */
  clear(): void {
    this.#meterById.clear();
  }

  get(id: number): Meter | undefined {
    return this.#meterById.get(id);
  }

  stats(id: number): MeterStats | undefined {
    return this.#meterById.get(id)?.stats();
  }
}
