/**
 * GRE headers (RFC 2784) with key and sequence number (RFC 2890).
 *
 *  | C . K S 0..., version 3 | protocol 16 | [checksum 16, 0] | [key 32] | [sequence number 32] |
 */
import { addToSum, foldSum } from "../checksum.ts";
import { getU16, getU32, putU16, putU32 } from "../bytes.ts";
import { FIELDS, getField } from "../flow-key.ts";
import { TUNNEL_FLAG } from "./tunnel-fields.ts";

/** The protocol of whole Ethernet frames. */
export const GRE_ETHERNET = 0x6558;

const CHECKSUM = 0x8000;
const KEY = 0x2000;
const SEQUENCE = 0x1000;
const ID = FIELDS.tun_id.word + 1;
const FLAGS = FIELDS.tun_flags;

/**
 * Reads a header into the tunnel block of `out`, which is clear there; a checksum is looked at.
 *
 * @returns its bytes; 0 when it is cut, of another version, has bits of routing, or a wrong checksum. The protocol of
 *   what follows stands at `at + 2`
 */
export function readGre(bytes: Uint8Array, at: number, end: number, out: Uint32Array): number {
  if (end - at < 4) return 0;
  const flags = getU16(bytes, at);
  if ((flags & ~(CHECKSUM | KEY | SEQUENCE)) !== 0) return 0;
  const keyAt = at + 4 + ((flags & CHECKSUM) === 0 ? 0 : 4);
  const sequenceAt = keyAt + ((flags & KEY) === 0 ? 0 : 4);
  const size = sequenceAt + ((flags & SEQUENCE) === 0 ? 0 : 4) - at;
  if (end - at < size) return 0;
  let seen = 0;
  if ((flags & CHECKSUM) !== 0) {
    if (foldSum(addToSum(0, bytes, at, end - at)) !== 0xffff) return 0;
    seen |= TUNNEL_FLAG.checksum;
  }
  if ((flags & KEY) !== 0) {
    out[ID] = getU32(bytes, keyAt);
    seen |= TUNNEL_FLAG.key;
  }
  out[FLAGS.word] = (out[FLAGS.word] ?? 0) | (seen << FLAGS.shift);
  return size;
}

/**
 * Writes the header of a tunnel block; its checksum is zero until {@link finishGre}.
 *
 * @returns its bytes
 */
export function writeGre(bytes: Uint8Array, at: number, protocol: number, key: Uint32Array): number {
  const wanted = getField(key, FLAGS);
  let flags = 0;
  let cursor = at + 4;
  if ((wanted & TUNNEL_FLAG.checksum) !== 0) {
    flags |= CHECKSUM;
    putU32(bytes, cursor, 0);
    cursor += 4;
  }
  if ((wanted & TUNNEL_FLAG.key) !== 0) {
    flags |= KEY;
    putU32(bytes, cursor, key[ID] ?? 0);
    cursor += 4;
  }
  putU16(bytes, at, flags);
  putU16(bytes, at + 2, protocol);
  return cursor - at;
}

/**
 * Writes the checksum over header and payload, when the header has one.
 *
 * @param end - of the header
 * @param payloadSum - unfolded sum of what it is of
 */
export function finishGre(bytes: Uint8Array, at: number, end: number, payloadSum: number): void {
  if ((getU16(bytes, at) & CHECKSUM) === 0) return;
  putU16(bytes, at + 4, 0);
  putU16(bytes, at + 4, ~foldSum(addToSum(payloadSum, bytes, at, end - at)) & 0xffff);
}
