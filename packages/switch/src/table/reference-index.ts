/** Which rules refer to a group: they go when it goes, and its statistics tell how many they are. */
import type { Action } from "@tenet/openflow";
import type { Rule } from "./rule.ts";

/** Rules by what they refer to. */
export class ReferenceIndex {
  readonly #rulesByGroup = new Map<number, Set<Rule>>();

  /** Notes what a rule refers to. */
  add(rule: Rule): void {
    forEachGroup(rule.actions, (id) => {
      let rules = this.#rulesByGroup.get(id);
      if (rules === undefined) {
        rules = new Set();
        this.#rulesByGroup.set(id, rules);
      }
      rules.add(rule);
    });
  }

  /** Forgets a rule, whose actions are still those that it was added with. */
  remove(rule: Rule): void {
    forEachGroup(rule.actions, (id) => {
      const rules = this.#rulesByGroup.get(id);
      rules?.delete(rule);
      if (rules?.size === 0) this.#rulesByGroup.delete(id);
    });
  }

  /** The rules that refer to a group, at any depth of their actions. */
  rulesOfGroup(id: number): readonly Rule[] {
    return [...(this.#rulesByGroup.get(id) ?? [])];
  }

  /** How many rules refer to a group. */
  countOfGroup(id: number): number {
    return this.#rulesByGroup.get(id)?.size ?? 0;
  }
}

function forEachGroup(actions: readonly Action[], visit: (id: number) => void): void {
  for (const action of actions) {
    if (action.type === "group") visit(action.group);
    else if (action.type === "clone" || action.type === "writeActions") forEachGroup(action.actions, visit);
  }
}
