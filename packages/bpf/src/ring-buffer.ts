/**
 * The reading side of a ring buffer: records that programs of the kernel write, in their order, without a system call.
 *
 *  first page: | consumer position 8 |     second page: | producer position 8 |     then the records, twice in a row
 *  record:     | length 4, bit 31 busy, bit 30 discarded | page offset 4 | bytes, padded to 8 |
 *
 * The records are mapped twice so that one that wraps around the end is in one piece.
 *
 * @see Documentation/bpf/ringbuf.rst of the kernel
 */
import { type Mapping, mapDescriptor } from "@tenet/linux";
import type { BpfMap } from "./map.ts";

const PAGE_BYTES = 4096;
const HEADER_BYTES = 8;
const BUSY = 0x8000_0000;
const DISCARDED = 0x4000_0000;
const LENGTH = 0x3fff_ffff;

/** Reads what comes. One reader per buffer. */
export class RingBuffer {
  /** Where records are. */
  readonly bytes: Uint8Array;
  /** Readable when there may be records: for a `Poller`. */
  readonly fd: number;
  readonly #consumer: Mapping;
  readonly #producer: Mapping;
  readonly #consumerPosition: BigUint64Array;
  /** Low halves of positions: the buffer is smaller than 4 GiB. */
  readonly #producerPosition: Int32Array;
  readonly #words: Int32Array;
  readonly #mask: number;
  /** In bytes since the buffer was made. */
  #position: number;

  /** @throws SystemCallError when the map is no ring buffer */
  constructor(map: BpfMap) {
    const action = `read ring buffer "${map.name}"`;
    const nBytes = map.spec.maxEntries;
    this.fd = map.fd;
    this.#mask = nBytes - 1;
    this.#consumer = mapDescriptor(map.fd, PAGE_BYTES, 0, true, action);
    this.#producer = mapDescriptor(map.fd, PAGE_BYTES + 2 * nBytes, PAGE_BYTES, false, action);
    this.bytes = this.#producer.bytes.subarray(PAGE_BYTES);
    const { buffer, byteOffset } = this.#producer.bytes;
    this.#producerPosition = new Int32Array(buffer, byteOffset, 2);
    this.#words = new Int32Array(buffer, byteOffset + PAGE_BYTES, (2 * nBytes) / 4);
    this.#consumerPosition = new BigUint64Array(this.#consumer.bytes.buffer, this.#consumer.bytes.byteOffset, 1);
    this.#position = Number(this.#consumerPosition[0] ?? 0n);
  }

  /**
   * Takes the records that are there.
   *
   * @param visit - is given where a record starts in `bytes`, and its length; it is gone when the call of `drain` returns
   * @param most - takes no more than that
   * @returns how many; discarded ones do not count
   */
  drain(visit: (at: number, nBytes: number) => void, most: number = Number.POSITIVE_INFINITY): number {
    let n = 0;
    const start = this.#position;
    while (n < most && this.#hasRecord()) {
      const at = this.#position % (this.#mask + 1);
      const header = Atomics.load(this.#words, at / 4);
      if ((header & BUSY) !== 0) break;
      const nBytes = header & LENGTH;
      this.#position += Math.ceil((HEADER_BYTES + nBytes) / 8) * 8;
      if ((header & DISCARDED) !== 0) continue;
      n++;
      visit(at + HEADER_BYTES, nBytes);
    }
    if (this.#position !== start) Atomics.store(this.#consumerPosition, 0, BigInt(this.#position));
    return n;
  }

  /** Frees the mappings; the map stays open. */
  close(): void {
    this.#consumer.unmap();
    this.#producer.unmap();
  }

  #hasRecord(): boolean {
    return Atomics.load(this.#producerPosition, 0) !== (this.#position | 0);
  }
}
