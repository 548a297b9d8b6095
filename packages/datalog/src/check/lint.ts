/** Warnings: what a program may say, but probably does not mean. */
import type { Expr, RuleSyntax, SourceText } from "../language/ast.ts";
import { type CheckContext, qualify } from "./context.ts";
import { type NameRules, visitExpr, visitFormula } from "./names.ts";

/** Warns about variables that occur once: often a typing mistake, otherwise better written `_`. */
export function lintRule(context: CheckContext, source: SourceText, rule: RuleSyntax): void {
  if (rule.body === undefined) return;
  const occurrences = new Map<string, Expr[]>();
  const rules: NameRules = { isDeep: true, isTable: (name) => context.relations.has(qualify(source, name)) };
  const note = (name: string, expr: Expr): void => {
    const before = occurrences.get(name);
    if (before === undefined) occurrences.set(name, [expr]);
    else before.push(expr);
  };
  for (const arg of rule.args) visitExpr(arg.term, rules, note);
  visitFormula(rule.body, rules, note);
  for (const [name, exprs] of occurrences) {
    const [only] = exprs;
    if (exprs.length > 1 || only === undefined || name.startsWith("_")) continue;
    context.warn(source, only.span, `variable "${name}" is used once`, {
      hint: `write "_" if any value will do, or "_${name}" to keep the name`,
    });
  }
}
