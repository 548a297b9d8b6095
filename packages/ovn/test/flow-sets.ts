/** Compares two lists of matches by meaning: every packet drawn from one list must match the other. */
import { FLOW_WORDS } from "@tenet/net";
import { makeMatch, type Match } from "@tenet/openflow";

/** A match of `from` that accepts a packet which the list refuses, or `undefined`. */
export function counterexample(from: readonly Match[], list: readonly Match[], samplesPerMatch = 12): Match | undefined {
  const sparse = list.map(sparseOf);
  return from.find((match) => {
    for (let sample = 0; sample < samplesPerMatch; sample++) {
      const packet = match.key.map((word, at) => (word | (freeBits(sample) & ~(match.mask[at] ?? 0))) >>> 0);
      if (!sparse.some((cells) => cells.every(([at, key, mask]) => (((packet[at] ?? 0) ^ key) & mask) === 0))) return true;
    }
    return false;
  });
}

/** The words that matter. */
function sparseOf(match: Match): [at: number, key: number, mask: number][] {
  return [...match.mask].flatMap((mask, at) => (mask === 0 ? [] : [[at, match.key[at] ?? 0, mask] as [number, number, number]]));
}

/** The first sample has every free bit 0, the second every free bit 1, the others are random. */
function freeBits(sample: number): number {
  if (sample === 0) return 0;
  return sample === 1 ? 0xffffffff : Math.floor(Math.random() * 2 ** 32);
}

/** Both matches at once, or `undefined` when they contradict each other. */
export function intersect(a: Match, b: Match): Match | undefined {
  const both = makeMatch();
  for (let i = 0; i < FLOW_WORDS; i++) {
    const [ak = 0, am = 0, bk = 0, bm = 0] = [a.key[i], a.mask[i], b.key[i], b.mask[i]];
    if (((ak ^ bk) & am & bm) !== 0) return undefined;
    both.key[i] = ak | bk;
    both.mask[i] = am | bm;
  }
  return both;
}
