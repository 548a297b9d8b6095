/**
 * A 32-bit hash of words that is the sum of those of each: a word is hashed once and counts in any number of sums, and the hash of
 * a stage continues that of the stage before.
 *
 * The multipliers are those of MurmurHash3's finish (Austin Appleby, public domain).
 */

/** The hash of one word, by its number and value; with one number no two values share it. */
export function hashWord(word: number, value: number): number {
  const first = Math.imul(value ^ Math.imul(word, 0x9e3779b1), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 15), 0xc2b2ae35);
  return second ^ (second >>> 16);
}

/** The hash of a whole mask or key. */
export function hashWords(words: Uint32Array): number {
  let hash = 0;
  for (let i = 0; i < words.length; i++) hash = (hash + hashWord(i, words[i] as number)) | 0;
  return hash;
}
