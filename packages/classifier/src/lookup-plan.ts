/**
 * All subtables as one array of numbers, in the order they are looked at: what a lookup reads lies side by side.
 *
 * What: the order, with the best priority of each subtable; and for each a record: its parts, and for each stage its prefixes
 * and where its hash table is. A part is a word with what a mask looks at in it. Why: a lookup visits most subtables only to
 * learn that they do not match; following objects to do that costs more than the hashes. And subtables share most of their
 * parts, so a lookup masks and hashes each once, when the first subtable needs it. How: written anew when subtables come, go,
 * move or change in priority, before the next lookup.
 */
import type { Chain } from "./chain.ts";
import { hashWord } from "./hash.ts";
import { tagOf } from "./hash-tables.ts";
import type { Heap } from "./heap.ts";
import type { ClassifierRule } from "./rule.ts";
import type { Subtable } from "./subtable.ts";
import type { TrieSet } from "./trie-set.ts";

/** Numbers of a subtable in the order: best priority, slot, place of its record. */
export const ORDER_WIDTH = 3;
/** Numbers before a record's parts: how many stages there are, slot, place of the heads, and their width: a priority and the parts. */
const [SLOT, HEADS, WIDTH, PARTS] = [1, 2, 3, 4] as const;
/** Of a stage, behind its prefixes: where its parts end, place and word mask of its table, and where its tags are. */
const [PARTS_END, TABLE, WORD_MASK, TAGS, STAGE_WIDTH] = [0, 1, 2, 3, 4] as const;
/** Lookups are counted up to this number, then from 1 again. */
const MAX_LOOKUP = 0x7fffffff;
const NONE = new Int32Array(0);

/** Looks packets up in subtables. */
export class LookupPlan<R extends ClassifierRule> {
  /** {@link ORDER_WIDTH} numbers for each subtable, in the order in which they are looked at; -1 after the last. */
  order: Int32Array = Int32Array.of(-1);
  /** The words that any subtable looks at, ascending. */
  words: Int32Array = NONE;
  /** A record for each subtable. */
  #numbers: Int32Array = NONE;
  /** Words and masks of the parts. */
  #partWords: Int32Array = NONE;
  #partMasks: Int32Array = NONE;
  /** The last lookup that looked at each part, and what it found: what the mask leaves of the word, and its hash. */
  #lookups: Int32Array = NONE;
  #values: Int32Array = NONE;
  #hashes: Int32Array = NONE;
  /** The number of the lookup under way. */
  #lookup = 0;
  readonly #heap: Heap;
  readonly #tries: TrieSet;
  #subtables: readonly Subtable<R>[] = [];

  constructor(heap: Heap, tries: TrieSet) {
    this.#heap = heap;
    this.#tries = tries;
  }

  /** Writes the plan for these subtables, which stay in this order until the next time. */
  write(subtables: readonly Subtable<R>[]): void {
    this.#tries.measure(subtables);
    const order: number[] = [];
    const numbers: number[] = [];
    const parts: Part[] = [];
    const numberOf = partNumbering(parts);
    for (const { maxPriority, slot, mask, stages, heads } of subtables) {
      order.push(maxPriority, slot, numbers.length);
      numbers.push(stages.length, slot, heads.place(0), heads.place(1) - heads.place(0));
      const ends: number[] = [];
      for (const { words } of stages) {
        for (const word of words) numbers.push(numberOf(word, mask[word] as number));
        ends.push(numbers.length);
      }
      for (const [i, { checks, table }] of stages.entries()) {
        numbers.push(checks.length);
        for (const { trie, length } of this.#tries.inOrder(checks)) numbers.push(trie, length);
        numbers.push(ends[i] as number, table.at, table.wordMask, table.tagsAt);
      }
    }
    this.order = Int32Array.from([...order, -1]);
    this.#numbers = Int32Array.from(numbers);
    this.#partWords = Int32Array.from(parts, ({ word }) => word);
    this.#partMasks = Int32Array.from(parts, ({ mask }) => mask);
    this.#values = new Int32Array(parts.length);
    this.#hashes = new Int32Array(parts.length);
    this.#lookups = new Int32Array(parts.length);
    this.#lookup = 0;
    this.words = Int32Array.from(new Set(this.#partWords)).sort();
    this.#subtables = subtables;
  }

  /** Begins a lookup, of a packet or of one that has changed. */
  start(): void {
    if (this.#lookup === MAX_LOOKUP) {
      this.#lookups.fill(0);
      this.#lookup = 0;
    }
    this.#lookup++;
  }

  /**
   * The chain of rules of one subtable that match `flow`, best priority first, unless none has a priority above `floor`; ORs the
   * bits looked at into `wildcards`.
   *
   * A miss un-wildcards only the stages, or the address prefixes, that were needed to know it.
   *
   * @param place - where the subtable is in the order
   */
  chainOf(place: number, flow: Uint32Array, wildcards: Uint32Array, floor: number): Chain<R> | undefined {
    const numbers = this.#numbers;
    const hashes = this.#hashes;
    const lookups = this.#lookups;
    const lookup = this.#lookup;
    const { words, bytes } = this.#heap;
    const record = this.order[place + 2] as number;
    const slot = numbers[record + SLOT] as number;
    const heads = numbers[record + HEADS] as number;
    const width = numbers[record + WIDTH] as number;
    let partAt = record + PARTS;
    let at = partAt + width - 1;
    let hash = 0;
    for (let nStages = numbers[record] as number; ; nStages--) {
      const nChecks = numbers[at++] as number;
      if (nChecks > 0 && this.#tries.excludes(slot, numbers, at, nChecks, flow)) return undefined;
      at += 2 * nChecks;
      for (const end = numbers[at + PARTS_END] as number; partAt < end; partAt++) {
        const part = numbers[partAt] as number;
        if (lookups[part] !== lookup) this.#read(part, flow, wildcards);
        hash = (hash + (hashes[part] as number)) | 0;
      }
      const table = numbers[at + TABLE] as number;
      const wordMask = numbers[at + WORD_MASK] as number;
      const tags = numbers[at + TAGS] as number;
      at += STAGE_WIDTH;
      const tag = tagOf(hash);
      let value = 0;
      for (let pair = (2 * hash) & wordMask; ; pair = (pair + 2) & wordMask) {
        const held = bytes[tags + (pair >> 1)] as number;
        if (held === 0) break;
        if (held !== tag || words[table + pair] !== hash) continue;
        const found = words[table + pair + 1] as number;
        if (nStages === 1 && !this.#isHead(heads + (found - 1) * width, record + PARTS, width)) continue;
        value = found;
        break;
      }
      if (nStages > 1 && value !== 0) continue;
      if (value === 0 || (words[heads + (value - 1) * width] as number) <= floor) return undefined;
      return this.#subtables[place / ORDER_WIDTH]?.chains.get(value - 1);
    }
  }

  /** Looks at a part of the packet. */
  #read(part: number, flow: Uint32Array, wildcards: Uint32Array): void {
    const word = this.#partWords[part] as number;
    const mask = this.#partMasks[part] as number;
    const value = (flow[word] as number) & mask;
    wildcards[word] = (wildcards[word] as number) | mask;
    this.#lookups[part] = this.#lookup;
    this.#values[part] = value;
    this.#hashes[part] = hashWord(word, value);
  }

  /** Whether the match of the chain whose head is at a place is that of the packet. */
  #isHead(head: number, partsAt: number, width: number): boolean {
    const numbers = this.#numbers;
    const values = this.#values;
    const { words } = this.#heap;
    for (let i = 1; i < width; i++) {
      if (values[numbers[partsAt + i - 1] as number] !== words[head + i]) return false;
    }
    return true;
  }
}

interface Part {
  readonly word: number;
  readonly mask: number;
}

/** Gives parts numbers, the next free one to those it has not met; they are added to `parts`. */
function partNumbering(parts: Part[]): (word: number, mask: number) => number {
  const numbers = new Map<number, number>();
  return (word, mask) => {
    const name = word * 2 ** 32 + mask;
    const number = numbers.get(name) ?? parts.push({ word, mask }) - 1;
    numbers.set(name, number);
    return number;
  };
}
