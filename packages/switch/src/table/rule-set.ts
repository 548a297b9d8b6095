/** Sets of rules of any size. */
import { LongMap } from "../long-map.ts";
import type { Rule } from "./rule.ts";

/** Rules by themselves. */
export type RuleSet = LongMap<Rule, Rule>;

/** An empty set. */
export function makeRuleSet(): RuleSet {
  return new LongMap((rule) => rule.hash);
}
