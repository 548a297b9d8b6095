/**
 * Which bucket a hash by the datapath means: a table of buckets in which each has its share of the entries.
 *
 * What: entry after entry goes to the bucket that is farthest behind its weight (the method of Webster, by which seats of a
 * parliament are shared out). Why: shares are as near to the weights as a table of this size allows, and neighbouring entries
 * belong to different buckets, so that those of a dead bucket, which go to the next live one, are spread too.
 *
 * @see Balinski and Young, "Fair Representation", 1982
 */
import type { Bucket } from "@tenet/openflow";

const MIN_ENTRIES = 16;
const MAX_ENTRIES = 256;

/** Positions of buckets, a power of two of them; `undefined` when no bucket has weight or the shares are too small. */
export function makeHashTable(buckets: readonly Bucket[]): readonly number[] | undefined {
  const weights = buckets.map(({ weight }) => weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return undefined;
  const smallest = Math.min(...weights.filter((weight) => weight > 0));
  const nEntries = Math.max(MIN_ENTRIES, 2 ** Math.ceil(Math.log2(Math.ceil(total / smallest))));
  if (nEntries > MAX_ENTRIES) return undefined;
  const divisors = weights.map(() => 1);
  const claimOf = (i: number): number => (weights[i] ?? 0) / (divisors[i] ?? 1);
  return Array.from({ length: nEntries }, () => {
    let winner = 0;
    for (let i = 1; i < weights.length; i++) if (claimOf(i) > claimOf(winner)) winner = i;
    divisors[winner] = (divisors[winner] ?? 1) + 2;
    return winner;
  });
}
