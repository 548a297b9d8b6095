/** A match in little memory: a FlowKey is wide, and most matches look at few of its words. */
import { FLOW_WORDS, makeFlowKey } from "@tenet/net";
import type { Match } from "@tenet/openflow";

/** A match that is made anew each time its key is asked for. */
export class PackedMatch implements Match {
  readonly mask: Uint32Array;
  readonly options: Match["options"];
  /** The words of the key that the mask looks at, as signed numbers: those are held in place. */
  readonly #words: readonly number[];

  /** @param mask - that of the match, which others may share */
  constructor({ key, options }: Match, mask: Uint32Array) {
    const words: number[] = [];
    for (let i = 0; i < FLOW_WORDS; i++) if (mask[i] !== 0) words.push((key[i] as number) | 0);
    this.mask = mask;
    this.options = options;
    this.#words = words.slice(); // as long as it has to be, which a list that grew is not
  }

  get key(): Uint32Array {
    const key = makeFlowKey();
    this.unpack(key);
    return key;
  }

  /** Writes the key into one that is all zero in words that the mask does not look at. */
  unpack(key: Uint32Array): void {
    let n = 0;
    for (let i = 0; i < FLOW_WORDS; i++) if (this.mask[i] !== 0) key[i] = this.#words[n++] as number;
  }
}

/** Packs matches that come in a row; those with one mask share it. */
export class MatchPacker {
  #mask = new Uint32Array(FLOW_WORDS);

  pack(match: Match): PackedMatch {
    if (!this.#isLast(match.mask)) this.#mask = match.mask.slice();
    return new PackedMatch(match, this.#mask);
  }

  #isLast(mask: Uint32Array): boolean {
    for (let i = 0; i < FLOW_WORDS; i++) if (mask[i] !== this.#mask[i]) return false;
    return true;
  }
}

/** Unpacks matches that come in a row, each into the place of an earlier one. */
export class MatchUnpacker {
  readonly #keys: readonly Uint32Array[];
  #n = 0;

  /** @param nKept - how many are good at a time */
  constructor(nKept = 1) {
    this.#keys = Array.from({ length: nKept }, makeFlowKey);
  }

  /** A match that can be read again and again, until as many others as are kept were unpacked. */
  unpack(match: Match): Match {
    if (!(match instanceof PackedMatch)) return match;
    const key = (this.#keys[this.#n] as Uint32Array).fill(0);
    this.#n = (this.#n + 1) % this.#keys.length;
    match.unpack(key);
    return { key, mask: match.mask, options: match.options };
  }
}
