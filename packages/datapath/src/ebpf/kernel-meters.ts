/** Meters that the kernel's program and this process draw from alike. */
import { BpfMap } from "@tenet/bpf";
import type { MeterMemory } from "../meter/meter-table.ts";
import { MAX_SHARED_BANDS, METER_STATE, METER_WORD, type SharedBand } from "../meter/token-bucket.ts";

/** More can be; flows with those are not in the kernel. */
const MAX_METERS = 4096;
/** Bands behind the first ones of meters; meters that find none are not in the kernel. */
const MAX_FURTHER_BANDS = 4096;
const STATE_BITS = 0xff;

/**
 * Memory of meters by number, their further bands behind them. A program that runs just when a meter is made anew may yet draw from a band
 * which another meter has now: a packet's worth of tokens.
 */
export class KernelMeters implements MeterMemory {
  readonly map: BpfMap = BpfMap.create({
    kind: "array",
    name: "tenet_meters",
    keyBytes: 4,
    valueBytes: METER_WORD.length * Int32Array.BYTES_PER_ELEMENT,
    maxEntries: MAX_METERS + MAX_FURTHER_BANDS,
    isMapped: true,
  });
  readonly #memory = this.map.mapValues();
  readonly #furtherById = new Map<number, readonly number[]>();
  readonly #free: number[] = [];
  #nextFurther = MAX_METERS;
  readonly #clockOffsetMs: number;

  /** @param clockOffsetMs - from this process's monotonic clock to the kernel's */
  constructor(clockOffsetMs: number) {
    this.#clockOffsetMs = clockOffsetMs;
  }

  /** Memory of a meter's bands, while this is open; less when the program has no room for them. */
  take(id: number, nBands: number): readonly SharedBand[] {
    if (id >= MAX_METERS) return [];
    this.release(id);
    const nFree = this.#free.length + MAX_METERS + MAX_FURTHER_BANDS - this.#nextFurther;
    const nFurther = Math.max(0, nBands - 1);
    if (nBands > MAX_SHARED_BANDS || nFurther > nFree) return [this.#band(id)];
    const further = Array.from({ length: nFurther }, () => this.#free.pop() ?? this.#nextFurther++);
    this.#furtherById.set(id, further);
    return [id, ...further].map((number) => this.#band(number));
  }

  release(id: number): void {
    if (id >= MAX_METERS) return;
    Atomics.store(this.#band(id).words, METER_WORD.state, METER_STATE.absent);
    this.#free.push(...(this.#furtherById.get(id) ?? []));
    this.#furtherById.delete(id);
  }

  /**
   * Whether the program can run a meter, or let packets pass as there is none.
   *
   * @param canRemark - of packets whose DSCP it can change
   */
  canRun(id: number, canRemark: boolean): boolean {
    if (id >= MAX_METERS) return false;
    const states = [id, ...(this.#furtherById.get(id) ?? [])].map((number) => this.#stateOf(number));
    return !states.includes(METER_STATE.isForUserSpace) && (canRemark || !states.includes(METER_STATE.remarks));
  }

  /** Gives the memory back; no meter that has been given its own may be used any more. */
  close(): void {
    this.#memory.unmap();
    this.map.close();
  }

  #stateOf(number: number): number {
    return (this.#band(number).words[METER_WORD.state] ?? 0) & STATE_BITS;
  }

  #band(number: number): SharedBand {
    const { buffer, byteOffset } = this.#memory.bytes;
    const at = byteOffset + number * METER_WORD.length * Int32Array.BYTES_PER_ELEMENT;
    return { words: new Int32Array(buffer, at, METER_WORD.length), number, clockOffsetMs: this.#clockOffsetMs };
  }
}
