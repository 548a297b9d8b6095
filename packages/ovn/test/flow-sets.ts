/** Compares two lists of matches by meaning: every packet drawn from one list must match the other. */
import { FLOW_WORDS } from "@tenet/net";
import { isSameMatch, makeMatch, type Match } from "@tenet/openflow";

/** A packet that `match` accepts and the list refuses, or `undefined`. */
export function counterexample(from: readonly Match[], list: readonly Match[], samplesPerMatch = 12): Match | undefined {
  return from.find((match) => {
    for (let i = 0; i < samplesPerMatch; i++) {
      const packet = match.key.map((word, at) => (word | (randomWord(i, match, at) & ~(match.mask[at] ?? 0))) >>> 0);
      if (!list.some((candidate) => accepts(candidate, packet))) return true;
    }
    return false;
  });
}

export function accepts(match: Match, packet: Uint32Array): boolean {
  for (let i = 0; i < FLOW_WORDS; i++) if ((((packet[i] ?? 0) ^ (match.key[i] ?? 0)) & (match.mask[i] ?? 0)) !== 0) return false;
  return true;
}

/** The first sample has every free bit 0, the second every free bit 1, the others are random. */
function randomWord(sample: number, _match: Match, _at: number): number {
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

export function hasMatch(list: readonly Match[], match: Match): boolean {
  return list.some((candidate) => isSameMatch(candidate, match));
}
