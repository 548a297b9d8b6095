/**
 * All subtables as one array of numbers, in the order they are looked at: what a lookup reads lies side by side.
 *
 * What: a record for each subtable: its best priority, where the next record is, how many stages; for each stage its
 * prefixes, its words with their masks, and where its hash table is. Why: a lookup visits most subtables only to learn
 * that they do not match; following objects to do that costs more than the hashes. How: written anew when subtables
 * come, go, move or change in priority, before the next lookup.
 */
import { finishHash, HASH_BASIS, mixWord } from "./hash.ts";
import { type HashHeap, tagOf } from "./hash-tables.ts";
import type { ClassifierRule } from "./rule.ts";
import type { Subtable } from "./subtable.ts";
import type { TrieSet } from "./trie-set.ts";
import { FIELDS } from "@tenet/net";

const PORTS = FIELDS.tp_src.word;
/** Numbers before a record's stages: best priority, place of the next record, number of stages, place of the heads, their width. */
const HEADER = 5;

/** Looks packets up in subtables. */
export class LookupPlan<R extends ClassifierRule> {
  /** A best priority at the start of each record; -1 after the last. */
  numbers: Int32Array = Int32Array.of(-1);
  /** The words that any subtable looks at, ascending. */
  words: Int32Array = new Int32Array(0);
  readonly #heap: HashHeap;
  readonly #tries: TrieSet;
  #subtables: readonly Subtable<R>[] = [];

  constructor(heap: HashHeap, tries: TrieSet) {
    this.#heap = heap;
    this.#tries = tries;
  }

  /** Writes the plan for these subtables, which stay in this order until the next time. */
  write(subtables: readonly Subtable<R>[]): void {
    const numbers: number[] = [];
    const looked = new Set<number>();
    for (const { maxPriority, mask, stages, heads } of subtables) {
      const start = numbers.length;
      numbers.push(maxPriority, 0, stages.length, heads.place(0), heads.place(1) - heads.place(0));
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
      numbers[start + 1] = numbers.length;
    }
    numbers.push(-1);
    this.numbers = Int32Array.from(numbers);
    this.words = Int32Array.from(looked).sort();
    this.#subtables = subtables;
  }

  /** Where the record after this one is. */
  next(record: number): number {
    return this.numbers[record + 1] as number;
  }

  /**
   * The chain of rules of one subtable that match `flow`, best priority first, unless none has a priority above `floor`; ORs the
   * bits looked at into `wildcards`.
   *
   * A miss un-wildcards only the stages, or the address prefixes, that were needed to know it.
   *
   * @param record - where the subtable's record is
   * @param i - the subtable's number in the order of the plan
   */
  chainOf(record: number, i: number, flow: Uint32Array, wildcards: Uint32Array, floor: number): readonly R[] | undefined {
    const { numbers } = this;
    const { words, tags } = this.#heap;
    const ports = wildcards[PORTS] as number;
    let hash: number = HASH_BASIS;
    let at = record + HEADER;
    for (let nStages = numbers[record + 2] as number; ; nStages--) {
      const nChecks = numbers[at++] as number;
      if (nChecks > 0 && this.#tries.excludes(numbers, at, nChecks, flow, wildcards)) return undefined;
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
      for (let place = table + ((2 * full) & wordMask); ; place = table + ((place - table + 2) & wordMask)) {
        const held = tags[place >> 1] as number;
        if (held === 0) break;
        if (held !== tag || words[place] !== full) continue;
        const found = words[place + 1] as number;
        if (nStages === 1 && !this.#isHead(record, at, found - 1, flow)) continue;
        value = found;
        break;
      }
      if (nStages > 1 && value !== 0) continue;
      if (nStages === 1 && value === 0) {
        const needed = this.#subtables[i]?.neededPorts(flow);
        if (needed !== undefined) wildcards[PORTS] = ports | needed;
      }
      if (value === 0 || (words[this.#headOf(record, value - 1)] as number) <= floor) return undefined;
      return this.#subtables[i]?.chains[value - 1];
    }
  }

  #headOf(record: number, entry: number): number {
    return (this.numbers[record + 3] as number) + entry * (this.numbers[record + 4] as number);
  }

  /** Whether the match of a chain is that of the packet. */
  #isHead(record: number, end: number, entry: number, flow: Uint32Array): boolean {
    const { numbers } = this;
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
