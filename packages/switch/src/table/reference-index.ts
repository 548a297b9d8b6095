/**
 * Which rules refer to a group or meter: they go when it goes, and its statistics tell how many they are. And which rules
 * learn with `delete_learned`: when the last of them goes, what they learned goes too.
 */
import type { LongList } from "@tenet/classifier";
import type { Action } from "@tenet/openflow";
import { LongMap } from "../long-map.ts";
import { makeRuleSet, type RuleSet } from "./rule-set.ts";
import type { Rule } from "./rule.ts";

/** What a rule can refer to; `learned` are the flows of a table that have a cookie, numbered by {@link learnedId}. */
export type Referent = "group" | "meter" | "learned";

/** A number for the flows of a table that have a cookie. */
export function learnedId(table: number, cookie: bigint): bigint {
  return (cookie << 8n) | BigInt(table);
}

/** What {@link learnedId} made a number of. */
export function learnedFrom(id: bigint): { readonly table: number; readonly cookie: bigint } {
  return { table: Number(id & 0xffn), cookie: id >> 8n };
}

/** Rules by what they refer to. */
export class ReferenceIndex {
  readonly #rules: Readonly<Record<Referent, LongMap<number | bigint, RuleSet>>> = {
    group: new LongMap(Number),
    meter: new LongMap(Number),
    learned: new LongMap((id) => Number((BigInt(id) >> 8n) & 0xffffn)),
  };

  /** Notes what a rule refers to. */
  add(rule: Rule): void {
    if (!rule.latest.refers) return;
    forEachReference(rule.latest.actions, (kind, id) => {
      let rules = this.#rules[kind].get(id);
      if (rules === undefined) {
        rules = makeRuleSet();
        this.#rules[kind].set(id, rules);
      }
      rules.set(rule, rule);
    });
  }

  /**
   * Forgets a rule, whose latest actions are still those that it was added with.
   *
   * @param orphans - gets what learned flows no rule refers to any more
   */
  remove(rule: Rule, orphans: LongList<bigint>): void {
    if (!rule.latest.refers) return;
    forEachReference(rule.latest.actions, (kind, id) => {
      const rules = this.#rules[kind].get(id);
      rules?.delete(rule);
      if (rules?.size !== 0) return;
      this.#rules[kind].delete(id);
      if (typeof id === "bigint") orphans.push(id);
    });
  }

  /** The rules that refer to it, at any depth of their actions; they may go meanwhile. */
  rulesOf(kind: Referent, id: number | bigint): Iterable<Rule> {
    return this.#rules[kind].get(id)?.values() ?? [];
  }

  /** Whether flows go when the last rule that learned them does. */
  get hasLearned(): boolean {
    return this.#rules.learned.size > 0;
  }

  /** How many rules refer to it. */
  countOf(kind: Referent, id: number | bigint): number {
    return this.#rules[kind].get(id)?.size ?? 0;
  }
}

function forEachReference(actions: readonly Action[], visit: (kind: Referent, id: number | bigint) => void): void {
  for (const action of actions) {
    if (action.type === "group") visit("group", action.group);
    else if (action.type === "meter") visit("meter", action.meter);
    else if (action.type === "learn" && action.deletesLearned) visit("learned", learnedId(action.table, action.cookie));
    else if (action.type === "clone" || action.type === "writeActions") forEachReference(action.actions, visit);
  }
}
