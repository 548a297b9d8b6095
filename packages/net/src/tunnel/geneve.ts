/**
 * Geneve headers (RFC 8926, section 3.4).
 *
 *  | version 2, option words 6 | O, C, reserved 6 | protocol 16 | network identifier 24 | 0 |  options ...
 *
 * An option is a class (16 bits), a type (8 bits, the highest: critical), its data's length in words (5 bits), its data.
 */
import { getU16, getU32, getU8, putU16, putU32 } from "../bytes.ts";
import { FIELDS } from "../flow-key.ts";
import { optionsSizeOf, TUNNEL_FLAG } from "./tunnel-fields.ts";

/** Bytes of a header without options. */
const GENEVE_BYTES = 8;

const ETHERNET = 0x6558;
const OAM = 0x80;
const CRITICAL = 0x40;
const ID = FIELDS.tun_id.word + 1;
const FLAGS = FIELDS.tun_flags;
const OPTIONS = FIELDS.tun_options.word;
const OPTIONS_SIZE = FIELDS.tun_options_present.word + 1;

/**
 * Reads a header into the tunnel block of `out`, which is clear there.
 *
 * @returns its bytes with options; 0 when it is cut, of another version, not of Ethernet frames, or its options
 *   contradict its length
 */
export function readGeneve(bytes: Uint8Array, at: number, end: number, out: Uint32Array): number {
  if (end - at < GENEVE_BYTES) return 0;
  const first = getU8(bytes, at);
  const optionsSize = (first & 0x3f) * 4;
  const size = GENEVE_BYTES + optionsSize;
  if (first >>> 6 !== 0 || getU16(bytes, at + 2) !== ETHERNET || end - at < size) return 0;
  if (!areOptionsWhole(bytes, at + GENEVE_BYTES, at + size)) return 0;
  const oam = (getU8(bytes, at + 1) & OAM) === 0 ? 0 : TUNNEL_FLAG.oam;
  out[FLAGS.word] = (out[FLAGS.word] ?? 0) | ((oam | TUNNEL_FLAG.key) << FLAGS.shift);
  out[ID] = getU32(bytes, at + 4) >>> 8;
  out[OPTIONS_SIZE] = optionsSize;
  for (let i = 0; i < optionsSize; i += 4) out[OPTIONS + (i >>> 2)] = getU32(bytes, at + GENEVE_BYTES + i);
  return size;
}

/** Writes the header of a tunnel block. @returns its bytes with options, at most 260 */
export function writeGeneve(bytes: Uint8Array, at: number, key: Uint32Array): number {
  const optionsSize = optionsSizeOf(key);
  const oam = (((key[FLAGS.word] ?? 0) >>> FLAGS.shift) & TUNNEL_FLAG.oam) === 0 ? 0 : OAM;
  let critical = 0;
  for (let i = 0; i < optionsSize; ) {
    const header = key[OPTIONS + (i >>> 2)] ?? 0;
    putU32(bytes, at + GENEVE_BYTES + i, header);
    const end = Math.min(optionsSize, i + 4 + (header & 0x1f) * 4);
    if ((header & 0x8000) !== 0) critical = CRITICAL;
    for (i += 4; i < end; i += 4) putU32(bytes, at + GENEVE_BYTES + i, key[OPTIONS + (i >>> 2)] ?? 0);
  }
  bytes[at] = optionsSize >>> 2;
  bytes[at + 1] = oam | critical;
  putU16(bytes, at + 2, ETHERNET);
  putU32(bytes, at + 4, (key[ID] ?? 0) << 8);
  return GENEVE_BYTES + optionsSize;
}

function areOptionsWhole(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) at += 4 + (getU8(bytes, at + 3) & 0x1f) * 4;
  return at === end;
}
