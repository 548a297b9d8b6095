/** The hash of keys and masks of megaflows: {@link mix} for each word, then {@link finish}. */

/** One round of a multiply-rotate hash. */
export function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return (product << 13) | (product >>> 19);
}

/**
 * Lets every bit count for the lower ones, which places are found by. Without it, connections that differ in a port alone, the upper half of
 * the last word, fall onto few places.
 */
export function finish(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
  return product ^ (product >>> 13);
}
