/** Writes frames to a pcap file as they pass; each is in the file when `write` returns. */
import { closeSync, openSync, writeSync } from "node:fs";

const MAGIC = 0xa1b2c3d4;
const SNAP_LENGTH = 1518;
const LINK_TYPE_ETHERNET = 1;

/** A pcap file that is written. */
export class PcapWriter {
  readonly #fd: number;

  /** Makes the file anew. @throws Error of `node:fs` */
  constructor(path: string) {
    this.#fd = openSync(path, "w");
    const header = new DataView(new ArrayBuffer(24));
    header.setUint32(0, MAGIC, true);
    header.setUint16(4, 2, true);
    header.setUint16(6, 4, true);
    header.setUint32(16, SNAP_LENGTH, true);
    header.setUint32(20, LINK_TYPE_ETHERNET, true);
    writeSync(this.#fd, header);
  }

  /** @param timeMs - since 1970 */
  write(frame: Uint8Array, timeMs: number): void {
    const record = new Uint8Array(16 + frame.length);
    const header = new DataView(record.buffer);
    header.setUint32(0, Math.floor(timeMs / 1000), true);
    header.setUint32(4, Math.floor(timeMs * 1000) % 1_000_000, true);
    header.setUint32(8, frame.length, true);
    header.setUint32(12, frame.length, true);
    record.set(frame, 16);
    writeSync(this.#fd, record);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
