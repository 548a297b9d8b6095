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
import { addToSum, finishTransportChecksum, foldSum, getU16, getU32, internetChecksum, putU16, putU32 } from "@tenet/net";

/** Bytes of the header. */
const VNET_BYTES = 10;

/** The checksum field holds only the pseudo-header's sum. */
const NEEDS_CHECKSUM = 1;

const GSO = { none: 0, tcp4: 1, tcp6: 4, udp: 5, ecn: 0x80 } as const;

/** Whether the transport checksum is still to be completed. */
export function isPartial(bytes: Uint8Array, headerAt: number): boolean {
  return ((bytes[headerAt] ?? 0) & NEEDS_CHECKSUM) !== 0;
}

/** Whether the frame stands for several. */
function isSegmented(bytes: Uint8Array, headerAt: number): boolean {
  return (bytes[headerAt + 1] ?? 0) !== GSO.none;
}

/** Writes a header that asks for nothing. */
export function clearVnetHeader(bytes: Uint8Array, headerAt: number): void {
  bytes.fill(0, headerAt, headerAt + VNET_BYTES);
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
  if (!isPartial(bytes, headerAt)) return frame;
  const start = getLe16(bytes, headerAt + 6);
  const field = start + getLe16(bytes, headerAt + 8);
  if (field + 2 > length) return frame;
  const checksum = ~foldSum(addToSum(0, frame, start, length - start)) & 0xffff;
  putU16(frame, field, checksum === 0 ? 0xffff : checksum);
  return frame;
}

/**
 * The frames that a frame stands for, each a copy with complete checksums; one for an ordinary frame.
 *
 * A bundle that cannot be taken apart (an unknown kind, headers that contradict themselves) gives none.
 */
export function splitFrame(bytes: Uint8Array, headerAt: number, at: number, length: number): Uint8Array[] {
  const gso = (bytes[headerAt + 1] ?? 0) & ~GSO.ecn;
  if (gso === GSO.none) return [completeFrame(bytes, headerAt, at, length)];
  const l3At = networkAt(bytes, at);
  const l4At = at + getLe16(bytes, headerAt + 6);
  const isTcp = gso === GSO.tcp4 || gso === GSO.tcp6;
  if (!isTcp && gso !== GSO.udp) return [];
  const headerEnd = l4At + (isTcp ? ((bytes[l4At + 12] ?? 0) >>> 4) << 2 : 8);
  const size = getLe16(bytes, headerAt + 4);
  if (size === 0 || l4At < l3At + 20 || headerEnd > at + length) return [];
  const frames: Uint8Array[] = [];
  for (let from = headerEnd; from < at + length; from += size) {
    const end = Math.min(from + size, at + length);
    const headerBytes = headerEnd - at;
    const frame = new Uint8Array(headerBytes + end - from);
    frame.set(bytes.subarray(at, headerEnd));
    frame.set(bytes.subarray(from, end), headerBytes);
    const place = {
      l3At: l3At - at,
      l4At: l4At - at,
      index: frames.length,
      offset: from - headerEnd,
      isLast: end === at + length,
    };
    finishSegment(frame, isTcp, place);
    frames.push(frame);
  }
  return frames;
}

interface SegmentPlace {
  readonly l3At: number;
  readonly l4At: number;
  readonly index: number;
  /** Payload bytes before this segment. */
  readonly offset: number;
  readonly isLast: boolean;
}

/** Makes the copied headers those of one segment. */
function finishSegment(frame: Uint8Array, isTcp: boolean, place: SegmentPlace): void {
  const { l3At, l4At } = place;
  const family = (frame[l3At] ?? 0) >>> 4 === 4 ? 4 : 6;
  if (family === 4) {
    putU16(frame, l3At + 2, frame.length - l3At);
    putU16(frame, l3At + 4, getU16(frame, l3At + 4) + place.index);
    putU16(frame, l3At + 10, 0);
    putU16(frame, l3At + 10, internetChecksum(frame, l3At, ((frame[l3At] ?? 0) & 15) * 4));
  } else {
    putU16(frame, l3At + 4, frame.length - l3At - 40);
  }
  if (isTcp) {
    putU32(frame, l4At + 4, getU32(frame, l4At + 4) + place.offset);
    let flags = frame[l4At + 13] ?? 0;
    if (!place.isLast) flags &= ~(0x01 | 0x08); // FIN and PSH belong to the last
    if (place.index > 0) flags &= ~0x80; // CWR to the first
    frame[l4At + 13] = flags;
  } else {
    putU16(frame, l4At + 4, frame.length - l4At);
  }
  finishTransportChecksum(frame, l3At, l4At, frame.length - l4At, isTcp ? 6 : 17, family);
}

/** Start of the network header: behind the Ethernet header and at most two tags. */
function networkAt(bytes: Uint8Array, at: number): number {
  let cursor = at + 12;
  for (let i = 0; i < 2; i++) {
    const type = getU16(bytes, cursor);
    if (type !== 0x8100 && type !== 0x88a8) break;
    cursor += 4;
  }
  return cursor + 2;
}

function getLe16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

function putLe16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}
