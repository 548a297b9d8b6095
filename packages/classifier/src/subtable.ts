/**
 * The rules of one mask: a hash table over the masked words, probed in stages.
 *
 * What: finds the rules whose match equals the packet under this mask. Why stages: a packet that differs in
 * its L2 fields already must not un-wildcard the addresses and ports of the mask. How: the non-zero words of
 * the mask are kept in FlowKey order with the ends of the stages that have any; for every stage but the last
 * a multiset holds the partial hashes of all rules, the last is the hash table itself. Rules with equal match
 * form a chain in descending priority. Limits: at most 2^30 distinct matches.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, sections 5.2 and 5.3
 */
import { STAGE_ENDS } from "@tenet/net";
import { finishHash, HASH_BASIS, mixWord } from "./hash.ts";
import { HashMultiset } from "./hash-multiset.ts";
import type { ClassifierRule } from "./rule.ts";
import type { TrieSet } from "./trie-set.ts";

const MIN_CAPACITY = 8;

/** All rules of one mask. */
export class Subtable<R extends ClassifierRule> {
  /** Highest priority of any rule here; -1 when empty. */
  maxPriority = -1;
  /** The mask, a full FlowKey. */
  readonly mask: Uint32Array;
  /** Order of creation; breaks ties between equal priorities. */
  readonly sequence: number;

  /** Number of rules, soft and hard. */
  nRules = 0;
  #nAtMaxPriority = 0;

  /** Words of the FlowKey that the mask looks at, and the mask there. */
  readonly #words: Uint16Array;
  readonly #bits: Uint32Array;
  /** End of each stage that has any bit, as index into `#words`; the last is the full match. */
  readonly #stageEnds: number[] = [];
  /** The stage number (of `STAGE_ENDS`) of each entry of `#stageEnds`. */
  readonly #stages: number[] = [];
  readonly #stageIndexes: HashMultiset[] = [];

  /** Entry number + 1 by hash slot; 0 = free. */
  #slots = new Int32Array(2 * MIN_CAPACITY);
  #hashes = new Uint32Array(MIN_CAPACITY);
  #keys: Uint32Array;
  readonly #chains: R[][] = [];

  /** Prefix lengths of the mask in the trie fields. */
  readonly #prefixLengths: Uint8Array;
  readonly #hasPrefix: boolean;

  constructor(mask: Uint32Array, sequence: number, prefixLengths: Uint8Array) {
    this.mask = mask.slice();
    this.sequence = sequence;
    this.#prefixLengths = prefixLengths;
    this.#hasPrefix = prefixLengths.some((length) => length > 0);
    const words: number[] = [];
    let start = 0;
    for (const [stage, end] of STAGE_ENDS.entries()) {
      const nBefore = words.length;
      for (let word = start; word < end; word++) if ((mask[word] ?? 0) !== 0) words.push(word);
      if (words.length > nBefore) {
        this.#stageEnds.push(words.length);
        this.#stages.push(stage);
      }
      start = end;
    }
    this.#words = Uint16Array.from(words);
    this.#bits = Uint32Array.from(words, (word) => mask[word] ?? 0);
    for (let i = 1; i < this.#stageEnds.length; i++) this.#stageIndexes.push(new HashMultiset());
    this.#keys = new Uint32Array(MIN_CAPACITY * words.length);
  }

  /**
   * The chain of rules that match `flow`, best priority first; ORs the bits looked at into `wildcards`.
   *
   * A miss un-wildcards only the stages, or the address prefixes, that were needed to know it.
   */
  lookup(flow: Uint32Array, wildcards: Uint32Array | undefined, tries: TrieSet): readonly R[] | undefined {
    const words = this.#words;
    const bits = this.#bits;
    const nStages = this.#stageEnds.length;
    let hash: number = HASH_BASIS;
    let at = 0;
    for (let i = 0; i < nStages; i++) {
      if (this.#hasPrefix && tries.excludes(this.#prefixLengths, this.#stages[i] ?? 0, flow, wildcards)) {
        if (wildcards !== undefined) this.#unWildcard(wildcards, at);
        return undefined;
      }
      const end = this.#stageEnds[i] ?? 0;
      for (; at < end; at++) hash = mixWord(hash, (flow[words[at] ?? 0] ?? 0) & (bits[at] ?? 0));
      if (i < nStages - 1 && this.#stageIndexes[i]?.has(finishHash(hash)) === false) {
        if (wildcards !== undefined) this.#unWildcard(wildcards, end);
        return undefined;
      }
    }
    if (wildcards !== undefined) this.#unWildcard(wildcards, words.length);
    const entry = this.#entryOf(flow, finishHash(hash));
    return entry < 0 ? undefined : this.#chains[entry];
  }

  /** The rules with exactly this match, best priority first. */
  chainOf(key: Uint32Array): readonly R[] | undefined {
    const entry = this.#entryOf(key, this.#hashOf(key));
    return entry < 0 ? undefined : this.#chains[entry];
  }

  /** Adds a rule; one with the same match and priority is replaced and returned. */
  insert(rule: R): R | undefined {
    const { key } = rule.match;
    const hash = this.#hashOf(key);
    const entry = this.#entryOf(key, hash);
    if (entry < 0) this.#addEntry(key, hash, rule);
    else {
      const chain = this.#chains[entry] ?? [];
      let position = 0;
      while ((chain[position]?.priority ?? -1) > rule.priority) position++;
      const displaced = chain[position];
      if (displaced?.priority === rule.priority) {
        chain[position] = rule;
        return displaced;
      }
      chain.splice(position, 0, rule);
    }
    this.nRules++;
    if (rule.priority > this.maxPriority) {
      this.maxPriority = rule.priority;
      this.#nAtMaxPriority = 1;
    } else if (rule.priority === this.maxPriority) this.#nAtMaxPriority++;
    return undefined;
  }

  /** Removes a rule by identity. */
  remove(rule: R): boolean {
    const entry = this.#entryOf(rule.match.key, this.#hashOf(rule.match.key));
    const chain = this.#chains[entry];
    const position = chain?.indexOf(rule) ?? -1;
    if (chain === undefined || position < 0) return false;
    chain.splice(position, 1);
    if (chain.length === 0) this.#removeEntry(entry);
    this.nRules--;
    if (rule.priority === this.maxPriority && --this.#nAtMaxPriority === 0) this.#findMaxPriority();
    return true;
  }

  /** All chains, in a deterministic order. */
  chains(): readonly (readonly R[])[] {
    return this.#chains;
  }

  #hashOf(key: Uint32Array): number {
    let hash: number = HASH_BASIS;
    for (let at = 0; at < this.#words.length; at++) {
      hash = mixWord(hash, (key[this.#words[at] ?? 0] ?? 0) & (this.#bits[at] ?? 0));
    }
    return finishHash(hash);
  }

  #eachStageHash(key: Uint32Array, visit: (index: HashMultiset, hash: number) => void): void {
    let hash: number = HASH_BASIS;
    let at = 0;
    for (const [i, index] of this.#stageIndexes.entries()) {
      const end = this.#stageEnds[i] ?? 0;
      for (; at < end; at++) hash = mixWord(hash, key[this.#words[at] ?? 0] ?? 0);
      visit(index, finishHash(hash));
    }
  }

  #unWildcard(wildcards: Uint32Array, end: number): void {
    for (let at = 0; at < end; at++) {
      const word = this.#words[at] ?? 0;
      wildcards[word] = (wildcards[word] ?? 0) | (this.#bits[at] ?? 0);
    }
  }

  /** Entry whose key equals `flow` under the mask, or -1. */
  #entryOf(flow: Uint32Array, hash: number): number {
    const slotMask = this.#slots.length - 1;
    for (let slot = hash & slotMask; ; slot = (slot + 1) & slotMask) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (entry < 0) return -1;
      if (this.#hashes[entry] === hash && this.#isEntry(entry, flow)) return entry;
    }
  }

  #isEntry(entry: number, flow: Uint32Array): boolean {
    const words = this.#words;
    const base = entry * words.length;
    for (let at = 0; at < words.length; at++) {
      if (((flow[words[at] ?? 0] ?? 0) & (this.#bits[at] ?? 0)) >>> 0 !== this.#keys[base + at]) return false;
    }
    return true;
  }

  #addEntry(key: Uint32Array, hash: number, rule: R): void {
    const entry = this.#chains.length;
    if (entry === this.#hashes.length) this.#grow();
    this.#chains.push([rule]);
    this.#hashes[entry] = hash;
    for (let at = 0; at < this.#words.length; at++) {
      this.#keys[entry * this.#words.length + at] = key[this.#words[at] ?? 0] ?? 0;
    }
    this.#slots[this.#freeSlot(hash)] = entry + 1;
    this.#eachStageHash(key, (index, stageHash) => index.add(stageHash));
  }

  /** Vacates the entry's slot and moves the last entry into its place. */
  #removeEntry(entry: number): void {
    const n = this.#words.length;
    const key = this.mask.slice().fill(0);
    for (let at = 0; at < n; at++) key[this.#words[at] ?? 0] = this.#keys[entry * n + at] ?? 0;
    this.#eachStageHash(key, (index, stageHash) => index.remove(stageHash));
    this.#vacate(this.#slotOfEntry(entry));
    const last = this.#chains.length - 1;
    const lastChain = this.#chains.pop();
    if (entry === last || lastChain === undefined) return;
    this.#slots[this.#slotOfEntry(last)] = entry + 1;
    this.#chains[entry] = lastChain;
    this.#hashes[entry] = this.#hashes[last] ?? 0;
    this.#keys.copyWithin(entry * n, last * n, last * n + n);
  }

  #slotOfEntry(entry: number): number {
    const slotMask = this.#slots.length - 1;
    let slot = (this.#hashes[entry] ?? 0) & slotMask;
    while (this.#slots[slot] !== entry + 1) slot = (slot + 1) & slotMask;
    return slot;
  }

  #freeSlot(hash: number): number {
    const slotMask = this.#slots.length - 1;
    let slot = hash & slotMask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & slotMask;
    return slot;
  }

  #vacate(slot: number): void {
    const slotMask = this.#slots.length - 1;
    let hole = slot;
    for (let next = (slot + 1) & slotMask; this.#slots[next] !== 0; next = (next + 1) & slotMask) {
      const entry = (this.#slots[next] ?? 0) - 1;
      const home = (this.#hashes[entry] ?? 0) & slotMask;
      if (((next - home) & slotMask) >= ((next - hole) & slotMask)) {
        this.#slots[hole] = entry + 1;
        hole = next;
      }
    }
    this.#slots[hole] = 0;
  }

  #grow(): void {
    const capacity = this.#hashes.length * 2;
    const hashes = new Uint32Array(capacity);
    const keys = new Uint32Array(capacity * this.#words.length);
    hashes.set(this.#hashes);
    keys.set(this.#keys);
    this.#hashes = hashes;
    this.#keys = keys;
    this.#slots = new Int32Array(2 * capacity);
    for (let entry = 0; entry < this.#chains.length; entry++) this.#slots[this.#freeSlot(hashes[entry] ?? 0)] = entry + 1;
  }

  #findMaxPriority(): void {
    this.maxPriority = -1;
    this.#nAtMaxPriority = 0;
    for (const chain of this.#chains) {
      for (const { priority } of chain) {
        if (priority < this.maxPriority) break;
        if (priority > this.maxPriority) {
          this.maxPriority = priority;
          this.#nAtMaxPriority = 0;
        }
        this.#nAtMaxPriority++;
      }
    }
  }
}
