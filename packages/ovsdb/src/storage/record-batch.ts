/**
 * Records of the log with their headers, one behind another, as bytes for one write.
 *
 * The buffer is used again: what a transaction leaves to the garbage collector costs more than making its record.
 */
import type { PlacedRecord } from "./read-log.ts";
import { sha1Hex } from "./sha1.ts";

/** A buffer of this size is kept; one that had to be larger is not. */
const KEPT_BYTES = 64 * 1024;

/** Encodes batches of records. */
export class RecordBatch {
  readonly #kept = Buffer.allocUnsafe(KEPT_BYTES);
  #bytes = this.#kept;
  #sizeBytes = 0;

  /**
   * Encodes records; the bytes are good until the next batch.
   *
   * @param records - their JSON texts
   * @param at - the offset in the file at which they will stand
   */
  encode(records: readonly string[], at: number): { readonly bytes: Buffer; readonly placed: PlacedRecord[] } {
    this.#bytes = this.#kept;
    this.#sizeBytes = 0;
    const placed = records.map((json) => ({ at: at + this.#sizeBytes, sha1: this.#add(`${json}\n`) }));
    return { bytes: this.#bytes.subarray(0, this.#sizeBytes), placed };
  }

  /** @returns the record's hash */
  #add(body: string): string {
    const sha1 = sha1Hex(body);
    const bodyBytes = Buffer.byteLength(body);
    const header = `OVSDB JSON ${bodyBytes} ${sha1}\n`;
    this.#reserve(header.length + bodyBytes);
    this.#sizeBytes += this.#bytes.write(header, this.#sizeBytes, "latin1");
    this.#sizeBytes += this.#bytes.write(body, this.#sizeBytes);
    return sha1;
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#sizeBytes + sizeBytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(needed * 2);
    larger.set(this.#bytes.subarray(0, this.#sizeBytes));
    this.#bytes = larger;
  }
}
