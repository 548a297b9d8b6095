/**
 * Tuple space search: the highest-priority rule for a packet, and the bits that had to be looked at.
 *
 * What: one subtable per distinct mask, walked in descending order of best priority; the walk ends when the
 * rule in hand beats everything in the next subtable. Why: inserting and removing cost one hash operation,
 * whatever the rules are, and rarely used masks are rarely looked at, which keeps megaflows wide.
 * How: see lookup-plan.ts and subtable.ts for staged lookup, trie-set.ts for prefixes, conjunctive-match.ts for `conjunction`.
 * Many changes at once: `stage` hides what follows from lookups, `publish` shows all of it, `clean` takes out what went.
 * Limits: a lookup costs one probe per subtable that cannot be skipped; equal priorities with overlapping
 * matches resolve to the mask with fewer bits, then to the older subtable.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, section 5
 */
import { makeFlowKey } from "@tenet/net";
import { type Chain, findInChain, headOf, rulesOf } from "./chain.ts";
import { ConjunctiveMatch } from "./conjunctive-match.ts";
import { hashWords } from "./hash.ts";
import { Heap } from "./heap.ts";
import { LookupPlan, ORDER_WIDTH } from "./lookup-plan.ts";
import { LongList } from "./long-list.ts";
import type { ClassifierRule, RuleMatch } from "./rule.ts";
import { SLOTS } from "./slots.ts";
import { Subtable } from "./subtable.ts";
import { TrieSet } from "./trie-set.ts";

/** How many matches are looked at between two chances for others. */
const CHAINS_PER_STEP = 32;

/** Rules by priority over FlowKey words. */
export class Classifier<R extends ClassifierRule> {
  /** In descending order of best priority, ties by bits of the mask, then by age. */
  readonly #subtables: Subtable<R>[] = [];
  /** How many subtables share each slot. */
  readonly #nInSlot = new Uint32Array(SLOTS);
  readonly #subtablesByMaskHash = new Map<number, Subtable<R>[]>();
  readonly #heap = new Heap();
  readonly #tries = new TrieSet(this.#heap);
  readonly #plan = new LookupPlan<R>(this.#heap, this.#tries);
  #isPlanned = true;
  /** That of the last change. */
  #lastSubtable: Subtable<R> | undefined;
  /** Takes the mask of lookups whose caller does not want it. */
  readonly #unread = makeFlowKey();
  readonly #conjunctive = new ConjunctiveMatch<R>();
  /** What lookups see; while changes are hidden, those are of the next. */
  #version = 0;
  #isStaging = false;
  /** Rules that were removed and not taken out yet; also such as came back since. */
  #going = new LongList<R>();
  /** How many of those were removed. */
  #nGone = 0;
  /** Takes the keys of rules, one after the other; in words that the mask of one does not look at is anything. */
  readonly #key = makeFlowKey();
  #nextSequence = 0;
  /** How many rules have conjunctions, or will have. */
  #nSoft = 0;
  #size = 0;

  /** Number of rules. */
  get size(): number {
    return this.#size - this.#nGone;
  }

  /** Number of distinct masks. */
  get nSubtables(): number {
    return this.#subtables.length;
  }

  /** Adds a rule; one with the same match and priority is replaced and returned. */
  insert(rule: R): R | undefined {
    if (isGone(rule)) {
      this.#spare(rule); // it is here still
      return undefined;
    }
    const { mask } = rule.match;
    const key = this.#keyOf(rule);
    const subtable = this.#subtableOf(mask) ?? this.#addSubtable(mask);
    try {
      return this.#insertInto(subtable, rule, key);
    } finally {
      if (subtable.nRules === 0) this.#dropSubtable(subtable);
    }
  }

  #insertInto(subtable: Subtable<R>, rule: R, key: Uint32Array): R | undefined {
    const bestBefore = subtable.maxPriority;
    const { displaced, isReplaced, hasMoved } = subtable.insert(rule, key, this.#mayReplace);
    if (hasMoved) this.#isPlanned = false;
    if (!isReplaced) this.#addPrefixes(subtable, rule, key);
    this.setSoft(rule, rule.conjunctions !== undefined);
    rule.since = this.#isStaging ? this.#version + 1 : 0;
    if (isReplaced && displaced !== undefined) {
      this.setSoft(displaced, false);
      return displaced;
    }
    this.#size++;
    if (subtable.maxPriority !== bestBefore) this.#reorder(subtable);
    return displaced !== undefined && this.#doom(displaced) ? displaced : undefined;
  }

  /** Counts in the prefixes of a rule that a subtable has; when there is no memory for that, the subtable has it no more. */
  #addPrefixes(subtable: Subtable<R>, rule: R, key: Uint32Array): void {
    try {
      this.#tries.add(subtable, key);
    } catch (error) {
      subtable.remove(rule, key);
      throw error;
    }
  }

  /** Removes a rule by identity. @returns whether it was there */
  remove(rule: R): boolean {
    return this.#isStaging && !this.#isComing(rule) ? this.#doom(rule) : this.#takeOut(rule);
  }

  /** To be called before the conjunctions of a rule change, and when those it had are gone for good. */
  setSoft(rule: R, isSoft: boolean): void {
    if (isSoft === (rule.isSoft ?? false)) return;
    rule.isSoft = isSoft;
    this.#nSoft += isSoft ? 1 : -1;
  }

  /** Hides changes from lookups until {@link publish}, or until all of them were taken back before {@link unstage}. */
  stage(): void {
    this.#isStaging = true;
  }

  unstage(): void {
    this.#isStaging = false;
  }

  /** Lets lookups see a rule that was added since {@link stage}. */
  show(rule: R): void {
    rule.since = 0;
  }

  /** Shows lookups what changed since {@link stage}. Costs the same however much that is; {@link clean} has to follow. */
  publish(): void {
    this.#isStaging = false;
    this.#version++;
  }

  /** Takes out what was removed; it yields after every rule, and nothing may change meanwhile. */
  *clean(): Generator<undefined, void, undefined> {
    for (const rule of this.#going) {
      if (!isGone(rule)) continue; // it was removed twice, or not after all
      this.#takeOut(rule);
      yield;
    }
    this.#going = new LongList();
  }

  /** Has lookups see a rule until the next version. @returns whether it was not to go already */
  #doom(rule: R): boolean {
    if (isGone(rule)) return false;
    rule.since = -(this.#version + 1);
    this.#going.push(rule);
    this.#nGone++;
    return true;
  }

  /** Takes {@link #doom} back. */
  #spare(rule: R): void {
    rule.since = 0;
    this.#nGone--;
  }

  #takeOut(rule: R): boolean {
    const key = this.#keyOf(rule);
    const subtable = this.#subtableOf(rule.match.mask);
    const bestBefore = subtable?.maxPriority;
    if (subtable === undefined || !subtable.remove(rule, key)) return false;
    if (isGone(rule)) this.#spare(rule);
    this.#size--;
    this.setSoft(rule, false);
    this.#tries.remove(subtable, key);
    if (subtable.nRules === 0) this.#dropSubtable(subtable);
    else if (subtable.maxPriority !== bestBefore) this.#reorder(subtable);
    return true;
  }

  /** The rule with exactly this match and priority. */
  find(key: Uint32Array, mask: Uint32Array, priority: number): R | undefined {
    return this.#findEqual(key, mask, (rule) => rule.priority === priority && !isGone(rule));
  }

  /** Whether this rule is here and was not removed. */
  has(rule: R): boolean {
    return !isGone(rule) && this.#findEqual(this.#keyOf(rule), rule.match.mask, (held) => held === rule) !== undefined;
  }

  /** Whether a rule with exactly this match and priority is here, be it hidden, or removed and not taken out yet. */
  holds(key: Uint32Array, mask: Uint32Array, priority: number): boolean {
    return this.#findEqual(key, mask, (rule) => rule.priority === priority) !== undefined;
  }

  /**
   * Finds the highest-priority rule that matches a packet, and the bits it had to look at.
   *
   * Every bit examined is set in `wildcards`: too many set bits cost cache hits, too few forward wrongly.
   * Cost: one hash probe per subtable whose best priority still beats the rule in hand.
   *
   * @param flow - packet fields, 32-bit words in `FlowKey` order; `conj_id` must be 0
   * @param wildcards - out: mask of examined bits, same order, ORed into; the caller clears it
   * @returns the rule, or `undefined` on a table miss
   */
  lookup(flow: Uint32Array, wildcards: Uint32Array = this.#unread): R | undefined {
    this.#writePlan();
    this.#tries.reset();
    const found = this.#nSoft === 0 ? this.#lookupHard(flow, wildcards) : this.#lookupSoft(flow, wildcards);
    this.#tries.unWildcard(wildcards);
    return found;
  }

  /** The words of a FlowKey that lookups look at, ascending: `wildcards` gets bits in no others. */
  get examinedWords(): Int32Array {
    this.#writePlan();
    return this.#plan.words;
  }

  /** All rules, in a deterministic order. */
  *rules(): IterableIterator<R> {
    for (const { chains } of this.#subtables) {
      for (const chain of chains) for (const rule of rulesOf(chain)) if (!isGone(rule)) yield rule;
    }
  }

  /**
   * Appends to `into` the rules that are `wanted` of those whose match is within `match`: every packet they match, it matches too.
   *
   * It yields now and then, and rules may come and go meanwhile: those are in or not, the others are in once; of rules that
   * take the place of each other just one is in.
   *
   * @param asLookups - whether those are meant that lookups see, while changes are hidden from them
   */
  *collectWithin(
    { key, mask }: RuleMatch,
    wanted: (rule: R) => boolean,
    into: { push(rule: R): unknown },
    asLookups = false,
  ): Generator<undefined, void, undefined> {
    const isThere = asLookups ? this.#isSeen : (rule: R): boolean => !isGone(rule);
    for (const subtable of this.#subtables.slice()) {
      if (!covers(subtable.mask, mask)) continue;
      yield* this.#visitAgreeing(subtable, { key, mask }, 0, (chain) => {
        for (const rule of rulesOf(chain)) if (isThere(rule) && wanted(rule)) into.push(rule);
      });
    }
  }

  /** Calls `visit` with every rule, once; it yields now and then, and rules may come and go meanwhile. */
  *visiting(visit: (rule: R) => void): Generator<undefined, void, undefined> {
    const all = { key: makeFlowKey(), mask: makeFlowKey() };
    for (const subtable of this.#subtables.slice()) {
      yield* this.#visitAgreeing(subtable, all, 0, (chain) => {
        for (const rule of rulesOf(chain)) if (!isGone(rule)) visit(rule);
      });
    }
  }

  /**
   * Whether a rule of this priority matches some packet that `match` matches.
   *
   * It yields now and then, and rules may come and go meanwhile: those count or not.
   */
  *overlaps({ key, mask }: RuleMatch, priority: number): Generator<undefined, boolean, undefined> {
    let isFound = false;
    const look = (chain: Chain<R>): boolean => {
      isFound = findInChain(chain, (rule) => rule.priority === priority && !isGone(rule)) !== undefined;
      return isFound;
    };
    for (const subtable of this.#subtables.slice()) {
      if (!subtable.hasPriority(priority)) continue;
      if (!covers(mask, subtable.mask)) yield* this.#visitAgreeing(subtable, { key, mask }, priority, look);
      else {
        const chain = subtable.chainOf(key);
        if (chain !== undefined) look(chain);
      }
      if (isFound) return true;
    }
    return false;
  }

  /**
   * Calls `visit` with each chain of a subtable that has a rule of `minPriority` or a better one, and some packet in common with a match,
   * until it returns true.
   *
   * It yields now and then; chains that are there all the time are visited once.
   */
  *#visitAgreeing(
    subtable: Subtable<R>,
    { key, mask }: RuleMatch,
    minPriority: number,
    visit: (chain: Chain<R>) => boolean | void,
  ): Generator<undefined, void, undefined> {
    const walk = subtable.beginWalk();
    try {
      for (let n = 1; walk.next < subtable.chains.length; n++) {
        const entry = walk.next++;
        if (subtable.bestPriority(entry) >= minPriority && subtable.agrees(entry, key, mask)) {
          if (visit(subtable.chains.get(entry) as Chain<R>) === true) return;
        }
        if (n % CHAINS_PER_STEP === 0) yield;
      }
    } finally {
      subtable.endWalk(walk);
    }
  }

  #isComing({ since = 0 }: R): boolean {
    return since > this.#version;
  }

  /** While changes are hidden, lookups need the rules that others come in the place of. */
  readonly #mayReplace = (held: R): boolean => !this.#isStaging || this.#isComing(held);

  readonly #isSeen = ({ since = 0 }: R): boolean => (since < 0 ? -since > this.#version : since <= this.#version);

  readonly #isSeenAndHard = (rule: R): boolean => rule.conjunctions === undefined && this.#isSeen(rule);

  /** The first rule, of those whose match is just this, that is so. */
  #findEqual(key: Uint32Array, mask: Uint32Array, isSo: (rule: R) => boolean): R | undefined {
    const chain = this.#subtableOf(mask)?.chainOf(key);
    return chain === undefined ? undefined : findInChain(chain, isSo);
  }

  /** The key of a rule, good until the next is asked for. */
  #keyOf({ match }: R): Uint32Array {
    if (match.unpack === undefined) return match.key;
    match.unpack(this.#key);
    return this.#key;
  }

  #writePlan(): void {
    if (this.#isPlanned) return;
    this.#plan.write(this.#subtables);
    this.#isPlanned = true;
  }

  #lookupHard(flow: Uint32Array, wildcards: Uint32Array): R | undefined {
    let best: R | undefined;
    let bestPriority = -1;
    const areAllAlike = this.#nSoft === 0 && this.#nGone === 0 && !this.#isStaging;
    const plan = this.#plan;
    plan.start();
    const { order } = plan;
    for (let at = 0; (order[at] as number) > bestPriority; at += ORDER_WIDTH) {
      if (this.#tries.isRefused(order[at + 1] as number)) continue;
      const chain = plan.chainOf(at, flow, wildcards, bestPriority);
      if (chain === undefined) continue;
      const rule = areAllAlike ? headOf(chain) : findInChain(chain, this.#isSeenAndHard);
      if (rule !== undefined && rule.priority > bestPriority) {
        best = rule;
        bestPriority = rule.priority;
      }
    }
    return best;
  }

  /** As above, but soft rules do not end the walk; they are judged after it. */
  #lookupSoft(flow: Uint32Array, wildcards: Uint32Array): R | undefined {
    let hard: R | undefined;
    const conjunctive = this.#conjunctive;
    conjunctive.start();
    const plan = this.#plan;
    plan.start();
    const { order } = plan;
    for (let at = 0; (order[at] as number) > (hard?.priority ?? -1); at += ORDER_WIDTH) {
      if (this.#tries.isRefused(order[at + 1] as number)) continue;
      const chain = plan.chainOf(at, flow, wildcards, hard?.priority ?? -1);
      const head = chain === undefined ? undefined : findInChain(chain, this.#isSeen);
      if (chain === undefined || head === undefined) continue;
      if (head.conjunctions !== undefined) conjunctive.offer(rulesOf(chain).filter(this.#isSeen));
      else if (head.priority > (hard?.priority ?? -1)) hard = head;
    }
    return conjunctive.resolve(hard, flow, (withId) => this.#lookupHard(withId, wildcards));
  }

  /** Rules come in rows of one mask: the last is tried first. */
  #subtableOf(mask: Uint32Array): Subtable<R> | undefined {
    const last = this.#lastSubtable;
    if (last !== undefined && (last.mask === mask || areEqual(last.mask, mask))) return last;
    const found = this.#subtablesByMaskHash.get(hashWords(mask))?.find((subtable) => areEqual(subtable.mask, mask));
    if (found !== undefined) this.#lastSubtable = found;
    return found;
  }

  #addSubtable(mask: Uint32Array): Subtable<R> {
    const slot = this.#nInSlot.indexOf(Math.min(...this.#nInSlot));
    const subtable = new Subtable<R>(mask, this.#nextSequence++, slot, this.#tries, this.#heap);
    this.#nInSlot[slot] = (this.#nInSlot[slot] as number) + 1;
    const hash = hashWords(mask);
    const sameHash = this.#subtablesByMaskHash.get(hash);
    if (sameHash === undefined) this.#subtablesByMaskHash.set(hash, [subtable]);
    else sameHash.push(subtable);
    this.#subtables.push(subtable);
    return subtable;
  }

  #dropSubtable(subtable: Subtable<R>): void {
    const hash = hashWords(subtable.mask);
    const others = this.#subtablesByMaskHash.get(hash)?.filter((each) => each !== subtable) ?? [];
    if (others.length === 0) this.#subtablesByMaskHash.delete(hash);
    else this.#subtablesByMaskHash.set(hash, others);
    this.#subtables.splice(this.#subtables.indexOf(subtable), 1);
    if (this.#lastSubtable === subtable) this.#lastSubtable = undefined;
    this.#nInSlot[subtable.slot] = (this.#nInSlot[subtable.slot] as number) - 1;
    subtable.free();
    this.#isPlanned = false;
  }

  #reorder(subtable: Subtable<R>): void {
    const subtables = this.#subtables;
    subtables.splice(subtables.indexOf(subtable), 1);
    let low = 0;
    let high = subtables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = subtables[middle];
      if (other !== undefined && comesBefore(other, subtable)) low = middle + 1;
      else high = middle;
    }
    subtables.splice(low, 0, subtable);
    this.#isPlanned = false;
  }
}

/** Whether a rule is here still but was removed. */
function isGone({ since = 0 }: ClassifierRule): boolean {
  return since < 0;
}

/** Of equals the one first that most packets match: it ends the walk most often, and leaves few bits in the mask. */
function comesBefore(a: Subtable<ClassifierRule>, b: Subtable<ClassifierRule>): boolean {
  if (a.maxPriority !== b.maxPriority) return a.maxPriority > b.maxPriority;
  return a.nBits < b.nBits || (a.nBits === b.nBits && a.sequence < b.sequence);
}

/** Whether every bit of `part` is set in `whole`. */
function covers(whole: Uint32Array, part: Uint32Array): boolean {
  for (let i = 0; i < part.length; i++) if (((part[i] ?? 0) & ~(whole[i] ?? 0)) !== 0) return false;
  return true;
}

function areEqual(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
