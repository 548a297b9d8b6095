/**
 * MurmurHash3 by words and Jenkins' lookup3 by bytes, over memory of a little-endian machine, as Open vSwitch uses them.
 *
 * @see Bob Jenkins, "lookup3.c", 2006; Austin Appleby, "MurmurHash3", 2011 (both in the public domain)
 */

/** Continues a hash with one word (MurmurHash3). */
export function hashWord(hash: number, word: number): number {
  const scrambled = Math.imul(rotate(Math.imul(word, 0xcc9e_2d51), 15), 0x1b87_3593);
  return (Math.imul(rotate(hash ^ scrambled, 13), 5) + 0xe654_6b64) | 0;
}

/** Ends a hash; `final` is mixed in. */
export function finishHash(hash: number, final: number): number {
  let mixed = hash ^ final;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The hash of two words. */
export function hashTwo(x: number, y: number): number {
  return finishHash(hashWord(hashWord(x, 0), y), 8);
}

/** The hash of bytes by MurmurHash3. */
export function hashBytes(bytes: Uint8Array, basis: number): number {
  let hash = basis;
  for (let at = 0; at < bytes.length; at += 4) hash = hashWord(hash, networkWord(bytes, at));
  return finishHash(hash, bytes.length);
}

/** Four bytes as a little-endian machine reads them; those beyond the end are 0. */
export function networkWord(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

/** The hash of bytes by lookup3. */
export function jenkinsHash(bytes: Uint8Array, basis: number): number {
  let a = (0xdead_beef + bytes.length + basis) | 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; bytes.length - at >= 12; at += 12) {
    a = (a + networkWord(bytes, at)) | 0;
    b = (b + networkWord(bytes, at + 4)) | 0;
    c = (c + networkWord(bytes, at + 8)) | 0;
    a = (a - c) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 4);
    b = (b + a) | 0;
  }
  if (at === bytes.length) return c >>> 0;
  a = (a + networkWord(bytes, at)) | 0;
  b = (b + networkWord(bytes, at + 4)) | 0;
  c = (c + networkWord(bytes, at + 8)) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  return ((c ^ b) - rotate(b, 24)) >>> 0;
}

function rotate(word: number, nBits: number): number {
  return (word << nBits) | (word >>> (32 - nBits));
}
