/**
 * The prefix tries of one classifier, and what they say about the packet in hand.
 *
 * A trie is walked at most once per lookup, when the first subtable with a prefix of its field asks. What a lookup has
 * learned of a field so far, it knows: subtables that are refused by those bits are passed over before anything else.
 * All that was asked on the way stays in the mask, because packets with another answer would have gone another way:
 * so no two megaflows of one classifier overlap.
 */
import { FIELDS } from "@tenet/net";
import { FieldTrie } from "./field-trie.ts";
import type { Heap } from "./heap.ts";
import { hasSlot, SET_WORDS } from "./slots.ts";

const TRIE_FIELDS = [FIELDS.nw_dst, FIELDS.nw_src, FIELDS.ipv6_dst, FIELDS.ipv6_src, FIELDS.tp_dst, FIELDS.tp_src];
/** As many bits of a field are looked at before the next is asked. */
const BITS_PER_TURN = 8;
const MAX_LENGTH = 128;

/** A prefix in the mask of a subtable. */
export interface PrefixCheck {
  /** The number of the field's trie. */
  readonly trie: number;
  /** In bits. */
  readonly length: number;
}

/** What the tries know of a subtable. */
export interface Prefixed {
  /** The subtable's place in sets of slots. */
  readonly slot: number;
  /** By the number of the trie the length of the prefix in the subtable's mask, 0 = none. */
  readonly lengths: readonly number[];
}

/** Tries over addresses and ports. */
export class TrieSet {
  readonly #tries: readonly FieldTrie[];
  #used: readonly FieldTrie[] = [];
  /** How many subtables have a prefix of each field. */
  #nPrefixed: readonly number[] = [];
  #nWords = 1;
  /** Slots that the packet in hand is not refused by, as far as its bits are known. */
  readonly #alive = new Int32Array(SET_WORDS);

  /** How many of its first bits each trie has looked at. */
  readonly #known = new Int32Array(TRIE_FIELDS.length);

  constructor(heap: Heap) {
    this.#tries = TRIE_FIELDS.map((field) => new FieldTrie(field, heap));
  }

  /** Counts the prefixes of a rule in, those of its mask, of its key; all or, when there is no memory for them, none. */
  add({ slot, lengths }: Prefixed, key: Uint32Array): void {
    let i = 0;
    try {
      for (; i < lengths.length; i++) {
        const length = lengths[i] as number;
        if (length > 0) this.#trie(i).add(key, length, slot);
      }
    } catch (error) {
      this.remove({ slot, lengths: lengths.slice(0, i) }, key);
      throw error;
    }
  }

  /** Counts the prefixes of a rule out. */
  remove({ slot, lengths }: Prefixed, key: Uint32Array): void {
    for (let i = 0; i < lengths.length; i++) {
      const length = lengths[i] as number;
      if (length > 0) this.#trie(i).remove(key, length, slot);
    }
  }

  /** Learns the lengths of all subtables; due when one came or went. */
  measure(subtables: readonly Prefixed[]): void {
    for (const [i, trie] of this.#tries.entries()) trie.measure(subtables, i);
    this.#nPrefixed = this.#tries.map((_, i) => subtables.filter(({ lengths }) => (lengths[i] as number) > 0).length);
    this.#used = this.#tries.filter((_, i) => (this.#nPrefixed[i] as number) > 0);
    this.#nWords = 1 + (Math.max(0, ...subtables.map(({ slot }) => slot)) >>> 5);
  }

  /** Forgets the packet of the last lookup. */
  reset(): void {
    for (let i = 0; i < this.#known.length; i++) this.#known[i] = 0; // a call of "fill" takes longer
    for (let i = 0; i < this.#nWords; i++) this.#alive[i] = -1;
    for (let i = 0; i < this.#used.length; i++) (this.#used[i] as FieldTrie).reset();
  }

  /** The length of the prefix that a mask has in the field of each trie, 0 = none. */
  lengthsIn(mask: Uint32Array): number[] {
    return this.#tries.map((trie) => trie.lengthIn(mask));
  }

  /** The prefixes that are in words of a stage. */
  checksIn(lengths: readonly number[], words: readonly number[]): PrefixCheck[] {
    return lengths.flatMap((length, trie) =>
      length > 0 && words.includes(this.#trie(trie).field.word) ? [{ trie, length }] : [],
    );
  }

  /** Prefixes in the order in which they are asked: first the field that most subtables ask anyway. */
  inOrder(checks: readonly PrefixCheck[]): PrefixCheck[] {
    return [...checks].sort((a, b) => (this.#nPrefixed[b.trie] as number) - (this.#nPrefixed[a.trie] as number));
  }

  /** Whether what is known of the packet refuses the subtables with this slot. */
  isRefused(slot: number): boolean {
    return !hasSlot(this.#alive, 0, slot);
  }

  /**
   * Whether the subtable with this slot and these prefixes cannot match; looks at more bits if it has to.
   *
   * The fields are asked by turns, a byte more of each, in the order of {@link inOrder}: which of them refuses with the fewest
   * bits is not known before, and a field that is asked to its end in vain leaves all its bits in the mask.
   *
   * @param checks - holds, from `at` on, the number of a trie and a length for each of `nChecks` prefixes
   */
  excludes(slot: number, checks: Int32Array, at: number, nChecks: number, flow: Uint32Array): boolean {
    const known = this.#known;
    const end = at + 2 * nChecks;
    let least = MAX_LENGTH;
    for (let i = at; i < end; i += 2) {
      const nKnown = known[checks[i] as number] as number;
      if (nKnown < (checks[i + 1] as number) && nKnown < least) least = nKnown;
    }
    if (least === MAX_LENGTH) return false; // what is known does not refuse it
    for (let nBits = least - (least % BITS_PER_TURN) + BITS_PER_TURN; ; nBits += BITS_PER_TURN) {
      let isOver = true;
      for (let i = at; i < end; i += 2) {
        const number = checks[i] as number;
        const length = checks[i + 1] as number;
        const asked = nChecks > 1 && length > nBits ? nBits : length;
        if (asked < length) isOver = false;
        if ((known[number] as number) >= asked) continue;
        const trie = this.#trie(number);
        const isRefused = trie.refuses(slot, asked, flow, this.#alive, this.#nWords);
        known[number] = trie.nKnown;
        if (isRefused) return true;
      }
      if (isOver) return false;
    }
  }

  /** Un-wildcards the bits that were looked at. */
  unWildcard(wildcards: Uint32Array): void {
    for (let i = 0; i < this.#used.length; i++) (this.#used[i] as FieldTrie).unWildcard(wildcards);
  }

  #trie(number: number): FieldTrie {
    return this.#tries[number] as FieldTrie;
  }
}
