/** Meters that the kernel's program and this process draw from alike. */
import { BpfMap } from "@tenet/bpf";
import { METER_STATE, METER_WORD, type SharedMeter } from "../meter/token-bucket.ts";

/** More can be; flows with those are not in the kernel. */
const MAX_METERS = 4096;

/** Memory of meters by number. */
export class KernelMeters {
  readonly map: BpfMap = BpfMap.create({
    kind: "array",
    name: "tenet_meters",
    keyBytes: 4,
    valueBytes: METER_WORD.length * Int32Array.BYTES_PER_ELEMENT,
    maxEntries: MAX_METERS,
    isMapped: true,
  });
  readonly #memory = this.map.mapValues();
  readonly #clockOffsetMs: number;

  /** @param clockOffsetMs - from this process's monotonic clock to the kernel's */
  constructor(clockOffsetMs: number) {
    this.#clockOffsetMs = clockOffsetMs;
  }

  /** A meter's memory, while this is open; `undefined` when the program has no room for it. */
  shared(id: number): SharedMeter | undefined {
    if (id >= MAX_METERS) return undefined;
    const { buffer, byteOffset } = this.#memory.bytes;
    const at = byteOffset + id * METER_WORD.length * Int32Array.BYTES_PER_ELEMENT;
    return { words: new Int32Array(buffer, at, METER_WORD.length), clockOffsetMs: this.#clockOffsetMs };
  }

  /** Whether the program can run a meter, or let packets pass as there is none. */
  canRun(id: number): boolean {
    const shared = this.shared(id);
    return shared !== undefined && shared.words[METER_WORD.state] !== METER_STATE.isForUserSpace;
  }

  /** Gives the memory back; no meter that has been given its own may be used any more. */
  close(): void {
    this.#memory.unmap();
    this.map.close();
  }
}
