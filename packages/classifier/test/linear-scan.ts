/** The classifier's reference: look at every rule. */
import type { ClassifierRule } from "@tenet/classifier";

/** Whether a rule matches a packet. */
export function matches(rule: ClassifierRule, flow: Uint32Array): boolean {
  return rule.match.mask.every((bits, word) => ((flow[word] ?? 0) & bits) >>> 0 === (rule.match.key[word] ?? 0));
}

/** The priority of the best rule, or -1; conjunctions are resolved by definition. */
export function bestPriority(rules: readonly ClassifierRule[], flow: Uint32Array): number {
  return Math.max(-1, ...rules.filter((rule) => matches(rule, flow)).map((rule) => rule.priority));
}
