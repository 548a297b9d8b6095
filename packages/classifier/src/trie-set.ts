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

const TRIE_FIELDS: readonly FieldSpec[] = [FIELDS.nw_dst, FIELDS.nw_src, FIELDS.ipv6_dst, FIELDS.ipv6_src];

interface FieldTrie {
  readonly field: FieldSpec;
  readonly trie: PrefixTrie;
  /** Bit n: some rule has a prefix of n bits for the packet in hand. */
  readonly held: Int32Array;
  /** Bits that decided the last walk; -1 = not walked for this packet. */
  nBitsWalked: number;
}

/** A prefix in the mask of a subtable. */
export interface PrefixCheck {
  /** The number of the field's trie. */
  readonly trie: number;
  /** In bits. */
  readonly length: number;
}

/** Tries over the address fields. */
export class TrieSet {
  readonly #tries: readonly FieldTrie[] = TRIE_FIELDS.map((field) => ({
    field,
    trie: new PrefixTrie(field.nBits),
    held: new Int32Array((field.nBits >>> 5) + 1),
    nBitsWalked: -1,
  }));

  /** Counts the prefixes of a rule in: those of its mask, of its key. */
  add(prefixes: readonly PrefixCheck[], key: Uint32Array): void {
    for (let i = 0; i < prefixes.length; i++) {
      const { trie, length } = prefixes[i] as PrefixCheck;
      const each = this.#tries[trie] as FieldTrie;
      each.trie.add(key, each.field.word, length);
    }
  }

  /** Counts the prefixes of a rule out. */
  remove(prefixes: readonly PrefixCheck[], key: Uint32Array): void {
    for (let i = 0; i < prefixes.length; i++) {
      const { trie, length } = prefixes[i] as PrefixCheck;
      const each = this.#tries[trie] as FieldTrie;
      each.trie.remove(key, each.field.word, length);
    }
  }

  /** Forgets the packet of the last lookup. */
  reset(): void {
    for (let i = 0; i < this.#tries.length; i++) (this.#tries[i] as FieldTrie).nBitsWalked = -1;
  }

  /** The prefixes of a mask in the fields of a stage. */
  checksOf(mask: Uint32Array, stage: number): PrefixCheck[] {
    return this.#tries.flatMap(({ field: { word, nBits } }, trie) => {
      const length = STAGE_ENDS.findIndex((end) => word < end) === stage ? prefixLength(mask, word, nBits) : 0;
      return length > 0 ? [{ trie, length }] : [];
    });
  }

  /**
   * Whether a subtable with these prefixes cannot match.
   *
   * On `true` the bits looked at are ORed into `wildcards`.
   *
   * @param checks - holds, from `at` on, the number of a trie and a length for each of `nChecks` prefixes
   */
  excludes(checks: Int32Array, at: number, nChecks: number, flow: Uint32Array, wildcards: Uint32Array): boolean {
    const end = at + 2 * nChecks;
    for (let i = at; i < end; i += 2) {
      const each = this.#tries[checks[i] as number] as FieldTrie;
      const length = checks[i + 1] as number;
      if (each.nBitsWalked < 0) each.nBitsWalked = each.trie.lookup(flow, each.field.word, each.held);
      if ((((each.held[length >>> 5] as number) >>> (length & 31)) & 1) === 1) continue;
      this.#unWildcard(wildcards, checks, at, i);
      return true;
    }
    return false;
  }

  /**
   * Un-wildcards what was looked at when the check at `last` excluded the subtable.
   *
   * The tries asked before it in this stage count too: a packet they had excluded would have left another
   * mask, and the two megaflows would overlap.
   */
  #unWildcard(wildcards: Uint32Array, checks: Int32Array, first: number, last: number): void {
    for (let i = first; i <= last; i += 2) {
      const { field, nBitsWalked } = this.#tries[checks[i] as number] as FieldTrie;
      setPrefixBits(wildcards, field.word, Math.min(checks[i + 1] as number, nBitsWalked));
    }
  }
}
