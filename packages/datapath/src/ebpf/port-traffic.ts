/**
 * What the kernel's program counts of ports, in memory that both share; and how many of a port's packets are on their way up.
 *
 * A packet may be lost on its way, where a queue is full. It would count as under way for ever, and so hold the port back; therefore
 * all are forgotten now and then, when none waits to be read.
 */
import type { GrowingArray } from "@tenet/bpf";
import { PORT_COUNTERS } from "./program/counters.ts";

const TWO_32 = 2 ** 32;
const WORD_BYTES = 8;

/** What the program has forwarded from and to a port, and sent up. */
export interface KernelTraffic {
  readonly nSent: number;
  /** Packets that were held back because this process was behind, and that were lost on their way. */
  readonly nLost: number;
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
}

/** Counters by port. */
export class PortTraffic {
  readonly #memory: GrowingArray;
  readonly #view: DataView;
  /** The same memory; a whole word is set in one step. */
  readonly #words: BigUint64Array;
  /** How many packets of a port were lost on their way. */
  readonly #nLostByPort = new Map<number, number>();

  constructor(memory: GrowingArray) {
    this.#memory = memory;
    const { buffer, byteOffset, byteLength } = memory.bytes;
    this.#view = new DataView(buffer, byteOffset);
    this.#words = new BigUint64Array(buffer, byteOffset, byteLength / WORD_BYTES);
  }

  /** What the program has counted. */
  of(portNo: number): KernelTraffic {
    const { sent, held, rxPackets, rxBytes, txPackets, txBytes } = PORT_COUNTERS;
    return {
      nSent: this.#read(portNo, sent),
      nLost: this.#read(portNo, held) + (this.#nLostByPort.get(portNo) ?? 0),
      rxPackets: this.#read(portNo, rxPackets),
      rxBytes: this.#read(portNo, rxBytes),
      txPackets: this.#read(portNo, txPackets),
      txBytes: this.#read(portNo, txBytes),
    };
  }

  /** A packet has come up. */
  taken(portNo: number): void {
    const nTaken = this.#read(portNo, PORT_COUNTERS.taken);
    const nLost = this.#nLostByPort.get(portNo) ?? 0;
    if (nTaken < this.#read(portNo, PORT_COUNTERS.sent)) this.#setTaken(portNo, nTaken + 1);
    else if (nLost > 0) this.#nLostByPort.set(portNo, nLost - 1); // it came just when all were taken for lost
  }

  /** Packets of this port may be under way. @throws SystemCallError when the kernel has no memory for its counters */
  watch(portNo: number): void {
    this.#memory.growTo(portNo + 1);
    this.#nLostByPort.set(portNo, 0);
  }

  /** None of this port will be under way any more. */
  unwatch(portNo: number): void {
    this.#nLostByPort.delete(portNo);
  }

  /** By which the program may go past the port's device. */
  setBypass(portNo: number, word: bigint): void {
    Atomics.store(this.#words, (portNo * PORT_COUNTERS.sizeBytes + PORT_COUNTERS.bypass) / WORD_BYTES, word);
  }

  /** None is under way now. */
  forgetLost(): void {
    for (const [portNo, nLost] of this.#nLostByPort) {
      const [nSent, nTaken] = [this.#read(portNo, PORT_COUNTERS.sent), this.#read(portNo, PORT_COUNTERS.taken)];
      this.#nLostByPort.set(portNo, nLost + nSent - nTaken);
      this.#setTaken(portNo, nSent);
    }
  }

  #read(portNo: number, field: number): number {
    const at = portNo * PORT_COUNTERS.sizeBytes + field;
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }

  #setTaken(portNo: number, n: number): void {
    const at = portNo * PORT_COUNTERS.sizeBytes + PORT_COUNTERS.taken;
    this.#view.setUint32(at, n % TWO_32, true);
    this.#view.setUint32(at + 4, Math.floor(n / TWO_32), true);
  }
}
