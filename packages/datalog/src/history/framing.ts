/**
 * How records lie in a history's file, and how they are found again.
 *
 * ```
 *  | length | check of the length | CRC-32 of the payload | payload: kind, one byte, and text in UTF-8 |
 *     4       4                     4                       length
 * ```
 *
 * The length has a check of its own. So a record that the end of the file cuts off is told from one whose length is damaged, and
 * the next whole record after a damage can be looked for byte by byte.
 */
import { crc32 } from "node:zlib";

/** Bytes before the payload. */
export const HEADER_BYTES = 12;
/** More than this is no length: V8's strings end there. */
const MAX_PAYLOAD_BYTES = 2 ** 29;

/** A record with its place in the file. */
export interface FramedRecord {
  readonly kind: string;
  /** Text in UTF-8, without the kind. */
  readonly payload: Buffer;
  readonly at: number;
  readonly end: number;
}

/** A record as bytes, to be appended. */
export function frame(kind: string, text: string): Buffer {
  const length = 1 + Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length);
  bytes.write(kind, HEADER_BYTES, "latin1");
  bytes.write(text, HEADER_BYTES + 1, "utf8");
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(checkOf(length), 4);
  bytes.writeUInt32LE(crc32(bytes.subarray(HEADER_BYTES)), 8);
  return bytes;
}

/** Length of the payload of the record whose header stands in `bytes` at `at`; `undefined` if that is no header. */
export function payloadLength(bytes: Buffer, at: number): number | undefined {
  const length = bytes.readUInt32LE(at);
  if (length === 0 || length > MAX_PAYLOAD_BYTES) return undefined;
  return bytes.readUInt32LE(at + 4) === checkOf(length) ? length : undefined;
}

/** Whether header and payload, together in `bytes`, belong to each other. */
export function isWhole(bytes: Buffer): boolean {
  return bytes.readUInt32LE(8) === crc32(bytes.subarray(HEADER_BYTES));
}

/** A word that a length is unlikely to be followed by unless it was written as one. */
function checkOf(length: number): number {
  const mixed = Math.imul(length ^ 0x5bf03635, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
