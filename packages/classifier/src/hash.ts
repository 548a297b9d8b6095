/**
 * A 32-bit hash that is fed word by word, so that the hash of a stage continues that of the stage before.
 *
 * The mixing steps are MurmurHash3's (Austin Appleby, public domain): multiply, rotate, multiply.
 */

/** Hash of no words. */
export const HASH_BASIS = 0x2c1b3c6d;

/** Continues hash `h` with one word. */
export function mixWord(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const mixed = h ^ k;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** Spreads the entropy of `h` over all its bits; the result is unsigned. */
export function finishHash(h: number): number {
  let x = h ^ (h >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** The hash of a whole mask or key. */
export function hashWords(words: Uint32Array): number {
  let h: number = HASH_BASIS;
  for (let i = 0; i < words.length; i++) h = mixWord(h, words[i] ?? 0);
  return finishHash(h);
}
