/** The prefix trie of one field of the FlowKey, and what it says about the packet in hand. */
import type { FieldSpec } from "@tenet/net";
import type { Heap } from "./heap.ts";
import { PrefixTrie } from "./prefix-trie.ts";
import { addSlot, SET_WORDS } from "./slots.ts";
import type { Prefixed } from "./trie-set.ts";

/** A trie over a field: of whole words, or of part of one. */
export class FieldTrie {
  readonly field: FieldSpec;
  readonly #trie: PrefixTrie;
  readonly #address: Int32Array;
  /** Bits of the first word before the field. */
  readonly #nBefore: number;
  /** For each number of bits the slots of subtables whose prefix is no longer. */
  readonly #satisfied: Int32Array;
  #isRead = false;

  constructor(field: FieldSpec, heap: Heap) {
    this.field = field;
    this.#trie = new PrefixTrie(field.nBits, heap);
    this.#address = new Int32Array(field.nWords);
    this.#nBefore = field.nWords > 1 ? 0 : 32 - field.shift - field.nBits;
    this.#satisfied = new Int32Array((field.nBits + 1) * SET_WORDS);
  }

  /** The length of the prefix that a mask has of the field; 0 when it has none, or other bits of it. */
  lengthIn(mask: Uint32Array): number {
    const { word, nBits } = this.field;
    const isSet = (bit: number): boolean => {
      const at = this.#nBefore + bit;
      return (((mask[word + (at >>> 5)] as number) >>> (31 - (at & 31))) & 1) === 1;
    };
    let length = 0;
    while (length < nBits && isSet(length)) length++;
    for (let bit = length + 1; bit < nBits; bit++) if (isSet(bit)) return 0;
    return length;
  }

  add(key: Uint32Array, length: number, slot: number): void {
    this.#read(key);
    this.#trie.add(this.#address, length, slot);
  }

  remove(key: Uint32Array, length: number, slot: number): void {
    this.#read(key);
    this.#trie.remove(this.#address, length, slot);
  }

  /** Learns how long the prefixes of all subtables are, of which this is the trie with a number. */
  measure(subtables: readonly Prefixed[], trie: number): void {
    this.#trie.forgetJumps();
    const satisfied = this.#satisfied.fill(0);
    for (const { slot, lengths } of subtables) addSlot(satisfied, (lengths[trie] as number) * SET_WORDS, slot);
    for (let i = SET_WORDS; i < satisfied.length; i++)
      satisfied[i] = (satisfied[i] as number) | (satisfied[i - SET_WORDS] as number);
  }

  /** Forgets the packet in hand. */
  reset(): void {
    this.#isRead = false;
    this.#trie.start();
  }

  /** How many of the field's first bits were looked at. */
  get nKnown(): number {
    return this.#trie.nKnown;
  }

  /**
   * Whether the field refuses the subtable with this slot, whose prefixes have this length.
   *
   * @param alive - slots that nothing refuses, as far as is known; those that the field is found to refuse are taken out
   */
  refuses(slot: number, length: number, flow: Uint32Array, alive: Int32Array, nWords: number): boolean {
    if (!this.#isRead) this.#read(flow);
    return this.#trie.refuses(slot, length, this.#address, this.#satisfied, alive, nWords);
  }

  /** Un-wildcards the bits that were looked at. */
  unWildcard(wildcards: Uint32Array): void {
    let { word } = this.field;
    const length = this.nKnown;
    if (length > 0) wildcards[word] = (wildcards[word] as number) | (prefixMask(length) >>> this.#nBefore);
    for (let rest = length - 32; rest > 0; rest -= 32) {
      word++;
      wildcards[word] = (wildcards[word] as number) | prefixMask(rest);
    }
  }

  #read(key: Uint32Array): void {
    this.#isRead = true;
    const { word } = this.field;
    for (let i = 0; i < this.#address.length; i++) this.#address[i] = (key[word + i] as number) << this.#nBefore;
  }
}

/** The first `length` bits of a word; all of them above 32. */
function prefixMask(length: number): number {
  return length >= 32 ? -1 : -1 << (32 - length);
}
