/**
 * Puts the fragments of IP packets together, within bounds: what a tunnel's end has to do before it can take outer headers
 * off.
 *
 * How: the payload of each fragment is copied to its place behind the headers of the first. A fragment that lies over
 * another, or contradicts the length that is known, costs the whole packet (RFC 5722), so that nobody can make two ends see
 * different packets.
 * Limits: 256 packets and 4 MiB wait, for 15 s at most; the oldest goes when there are more. Behind other IPv6 extension
 * headers fragments are not looked for.
 *
 * @see RFC 791 section 3.2, RFC 8200 section 4.5
 */
import { getU16, getU32, internetChecksum, putU16 } from "@tenet/net";

const MAX_PACKETS = 256;
const MAX_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 15_000;
/** Bytes of an IP packet's payload. */
const MAX_PAYLOAD = 65_535;
const FRAGMENT = 44;
const FRAGMENT_BYTES = 8;
const IP6_BYTES = 40;

/** A fragment in a frame. */
interface Fragment {
  readonly key: string;
  /** Where its IP header starts, and its payload. */
  readonly l3: number;
  readonly payloadAt: number;
  readonly length: number;
  /** Where it lies in the whole payload. */
  readonly offset: number;
  readonly isLast: boolean;
}

/** A packet that is not whole. */
interface Partial {
  readonly expiresMs: number;
  /** Of the first fragment, up to its payload, as those of a whole packet. */
  headers: Uint8Array | undefined;
  readonly pieces: Map<number, Uint8Array>;
  nBytes: number;
  /** Bytes of the whole payload; -1 until the last fragment has come. */
  total: number;
}

/** Packets that wait for fragments. */
export class Reassembly {
  /** In the order in which they expire. */
  readonly #partialByKey = new Map<string, Partial>();
  #nBytes = 0;

  /** Takes a fragment in. @returns the whole frame, when this was the one that was missing */
  add(bytes: Uint8Array, at: number, length: number, nowMs: number): Uint8Array | undefined {
    this.expire(nowMs);
    const fragment = readFragment(bytes, at, at + length);
    if (fragment === undefined) return undefined;
    const { key } = fragment;
    const partial = this.#partialByKey.get(key) ?? this.#begin(key, nowMs);
    if (!place(partial, fragment, bytes, at)) this.#drop(key, partial);
    else {
      this.#nBytes += fragment.length;
      if (partial.headers !== undefined && partial.nBytes === partial.total) {
        this.#drop(key, partial);
        return join(partial, partial.headers, fragment.l3 - at);
      }
    }
    while (this.#nBytes > MAX_BYTES) this.#dropOldest();
    return undefined;
  }

  /** Forgets what is too old. */
  expire(nowMs: number): void {
    for (const [key, partial] of this.#partialByKey) {
      if (partial.expiresMs > nowMs) return;
      this.#drop(key, partial);
    }
  }

  #begin(key: string, nowMs: number): Partial {
    if (this.#partialByKey.size >= MAX_PACKETS) this.#dropOldest();
    const partial: Partial = { expiresMs: nowMs + TIMEOUT_MS, headers: undefined, pieces: new Map(), nBytes: 0, total: -1 };
    this.#partialByKey.set(key, partial);
    return partial;
  }

  #dropOldest(): void {
    for (const [key, partial] of this.#partialByKey) return this.#drop(key, partial);
  }

  #drop(key: string, partial: Partial): void {
    this.#partialByKey.delete(key);
    this.#nBytes -= partial.nBytes;
  }
}

/** Puts a fragment in its place. @returns false when it contradicts what is there */
function place(partial: Partial, { l3, payloadAt, length, offset, isLast }: Fragment, bytes: Uint8Array, at: number): boolean {
  const end = offset + length;
  const isWithin = partial.total < 0 || (isLast ? end === partial.total : end <= partial.total);
  const isFree = [...partial.pieces].every(([start, piece]) => end <= start || start + piece.length <= offset);
  if (!isWithin || !isFree) return false;
  if (isLast) {
    if ([...partial.pieces.keys()].some((start) => start >= end)) return false;
    partial.total = end;
  }
  partial.pieces.set(offset, bytes.slice(payloadAt, payloadAt + length));
  partial.nBytes += length;
  if (offset === 0) partial.headers = wholeHeaders(bytes, at, l3, payloadAt);
  return true;
}

/** Copies the headers in front of a fragment's payload, without what says that it is one. */
function wholeHeaders(bytes: Uint8Array, at: number, l3: number, payloadAt: number): Uint8Array {
  if ((bytes[l3] ?? 0) >>> 4 === 6) {
    const headers = bytes.slice(at, l3 + IP6_BYTES);
    headers[l3 - at + 6] = bytes[l3 + IP6_BYTES] ?? 0;
    return headers;
  }
  const headers = bytes.slice(at, payloadAt);
  putU16(headers, l3 - at + 6, 0);
  return headers;
}

/** @param l3 - where the IP header starts in the headers */
function join({ pieces, total }: Partial, headers: Uint8Array, l3: number): Uint8Array {
  const frame = new Uint8Array(headers.length + total);
  frame.set(headers);
  for (const [offset, piece] of pieces) frame.set(piece, headers.length + offset);
  if ((frame[l3] ?? 0) >>> 4 === 6) putU16(frame, l3 + 4, total);
  else {
    putU16(frame, l3 + 2, frame.length - l3);
    putU16(frame, l3 + 10, 0);
    putU16(frame, l3 + 10, internetChecksum(frame, l3, headers.length - l3));
  }
  return frame;
}

/** Finds a fragment in a frame; `undefined` when there is none, or one that can be none of a packet. */
function readFragment(bytes: Uint8Array, at: number, end: number): Fragment | undefined {
  let typeAt = at + 12;
  while (getU16(bytes, typeAt) === 0x8100 || getU16(bytes, typeAt) === 0x88a8) typeAt += 4;
  const l3 = typeAt + 2;
  const fragment = getU16(bytes, typeAt) === 0x0800 ? readFragment4(bytes, l3, end) : readFragment6(bytes, l3, end);
  if (fragment === undefined) return undefined;
  const { length, offset, isLast } = fragment;
  const isPossible = length > 0 && offset + length <= MAX_PAYLOAD && (isLast || length % 8 === 0);
  return isPossible ? fragment : undefined;
}

function readFragment4(bytes: Uint8Array, l3: number, end: number): Fragment | undefined {
  const headerLength = ((bytes[l3] ?? 0) & 15) * 4;
  const length = getU16(bytes, l3 + 2) - headerLength;
  if (end - l3 < 20 || headerLength < 20 || length < 0 || headerLength + length > end - l3) return undefined;
  const flags = getU16(bytes, l3 + 6);
  const name = [getU32(bytes, l3 + 12), getU32(bytes, l3 + 16), getU16(bytes, l3 + 4), bytes[l3 + 9]];
  const [offset, isLast] = [(flags & 0x1fff) * 8, (flags & 0x2000) === 0];
  return { key: name.join(), l3, payloadAt: l3 + headerLength, length, offset, isLast };
}

function readFragment6(bytes: Uint8Array, l3: number, end: number): Fragment | undefined {
  const length = getU16(bytes, l3 + 4) - FRAGMENT_BYTES;
  const headerAt = l3 + IP6_BYTES;
  if (end - headerAt < FRAGMENT_BYTES || bytes[l3 + 6] !== FRAGMENT || length < 0) return undefined;
  const payloadAt = headerAt + FRAGMENT_BYTES;
  if (length > end - payloadAt) return undefined;
  const name = Array.from({ length: 8 }, (_, i) => getU32(bytes, l3 + 8 + 4 * i));
  const offsetFlags = getU16(bytes, headerAt + 2);
  const key = [...name, getU32(bytes, headerAt + 4)].join();
  return { key, l3, payloadAt, length, offset: offsetFlags & 0xfff8, isLast: (offsetFlags & 1) === 0 };
}
