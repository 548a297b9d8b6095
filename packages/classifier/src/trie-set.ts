/**
 * The prefix tries of one classifier, and what they say about the packet in hand.
 *
 * A trie is walked at most once per lookup, when the first subtable with a prefix on its field asks. A
 * subtable of prefix length p is excluded when no rule has a prefix of length p for this address; what was
 * looked at to know that is the first min(p, bits walked) bits, because whether a prefix of length p is held
 * depends on no bit after the p-th.
 */
import { FIELDS, type FieldSpec, STAGE_ENDS } from "@tenet/net";
import { PrefixTrie, prefixLength, setPrefixBits } from "./prefix-trie.ts";
import type { RuleMatch } from "./rule.ts";

const TRIE_FIELDS: readonly FieldSpec[] = [FIELDS.nw_dst, FIELDS.nw_src, FIELDS.ipv6_dst, FIELDS.ipv6_src];

interface FieldTrie {
  readonly field: FieldSpec;
  readonly stage: number;
  readonly trie: PrefixTrie;
  readonly isLengthHeld: Uint8Array;
  /** Bits that decided the last walk; -1 = not walked for this packet. */
  nBitsWalked: number;
}

/** Tries over the address fields. */
export class TrieSet {
  readonly #tries: readonly FieldTrie[] = TRIE_FIELDS.map((field) => ({
    field,
    stage: STAGE_ENDS.findIndex((end) => field.word < end),
    trie: new PrefixTrie(),
    isLengthHeld: new Uint8Array(field.nBits + 1),
    nBitsWalked: -1,
  }));

  /** Counts a rule's prefixes in. */
  add({ key, mask }: RuleMatch): void {
    for (const { field, trie } of this.#tries) {
      const length = prefixLength(mask, field.word, field.nBits);
      if (length > 0) trie.add(key, field.word, length);
    }
  }

  /** Counts a rule's prefixes out. */
  remove({ key, mask }: RuleMatch): void {
    for (const { field, trie } of this.#tries) {
      const length = prefixLength(mask, field.word, field.nBits);
      if (length > 0) trie.remove(key, field.word, length);
    }
  }

  /** Forgets the packet of the last lookup. */
  reset(): void {
    for (const each of this.#tries) each.nBitsWalked = -1;
  }

  /** Prefix length of `mask` in each trie field, in the order that {@link excludes} wants. */
  lengthsOf(mask: Uint32Array): Uint8Array {
    return Uint8Array.from(this.#tries, ({ field }) => prefixLength(mask, field.word, field.nBits));
  }

  /**
   * Whether a subtable with these prefix lengths cannot match, judged by the tries of one stage.
   *
   * On `true` the bits looked at are ORed into `wildcards`.
   */
  excludes(lengths: Uint8Array, stage: number, flow: Uint32Array, wildcards: Uint32Array | undefined): boolean {
    for (let i = 0; i < this.#tries.length; i++) {
      const length = lengths[i] ?? 0;
      const each = this.#tries[i];
      if (length === 0 || each === undefined || each.stage !== stage) continue;
      const { word, nBits } = each.field;
      if (each.nBitsWalked < 0) each.nBitsWalked = each.trie.lookup(flow, word, nBits, each.isLengthHeld);
      if (each.isLengthHeld[length] !== 0) continue;
      if (wildcards !== undefined) this.#unWildcard(wildcards, lengths, stage, i);
      return true;
    }
    return false;
  }

  /**
   * Un-wildcards what was looked at when trie `last` excluded the subtable.
   *
   * The tries asked before it in this stage count too: a packet they had excluded would have left another
   * mask, and the two megaflows would overlap.
   */
  #unWildcard(wildcards: Uint32Array, lengths: Uint8Array, stage: number, last: number): void {
    for (let i = 0; i <= last; i++) {
      const each = this.#tries[i];
      const length = lengths[i] ?? 0;
      if (length === 0 || each === undefined || each.stage !== stage) continue;
      setPrefixBits(wildcards, each.field.word, Math.min(length, each.nBitsWalked));
    }
  }
}
