/**
 * A 32-bit hash that is fed word by word, so that the hash of a stage continues that of the stage before.
 *
 * Multiply and fold, once per word; the multipliers are those of MurmurHash3's finish (Austin Appleby, public domain).
 */

/** Hash of no words. */
export const HASH_BASIS = 0x2c1b3c6d;

/** Continues hash `h` with one word. */
export function mixWord(h: number, word: number): number {
  const mixed = Math.imul(h ^ word, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** Spreads the entropy of `h` over all its bits. */
export function finishHash(h: number): number {
  const mixed = Math.imul(h, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** The hash of a whole mask or key. */
export function hashWords(words: Uint32Array): number {
  let h: number = HASH_BASIS;
  for (let i = 0; i < words.length; i++) h = mixWord(h, words[i] ?? 0);
  return finishHash(h);
}
