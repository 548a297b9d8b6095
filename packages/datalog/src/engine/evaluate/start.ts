/**
 * Rules that hold before there is any row: facts, and bodies without a positive table.
 *
 * They get a hidden table without columns as first literal; its one row enters when the engine starts.
 */
import type { CoreRule } from "../../check/core.ts";

/** The hidden table's name. */
export const INIT = "$start";

/** The rule with at least one positive table in its body. */
export function withStart(rule: CoreRule): CoreRule {
  if (rule.body.some((literal) => literal.kind === "atom")) return rule;
  return { ...rule, body: [{ kind: "atom", relation: INIT, terms: [], span: { start: 0, end: 0 } }, ...rule.body] };
}
