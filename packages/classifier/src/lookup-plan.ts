/**
 * All subtables as one array of numbers, in the order they are looked at: what a lookup reads lies side by side.
 *
 * What: the order, with the best priority of each subtable; and for each a record: for each stage its prefixes, its words
 * with their masks, and where its hash table is. Why: a lookup visits most subtables only to learn
 * that they do not match; following objects to do that costs more than the hashes. How: written anew when subtables
 * come, go, move or change in priority, before the next lookup.
 */
import { finishHash, HASH_BASIS, mixWord } from "./hash.ts";
import { type HashHeap, tagOf } from "./hash-tables.ts";
import type { ClassifierRule } from "./rule.ts";
import type { Subtable } from "./subtable.ts";
import type { TrieSet } from "./trie-set.ts";

/** Numbers of a subtable in the order: best priority, slot, place of its record. */
export const ORDER_WIDTH = 3;
/** Numbers before a record's stages: how many those are, slot, place of the heads, their width. */
const HEADER = 4;

/** Looks packets up in subtables. */
export class LookupPlan<R extends ClassifierRule> {
  /** {@link ORDER_WIDTH} numbers for each subtable, in the order in which they are looked at; -1 after the last. */
  order: Int32Array = Int32Array.of(-1);
  /** The words that any subtable looks at, ascending. */
  words: Int32Array = new Int32Array(0);
  /** A record for each subtable. */
  #numbers: Int32Array = new Int32Array(0);
  readonly #heap: HashHeap;
  readonly #tries: TrieSet;
  #subtables: readonly Subtable<R>[] = [];

  constructor(heap: HashHeap, tries: TrieSet) {
    this.#heap = heap;
    this.#tries = tries;
  }

  /** Writes the plan for these subtables, which stay in this order until the next time. */
  write(subtables: readonly Subtable<R>[]): void {
    const order: number[] = [];
    const numbers: number[] = [];
    const looked = new Set<number>();
    for (const { maxPriority, slot, mask, stages, heads } of subtables) {
      order.push(maxPriority, slot, numbers.length);
      numbers.push(stages.length, slot, heads.place(0), heads.place(1) - heads.place(0));
      for (const { checks, words, table } of stages) {
        numbers.push(checks.length);
        for (const { trie, length } of checks) numbers.push(trie, length);
        numbers.push(words.length);
        for (const word of words) {
          numbers.push(word, (mask[word] ?? 0) | 0);
          looked.add(word);
        }
        numbers.push(table.at, table.wordMask);
      }
    }
    this.order = Int32Array.from([...order, -1]);
    this.#numbers = Int32Array.from(numbers);
    this.words = Int32Array.from(looked).sort();
    this.#subtables = subtables;
    this.#tries.measure(subtables);
  }

  /**
   * The chain of rules of one subtable that match `flow`, best priority first, unless none has a priority above `floor`; ORs the
   * bits looked at into `wildcards`.
   *
   * A miss un-wildcards only the stages, or the address prefixes, that were needed to know it.
   *
   * @param place - where the subtable is in the order
   */
  chainOf(place: number, flow: Uint32Array, wildcards: Uint32Array, floor: number): readonly R[] | undefined {
    const numbers = this.#numbers;
    const { words, tags } = this.#heap;
    const record = this.order[place + 2] as number;
    const slot = numbers[record + 1] as number;
    let hash: number = HASH_BASIS;
    let at = record + HEADER;
    for (let nStages = numbers[record] as number; ; nStages--) {
      const nChecks = numbers[at++] as number;
      if (nChecks > 0 && this.#tries.excludes(slot, numbers, at, nChecks, flow)) return undefined;
      at += 2 * nChecks;
      const end = at + 1 + 2 * (numbers[at] as number);
      for (at++; at < end; at += 2) {
        const word = numbers[at] as number;
        const mask = numbers[at + 1] as number;
        hash = mixWord(hash, (flow[word] as number) & mask);
        wildcards[word] = (wildcards[word] as number) | mask;
      }
      const table = numbers[at] as number;
      const wordMask = numbers[at + 1] as number;
      at += 2;
      const full = finishHash(hash);
      const tag = tagOf(full);
      let value = 0;
      for (let pair = table + ((2 * full) & wordMask); ; pair = table + ((pair - table + 2) & wordMask)) {
        const held = tags[pair >> 1] as number;
        if (held === 0) break;
        if (held !== tag || words[pair] !== full) continue;
        const found = words[pair + 1] as number;
        if (nStages === 1 && !this.#isHead(record, at, found - 1, flow)) continue;
        value = found;
        break;
      }
      if (nStages > 1 && value !== 0) continue;
      if (value === 0 || (words[this.#headOf(record, value - 1)] as number) <= floor) return undefined;
      return this.#subtables[place / ORDER_WIDTH]?.chains[value - 1];
    }
  }

  #headOf(record: number, entry: number): number {
    return (this.#numbers[record + 2] as number) + entry * (this.#numbers[record + 3] as number);
  }

  /** Whether the match of a chain is that of the packet. */
  #isHead(record: number, end: number, entry: number, flow: Uint32Array): boolean {
    const numbers = this.#numbers;
    const { words } = this.#heap;
    let head = this.#headOf(record, entry) + 1;
    for (let at = record + HEADER; at < end; at += 2) {
      at += 1 + 2 * (numbers[at] as number);
      const wordsEnd = at + 1 + 2 * (numbers[at] as number);
      for (at++; at < wordsEnd; at += 2) {
        if (((flow[numbers[at] as number] as number) & (numbers[at + 1] as number)) !== words[head++]) return false;
      }
    }
    return true;
  }
}
