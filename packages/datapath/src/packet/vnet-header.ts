/**
 * The virtio-net header that travels beside a frame: which checksum is still to be completed, and whether the frame
 * is a bundle of TCP or UDP segments.
 *
 *  | flags u8 | gso type u8 | header length u16 | segment size u16 | checksum start u16 | checksum offset u16 |
 *
 * Little-endian. A frame that leaves through a device takes its header along unchanged; a frame that leaves the
 * kernel's world (memory port, upcall) is completed here first.
 *
 * @see Virtual I/O Device (VIRTIO) 1.2, section 5.1.6
 */
import { addToSum, foldSum, putU16, putU32 } from "@tenet/net";
import { SCTP_CHECKSUM_AT, sctpChecksum } from "./sctp-checksum.ts";

/** Bytes of the header. */
const VNET_BYTES = 10;

/** The checksum field holds only the pseudo-header's sum. */
const NEEDS_CHECKSUM = 1;

const GSO = { none: 0, tcp4: 1, tcp6: 4, udp: 5, ecn: 0x80 } as const;

/** Whether the transport checksum is still to be completed. */
export function isPartial(bytes: Uint8Array, headerAt: number): boolean {
  return ((bytes[headerAt] ?? 0) & NEEDS_CHECKSUM) !== 0;
}

/** Whether that is one of SCTP, which a frame's receiver takes for one of the Internet when it is left to it. */
export function isPartialSctp(bytes: Uint8Array, headerAt: number): boolean {
  return isPartial(bytes, headerAt) && getLe16(bytes, headerAt + 8) === SCTP_CHECKSUM_AT;
}

/** Whether the frame stands for several. */
export function isSegmented(bytes: Uint8Array, headerAt: number): boolean {
  return (bytes[headerAt + 1] ?? 0) !== GSO.none;
}

/** Writes a header that asks for nothing. */
export function clearVnetHeader(bytes: Uint8Array, headerAt: number): void {
  bytes.fill(0, headerAt, headerAt + VNET_BYTES);
}

/** What is left to do of a TCP or UDP packet; offsets are from the start of the frame. */
export interface Unfinished {
  readonly transport: number;
  /** Of the checksum in the transport header. */
  readonly field: number;
  readonly family: 4 | 6;
  /** Bytes of all headers. */
  readonly headers: number;
  /** Bytes of payload in each of the TCP segments that the frame stands for; 0 when it stands for itself. */
  readonly segmentSize: number;
}

/** Writes a header that asks for a checksum, and maybe for segmentation. */
export function writeVnetHeader(bytes: Uint8Array, headerAt: number, unfinished: Unfinished): void {
  const { transport, field, family, headers, segmentSize } = unfinished;
  bytes[headerAt] = NEEDS_CHECKSUM;
  bytes[headerAt + 1] = segmentSize === 0 ? GSO.none : family === 4 ? GSO.tcp4 : GSO.tcp6;
  putLe16(bytes, headerAt + 2, headers);
  putLe16(bytes, headerAt + 4, segmentSize);
  putLe16(bytes, headerAt + 6, transport);
  putLe16(bytes, headerAt + 8, field);
}

/**
 * Moves the header down, and the offsets in it up, by the `delta` bytes that the frame is to become longer by in front of
 * its network header; the other way round when `delta` is negative.
 */
export function shiftVnetHeader(bytes: Uint8Array, headerAt: number, delta: number): void {
  const to = headerAt - delta;
  bytes.copyWithin(to, headerAt, headerAt + VNET_BYTES);
  if (isPartial(bytes, to)) putLe16(bytes, to + 6, getLe16(bytes, to + 6) + delta);
  if (isSegmented(bytes, to)) putLe16(bytes, to + 2, getLe16(bytes, to + 2) + delta);
}

/** A copy of the frame with its checksum complete; still one frame if it stands for several. */
export function completeFrame(bytes: Uint8Array, headerAt: number, at: number, length: number): Uint8Array {
  const frame = bytes.slice(at, at + length);
  if (isPartial(bytes, headerAt)) writeChecksum(bytes, headerAt, frame, 0, length);
  return frame;
}

/** Completes the checksum of a frame where it is; others that refer to its bytes find it complete then, too. */
export function completeInPlace(bytes: Uint8Array, headerAt: number, at: number, length: number): void {
  if (!isPartial(bytes, headerAt)) return;
  writeChecksum(bytes, headerAt, bytes, at, length);
  bytes[headerAt] = (bytes[headerAt] ?? 0) & ~NEEDS_CHECKSUM;
}

function writeChecksum(header: Uint8Array, headerAt: number, frame: Uint8Array, at: number, length: number): void {
  const start = getLe16(header, headerAt + 6);
  const field = start + getLe16(header, headerAt + 8);
  if (isPartialSctp(header, headerAt)) {
    if (field + 4 <= length) putU32(frame, at + field, sctpChecksum(frame, at + start, at + length));
    return;
  }
  if (field + 2 > length) return;
  const checksum = ~foldSum(addToSum(0, frame, at + start, length - start)) & 0xffff;
  putU16(frame, at + field, checksum === 0 ? 0xffff : checksum);
}

/** What a bundle says of its segments. */
export interface Segmentation {
  readonly kind: "tcp" | "udp" | "unknown";
  /** Bytes of payload in each segment. */
  readonly size: number;
  /** Where the transport header is, from the start of the frame. */
  readonly transportOffset: number;
}

/** How a frame that stands for several is to be cut. */
export function segmentation(bytes: Uint8Array, headerAt: number): Segmentation {
  const gso = (bytes[headerAt + 1] ?? 0) & ~GSO.ecn;
  const kind = gso === GSO.tcp4 || gso === GSO.tcp6 ? "tcp" : gso === GSO.udp ? "udp" : "unknown";
  return { kind, size: getLe16(bytes, headerAt + 4), transportOffset: getLe16(bytes, headerAt + 6) };
}

function getLe16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

function putLe16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}
