/**
 * Which flow goes when one more comes to a full table.
 *
 * Only flows with a timeout can go. Of the groups that the table's fields make, the one with most flows loses one:
 * the least important, and among those the one that would end first. Where a controller did not ask for eviction,
 * importance does not count.
 *
 * How: a heap of flows for each group, and a heap of groups. Packets put off the end of a flow all the time: it is looked at anew only
 * when the flow is the first of its heap.
 *
 * Limits: groups are told apart by a hash of 32 bits; of very many flows whose end was put off not all are looked at for one choice.
 *
 * @see ovs-vswitchd.conf.db(5), Flow_Table; OpenFlow 1.5.1, section 6.5
 */
import { hashWords } from "@tenet/classifier";
import { type FieldSpec, makeFlowKey } from "@tenet/net";
import { LongMap } from "../long-map.ts";
import { KeyedHeap, type Placed } from "./keyed-heap.ts";
import type { Rule } from "./rule.ts";

/** How many flows are put back for one choice because they end later than they did. */
const MAX_PUT_BACK = 64;
/** More than any end, in ms: four years. */
const END_RANGE = 2 ** 37;

/** How a table parts and orders its flows. */
export interface EvictionOrder {
  readonly groups: readonly FieldSpec[];
  readonly byImportance: boolean;
}

/** Flows with equal values of the fields. */
class Group implements Placed {
  place = -1;
  readonly rules: KeyedHeap<Rule> = new KeyedHeap();
}

/** The flows of a table that may go. */
export class EvictionIndex {
  readonly order: EvictionOrder;
  readonly #groupById = new LongMap<number, Group>((id) => id);
  /** The largest first. */
  readonly #groups = new KeyedHeap<Group>();
  /** The bits of a FlowKey that groups are told apart by, word for word. */
  readonly #bits: readonly { readonly word: number; readonly ones: number }[];
  readonly #key = makeFlowKey();
  /** Takes those bits of a match, of key and mask. */
  readonly #values: Uint32Array;

  constructor(order: EvictionOrder) {
    this.order = order;
    this.#bits = order.groups.flatMap(bitsOf);
    this.#values = new Uint32Array(2 * this.#bits.length);
  }

  /** A rule came or has another end. */
  note(rule: Rule): void {
    if (!rule.isMortal) return;
    const id = this.#groupIdOf(rule);
    let group = this.#groupById.get(id);
    if (group === undefined) {
      group = new Group();
      this.#groupById.set(id, group);
    }
    group.rules.set(rule, this.#keyOf(rule));
    this.#groups.set(group, -group.rules.size);
  }

  /** A rule goes. */
  forget(rule: Rule): void {
    if (!rule.isMortal) return;
    const id = this.#groupIdOf(rule);
    const group = this.#groupById.get(id);
    if (group === undefined) return;
    group.rules.delete(rule);
    if (group.rules.size > 0) return this.#groups.set(group, -group.rules.size);
    this.#groups.delete(group);
    this.#groupById.delete(id);
  }

  /** The rule to remove; `undefined` when there is none. */
  choose(): Rule | undefined {
    const rules = this.#groups.first?.rules;
    for (let n = 0; n < MAX_PUT_BACK; n++) {
      const rule = rules?.first;
      if (rules === undefined || rule === undefined) return undefined;
      const key = this.#keyOf(rule);
      if (key <= rules.keyAt(0)) return rule;
      rules.set(rule, key);
    }
    return rules?.first;
  }

  /** The less, the sooner it goes. */
  #keyOf(rule: Rule): number {
    return (this.order.byImportance ? rule.importance * END_RANGE : 0) + Math.min(endOf(rule), END_RANGE - 1);
  }

  #groupIdOf({ match }: Rule): number {
    const bits = this.#bits;
    if (bits.length === 0) return 0;
    const { mask } = match;
    match.unpack(this.#key);
    for (let i = 0; i < bits.length; i++) {
      const { word, ones } = bits[i] as { word: number; ones: number };
      const looked = (mask[word] as number) & ones;
      this.#values[2 * i] = (this.#key[word] as number) & looked;
      this.#values[2 * i + 1] = looked;
    }
    return hashWords(this.#values);
  }
}

/** Monotonic ms at which a rule ends, if no packet comes. */
function endOf({ hardTimeout, idleTimeout, modifiedMs, usedMs }: Rule): number {
  const hard = hardTimeout > 0 ? modifiedMs + hardTimeout * 1000 : Infinity;
  const idle = idleTimeout > 0 ? Math.max(usedMs, modifiedMs) + idleTimeout * 1000 : Infinity;
  return Math.min(hard, idle);
}

function bitsOf({ word, nWords, nBits, shift }: FieldSpec): { word: number; ones: number }[] {
  const ones = nWords > 1 || nBits === 32 ? 0xffff_ffff : ((1 << nBits) - 1) << shift;
  return Array.from({ length: nWords }, (_, i) => ({ word: word + i, ones }));
}
