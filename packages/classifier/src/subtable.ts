/**
 * The rules of one mask: hash tables over the masked words, one for each stage.
 *
 * What: keeps the rules whose match has this mask, those with equal match in a chain in descending priority. Why
 * stages: a packet that differs in its L2 fields already must not un-wildcard the addresses and ports of the mask.
 * How: the non-zero words of the mask are kept in FlowKey order, by the stages that have any; for every stage but
 * the last a table counts the partial hashes of all rules, that of the last leads to the chains. Lookups are in
 * lookup-plan.ts.
 * Limits: those of the heap, which all subtables of a classifier share.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, sections 5.2 and 5.3
 */
import { STAGE_ENDS } from "@tenet/net";
import { type Chain, chainOf, rulesOf } from "./chain.ts";
import { hashWord } from "./hash.ts";
import { HashTable, RecordTable } from "./hash-tables.ts";
import type { Heap } from "./heap.ts";
import { LongList } from "./long-list.ts";
import { PriorityCounts } from "./priority-counts.ts";
import type { ClassifierRule } from "./rule.ts";
import type { PrefixCheck, TrieSet } from "./trie-set.ts";

/** A stage that the mask has bits in. */
export interface Stage {
  readonly checks: readonly PrefixCheck[];
  /** The words of the FlowKey that the mask looks at in this stage. */
  readonly words: readonly number[];
  /** How often each partial hash is there; in the last stage where the chain is, + 1. */
  readonly table: HashTable;
}

/** What came of adding a rule. */
export interface Insertion<R> {
  /** The one with the same match and priority. */
  readonly displaced: R | undefined;
  readonly isReplaced: boolean;
  /** Whether a table has another place now. */
  readonly hasMoved: boolean;
}

/** A walk through the chains of a subtable, in turns: those before `next` are behind it. */
export interface Walk {
  next: number;
}

/** All rules of one mask. */
export class Subtable<R extends ClassifierRule> {
  /** Highest priority of any rule here; -1 when empty. */
  maxPriority = -1;
  /** Number of rules, soft and hard. */
  nRules = 0;
  /** The mask, a full FlowKey; nobody changes it. */
  readonly mask: Uint32Array;
  /** How many bits the mask has. */
  readonly nBits: number;
  /** Order of creation; breaks ties between equal priorities. */
  readonly sequence: number;
  /** In order; at least one. */
  readonly stages: readonly Stage[];
  /** Its place in sets of subtables; others may share it. */
  readonly slot: number;
  /** Of its prefixes, by the number of the trie. */
  readonly lengths: readonly number[];
  /** All chains, in a deterministic order. */
  readonly chains: LongList<Chain<R>> = new LongList();
  /** Walks under way. */
  readonly #walks: Walk[] = [];
  /** For each chain its best priority and the words of its match that the mask looks at. */
  readonly heads: RecordTable;
  readonly #heap: Heap;
  readonly #priorities = new PriorityCounts();

  constructor(mask: Uint32Array, sequence: number, slot: number, tries: TrieSet, heap: Heap) {
    this.mask = mask;
    this.sequence = sequence;
    this.nBits = mask.reduce((sum, word) => sum + nBitsIn(word), 0);
    this.slot = slot;
    this.lengths = tries.lengthsIn(mask);
    this.stages = stagesOf(mask, (words) => tries.checksIn(this.lengths, words), heap);
    this.heads = new RecordTable(heap, 1 + this.stages.reduce((sum, { words }) => sum + words.length, 0));
    this.#heap = heap;
  }

  /** The rules with exactly this match, best priority first. */
  chainOf(key: Uint32Array): Chain<R> | undefined {
    return this.chains.get(this.#entryOf(key, this.#hashOf(key)));
  }

  /** Adds a rule; one with the same match and priority is returned, and replaced if it may be: else it comes right after. */
  insert(rule: R, key: Uint32Array, mayReplace: (held: R) => boolean): Insertion<R> {
    const hash = this.#hashOf(key);
    const entry = this.#entryOf(key, hash);
    const chain = this.chains.get(entry);
    let hasMoved = false;
    let displaced: R | undefined;
    if (chain === undefined) hasMoved = this.#addEntry(key, hash, rule);
    else {
      const rules = rulesOf(chain);
      let position = 0;
      while ((rules[position]?.priority ?? -1) > rule.priority) position++;
      const held = rules[position];
      if (held?.priority === rule.priority) displaced = held;
      const isReplaced = displaced !== undefined && mayReplace(displaced);
      rules.splice(position, isReplaced ? 1 : 0, rule);
      this.chains.set(entry, chainOf(rules));
      if (isReplaced) return { displaced, isReplaced, hasMoved };
      if (position === 0) this.#setBestPriority(entry, rule.priority);
    }
    this.nRules++;
    this.#priorities.add(rule.priority);
    this.maxPriority = this.#priorities.max;
    return { displaced, isReplaced: false, hasMoved };
  }

  /** Removes a rule by identity. */
  remove(rule: R, key: Uint32Array): boolean {
    const hash = this.#hashOf(key);
    const entry = this.#entryOf(key, hash);
    const chain = this.chains.get(entry);
    if (chain === undefined) return false;
    const rules = rulesOf(chain);
    const position = rules.indexOf(rule);
    if (position < 0) return false;
    rules.splice(position, 1);
    if (rules[0] === undefined) this.#removeEntry(entry, key, hash);
    else {
      this.chains.set(entry, chainOf(rules));
      if (position === 0) this.#setBestPriority(entry, rules[0].priority);
    }
    this.nRules--;
    this.#priorities.remove(rule.priority);
    this.maxPriority = this.#priorities.max;
    return true;
  }

  /** The best priority of a chain. */
  bestPriority(entry: number): number {
    return this.#heap.words[this.heads.place(entry)] as number;
  }

  /** Whether some rule has this priority. */
  hasPriority(priority: number): boolean {
    return this.#priorities.has(priority);
  }

  /** Whether the match of a chain is that of `key`, in the bits that this mask and `mask` have in common. */
  agrees(entry: number, key: Uint32Array, mask: Uint32Array): boolean {
    let at = this.heads.place(entry) + 1;
    for (const { words } of this.stages) {
      for (const word of words) {
        const difference = ((this.#heap.words[at++] as number) ^ (key[word] as number)) & (mask[word] as number);
        if ((difference & (this.mask[word] as number)) !== 0) return false;
      }
    }
    return true;
  }

  /** Gives back the places of the tables; the subtable is not used any more. */
  free(): void {
    for (const { table } of this.stages) table.free();
    this.heads.free();
  }

  /** The table that leads to the chains. */
  get #last(): HashTable {
    return (this.stages.at(-1) as Stage).table;
  }

  #hashOf(key: Uint32Array): number {
    let hash = 0;
    for (const { words } of this.stages) hash = this.#addHashes(hash, key, words);
    return hash;
  }

  /** Continues a hash with some words. */
  #addHashes(hash: number, key: Uint32Array, words: readonly number[]): number {
    let sum = hash;
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as number;
      sum = (sum + hashWord(word, (key[word] as number) & (this.mask[word] as number))) | 0;
    }
    return sum;
  }

  /** Number of the chain with this match, or -1. */
  #entryOf(key: Uint32Array, hash: number): number {
    const table = this.#last;
    const { words } = this.#heap;
    for (let place = table.find(hash); place >= 0; place = table.findNext(place)) {
      const entry = (words[place + 1] as number) - 1;
      if (this.agrees(entry, key, this.mask)) return entry;
    }
    return -1;
  }

  #setBestPriority(entry: number, priority: number): void {
    this.#heap.words[this.heads.place(entry)] = priority;
    this.heads.wrote(entry);
  }

  /** Begins a walk, which is to be ended: while others go, each chain that was there stays on its side of it. */
  beginWalk(): Walk {
    const walk = { next: 0 };
    this.#walks.push(walk);
    return walk;
  }

  endWalk(walk: Walk): void {
    this.#walks.splice(this.#walks.indexOf(walk), 1);
  }

  #addEntry(key: Uint32Array, hash: number, rule: R): boolean {
    const entry = this.chains.length;
    // All that may throw comes first; of it the heads last, which may move at once: the caller has to learn that.
    for (const { table } of this.stages) table.reserve();
    let hasMoved = this.heads.reserve(entry);
    let at = this.heads.place(entry) + 1;
    for (const { words } of this.stages) for (const word of words) this.#heap.words[at++] = key[word] as number;
    this.#setBestPriority(entry, rule.priority);
    if (this.#last.add(hash, entry + 1)) hasMoved = true;
    let partial = 0;
    for (let i = 0; i < this.stages.length - 1; i++) {
      const { words, table } = this.stages[i] as Stage;
      partial = this.#addHashes(partial, key, words);
      const place = table.find(partial);
      if (place >= 0) table.count(place, 1);
      else if (table.add(partial, 1)) hasMoved = true;
    }
    this.chains.push(rule);
    return hasMoved;
  }

  /** Takes an empty chain out and moves the last one into its place. */
  #removeEntry(entry: number, key: Uint32Array, hash: number): void {
    const table = this.#last;
    table.remove(table.find(hash, entry + 1));
    let partial = 0;
    for (let i = 0; i < this.stages.length - 1; i++) {
      const { words, table: partials } = this.stages[i] as Stage;
      partial = this.#addHashes(partial, key, words);
      const place = partials.find(partial);
      if (partials.count(place, -1) === 0) partials.remove(place);
    }
    const hole = this.#walks.length === 0 ? entry : this.#passWalks(entry);
    this.#move(this.chains.length - 1, hole);
    this.chains.pop();
  }

  /** Moves a hole behind all walks, so that what comes to lie there is ahead of those that it was ahead of. @returns where it is then */
  #passWalks(hole: number): number {
    for (const walk of this.#walks.sort((a, b) => a.next - b.next)) {
      if (hole >= walk.next) continue;
      walk.next--;
      this.#move(walk.next, hole);
      hole = walk.next;
    }
    return hole;
  }

  /** Moves a chain to a place where there is none. */
  #move(from: number, to: number): void {
    if (from === to) return;
    const table = this.#last;
    table.setValue(table.find(this.#hashOfHead(from), from + 1), to + 1);
    this.chains.set(to, this.chains.get(from) as Chain<R>);
    this.#heap.words.copyWithin(this.heads.place(to), this.heads.place(from), this.heads.place(from + 1));
    this.heads.wrote(to);
  }

  #hashOfHead(entry: number): number {
    let hash = 0;
    let at = this.heads.place(entry) + 1;
    for (const { words } of this.stages)
      for (const word of words) hash = (hash + hashWord(word, this.#heap.words[at++] as number)) | 0;
    return hash;
  }
}

function nBitsIn(word: number): number {
  let n = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) n++;
  return n;
}

function stagesOf(mask: Uint32Array, checksIn: (words: readonly number[]) => PrefixCheck[], heap: Heap): Stage[] {
  const stages: Stage[] = [];
  let start = 0;
  for (const end of STAGE_ENDS) {
    const words = Array.from({ length: end - start }, (_, i) => start + i).filter((word) => (mask[word] ?? 0) !== 0);
    if (words.length > 0) stages.push({ checks: checksIn(words), words, table: new HashTable(heap) });
    start = end;
  }
  // The mask that looks at nothing has one chain, and a stage without words to lead to it.
  return stages.length > 0 ? stages : [{ checks: [], words: [], table: new HashTable(heap) }];
}
