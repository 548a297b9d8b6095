/** Which rules refer to a group or meter: they go when it goes, and its statistics tell how many they are. */
import type { Action } from "@tenet/openflow";
import type { Rule } from "./rule.ts";

/** What a rule can refer to. */
export type Referent = "group" | "meter";

/** Rules by what they refer to. */
export class ReferenceIndex {
  readonly #rules: Readonly<Record<Referent, Map<number, Set<Rule>>>> = { group: new Map(), meter: new Map() };

  /** Notes what a rule refers to. */
  add(rule: Rule): void {
    forEachReference(rule.actions, (kind, id) => {
      let rules = this.#rules[kind].get(id);
      if (rules === undefined) {
        rules = new Set();
        this.#rules[kind].set(id, rules);
      }
      rules.add(rule);
    });
  }

  /** Forgets a rule, whose actions are still those that it was added with. */
  remove(rule: Rule): void {
    forEachReference(rule.actions, (kind, id) => {
      const rules = this.#rules[kind].get(id);
      rules?.delete(rule);
      if (rules?.size === 0) this.#rules[kind].delete(id);
    });
  }

  /** The rules that refer to a group or meter, at any depth of their actions. */
  rulesOf(kind: Referent, id: number): readonly Rule[] {
    return [...(this.#rules[kind].get(id) ?? [])];
  }

  /** How many rules refer to a group or meter. */
  countOf(kind: Referent, id: number): number {
    return this.#rules[kind].get(id)?.size ?? 0;
  }
}

function forEachReference(actions: readonly Action[], visit: (kind: Referent, id: number) => void): void {
  for (const action of actions) {
    if (action.type === "group") visit("group", action.group);
    else if (action.type === "meter") visit("meter", action.meter);
    else if (action.type === "clone" || action.type === "writeActions") forEachReference(action.actions, visit);
  }
}
