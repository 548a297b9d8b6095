/**
 * Big-endian reads and writes on a plain `Uint8Array`, for code that touches packets in place.
 *
 * A packet lives somewhere inside a larger arena, and a `DataView` per packet would be an allocation per
 * packet; direct indexing is inlined by V8 and costs the same. The caller checks bounds: a read past the end
 * gives zeros, a write past the end is lost.
 */

/** Reads an unsigned byte. */
export function getU8(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** Reads an unsigned 16-bit word. */
export function getU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Reads an unsigned 32-bit word. */
export function getU32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

/** Reads a 48-bit Ethernet address as a number. */
export function getMac(bytes: Uint8Array, at: number): number {
  return getU16(bytes, at) * 0x1_0000_0000 + getU32(bytes, at + 2);
}

/** Writes the low 16 bits of `value`. */
export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Writes the low 32 bits of `value`. */
export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes a 48-bit Ethernet address. */
export function putMac(bytes: Uint8Array, at: number, mac: number): void {
  putU16(bytes, at, Math.floor(mac / 0x1_0000_0000));
  putU32(bytes, at + 2, mac);
}
