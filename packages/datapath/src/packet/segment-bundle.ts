/**
 * A frame that stands for several TCP or UDP segments, taken apart.
 *
 * Its headers are those of the first segment; each segment gets a copy with lengths, identification, sequence number,
 * flags and checksums of its own.
 *
 * @see vnet-header.ts
 */
import { finishTransportChecksum, getU16, getU32, internetChecksum, putU16, putU32 } from "@tenet/net";
import { segmentation } from "./vnet-header.ts";

/** One bundle at a time; reused for many. */
export class SegmentBundle {
  nSegments = 0;
  /** Bytes of headers in each segment. */
  headerLength = 0;
  /** Bytes of payload in each segment but the last. */
  payloadLength = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #length = 0;
  #l3 = 0;
  #l4 = 0;
  #isTcp = false;

  /**
   * Looks at a bundle. Its bytes are not to change before its segments are written.
   *
   * @returns whether it can be taken apart: not if it is of an unknown kind or its headers contradict themselves
   */
  read(bytes: Uint8Array, headerAt: number, at: number, length: number): boolean {
    const { kind, size, transportOffset } = segmentation(bytes, headerAt);
    if (kind === "unknown" || size === 0) return false;
    this.#isTcp = kind === "tcp";
    this.#bytes = bytes;
    this.#at = at;
    this.#length = length;
    this.#l3 = networkOffset(bytes, at);
    this.#l4 = transportOffset;
    const transportLength = this.#isTcp ? ((bytes[at + this.#l4 + 12] ?? 0) >>> 4) << 2 : 8;
    this.headerLength = this.#l4 + transportLength;
    this.payloadLength = size;
    if (this.#l4 < this.#l3 + 20 || transportLength < (this.#isTcp ? 20 : 8) || this.headerLength > length) return false;
    this.nSegments = Math.ceil((length - this.headerLength) / size);
    return this.nSegments > 0;
  }

  /** Bytes of segment `i`. */
  sizeOf(i: number): number {
    return Math.min(this.headerLength + this.payloadLength, this.#length - i * this.payloadLength);
  }

  /** Writes segment `i` to `to` in `target`, which may be the memory that the bundle is in. @returns its bytes */
  write(i: number, target: Uint8Array, to: number): number {
    const size = this.sizeOf(i);
    const from = this.#at + this.headerLength + i * this.payloadLength;
    this.#copy(target, to, this.#at, this.headerLength);
    this.#copy(target, to + this.headerLength, from, size - this.headerLength);
    this.#finish(i, target, to, size);
    return size;
  }

  #copy(target: Uint8Array, to: number, from: number, length: number): void {
    if (target === this.#bytes) target.copyWithin(to, from, from + length);
    else target.set(this.#bytes.subarray(from, from + length), to);
  }

  /** Makes the copied headers those of segment `i`. */
  #finish(i: number, frame: Uint8Array, to: number, size: number): void {
    const l3At = to + this.#l3;
    const l4At = to + this.#l4;
    const end = to + size;
    const family = (frame[l3At] ?? 0) >>> 4 === 4 ? 4 : 6;
    if (family === 4) {
      putU16(frame, l3At + 2, end - l3At);
      putU16(frame, l3At + 4, getU16(frame, l3At + 4) + i);
      putU16(frame, l3At + 10, 0);
      putU16(frame, l3At + 10, internetChecksum(frame, l3At, ((frame[l3At] ?? 0) & 15) * 4));
    } else {
      putU16(frame, l3At + 4, end - l3At - 40);
    }
    if (this.#isTcp) {
      putU32(frame, l4At + 4, getU32(frame, l4At + 4) + i * this.payloadLength);
      let flags = frame[l4At + 13] ?? 0;
      if (i < this.nSegments - 1) flags &= ~(0x01 | 0x08); // FIN and PSH belong to the last
      if (i > 0) flags &= ~0x80; // CWR to the first
      frame[l4At + 13] = flags;
    } else {
      putU16(frame, l4At + 4, end - l4At);
    }
    finishTransportChecksum(frame, l3At, l4At, end - l4At, this.#isTcp ? 6 : 17, family);
  }
}

/** Start of the network header: behind the Ethernet header and at most two tags. */
function networkOffset(bytes: Uint8Array, at: number): number {
  let cursor = at + 12;
  for (let i = 0; i < 2; i++) {
    const type = getU16(bytes, cursor);
    if (type !== 0x8100 && type !== 0x88a8) break;
    cursor += 4;
  }
  return cursor + 2 - at;
}
