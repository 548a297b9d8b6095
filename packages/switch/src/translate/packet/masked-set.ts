/**
 * Collects what one `setMasked` action sets, word by word.
 *
 * Packets of many megaflows are rewritten alike (the addresses of a router, a TTL less one), and arrays as wide as a
 * FlowKey cost more than anything else in a translation: an action made lately with the same content is given again.
 */
import type { DatapathAction } from "@tenet/datapath";
import { FLOW_WORDS } from "@tenet/net";

type SetMasked = Extract<DatapathAction, { type: "setMasked" }>;

/** How many actions are remembered, each in the place that its hash gives it. */
const N_PLACES = 1024;

/** One action in the making. */
export class MaskedSet {
  readonly #key = new Uint32Array(FLOW_WORDS);
  readonly #mask = new Uint32Array(FLOW_WORDS);
  /** The words that have bits to set, and how many they are. */
  readonly #words = new Uint8Array(FLOW_WORDS);
  #nWords = 0;
  readonly #made: (SetMasked | undefined)[] = Array.from({ length: N_PLACES });
  /** In how many words each of those sets bits. */
  readonly #nWordsMade = new Uint8Array(N_PLACES);

  /** Adds bits of a word. */
  add(word: number, value: number, bits: number): void {
    if (bits === 0) return;
    if (this.#mask[word] === 0) this.#words[this.#nWords++] = word;
    this.#key[word] = (this.#key[word] as number) | value;
    this.#mask[word] = (this.#mask[word] as number) | bits;
  }

  /** The action, which nobody changes; `undefined` when nothing was added. Starts anew. */
  take(): SetMasked | undefined {
    if (this.#nWords === 0) return undefined;
    const place = this.#hash() & (N_PLACES - 1);
    let action = this.#made[place];
    if (action === undefined || this.#nWordsMade[place] !== this.#nWords || !this.#isLike(action)) {
      action = { type: "setMasked", key: this.#key.slice(), mask: this.#mask.slice() };
      this.#made[place] = action;
      this.#nWordsMade[place] = this.#nWords;
    }
    for (let i = 0; i < this.#nWords; i++) {
      const word = this.#words[i] as number;
      this.#key[word] = 0;
      this.#mask[word] = 0;
    }
    this.#nWords = 0;
    return action;
  }

  #hash(): number {
    let hash = 0;
    for (let i = 0; i < this.#nWords; i++) {
      const word = this.#words[i] as number;
      hash = Math.imul(hash ^ (this.#key[word] as number), 0x9e37_79b1);
      hash = Math.imul(hash ^ (this.#mask[word] as number) ^ word, 0x85eb_ca6b) ^ (hash >>> 15);
    }
    return hash ^ (hash >>> 16);
  }

  /** Whether an action that sets bits in as many words sets these: most words of a FlowKey are never set, and not looked at. */
  #isLike({ key, mask }: SetMasked): boolean {
    for (let i = 0; i < this.#nWords; i++) {
      const word = this.#words[i] as number;
      if (key[word] !== this.#key[word] || mask[word] !== this.#mask[word]) return false;
    }
    return true;
  }
}
