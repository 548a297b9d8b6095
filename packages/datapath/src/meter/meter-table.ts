/** The meters of one datapath by number. */
import { Meter, type MeterConfig, type MeterStats } from "./meter.ts";
import type { SharedBand } from "./token-bucket.ts";

/** Memory of meters that the kernel's program can run, too. */
export interface MeterMemory {
  /** For so many bands of a meter, one at least, in the place of what it had before; less where there is no more. */
  take(id: number, nBands: number): readonly SharedBand[];
  /** The meter is not there any more. */
  release(id: number): void;
}

/** Meters, numbered from 0 as in Open vSwitch. */
export class MeterTable {
  readonly #meterById = new Map<number, Meter>();
  readonly #freeIds: number[] = [];
  readonly #memory: () => MeterMemory | undefined;
  #nextId = 0;

  /** @param memory - where meters lie, if the kernel forwards */
  constructor(memory: () => MeterMemory | undefined = () => undefined) {
    this.#memory = memory;
  }

  /** Adds a meter. @returns its number */
  add(config: MeterConfig, nowMs: number): number {
    const id = this.#freeIds.pop() ?? this.#nextId++;
    this.#make(id, config, nowMs);
    return id;
  }

  /** Starts a meter anew with another configuration. */
  set(id: number, config: MeterConfig, nowMs: number): void {
    if (this.#meterById.has(id)) this.#make(id, config, nowMs);
  }

  remove(id: number): void {
    if (!this.#meterById.delete(id)) return;
    this.#freeIds.push(id);
    this.#memory()?.release(id);
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

  #make(id: number, config: MeterConfig, nowMs: number): void {
    this.#meterById.set(id, new Meter(config, nowMs, this.#memory()?.take(id, config.bands.length)));
  }
}
