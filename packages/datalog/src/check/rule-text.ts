/**
 * Core rules as texts that are equal when the rules compute the same: positions in the source, names of variables and what the
 * program calls a hidden relation are left out.
 */
import { formatValue } from "../value.ts";
import type { CoreAggregate, CoreExpr, CoreRule, FunctionDef, Literal, Term } from "./core.ts";

/** How relations and functions are written. */
export interface RuleNames {
  relation(name: string): string;
  fn(fn: FunctionDef): string;
}

/** The rule without the relation that it derives. */
export function ruleText({ head, body }: CoreRule, names: RuleNames): string {
  return `(${head.map(termText).join()}):-${body.map((literal) => literalText(literal, names)).join("&")}`;
}

/** The aggregate without the relation that it defines. */
export function aggregateText({ body, fn, nGroup, nParts = 0, limit = 0 }: CoreAggregate, names: RuleNames): string {
  return `${fn} ${nGroup} ${nParts} ${limit} ${names.relation(body)}`;
}

function literalText(literal: Literal, names: RuleNames): string {
  switch (literal.kind) {
    case "atom":
    case "not": {
      const sign = literal.kind === "not" ? "!" : "";
      return `${sign}${JSON.stringify(names.relation(literal.relation))}(${literal.terms.map(termText).join()})`;
    }
    case "equal":
    case "member":
      return `${literal.kind}(${exprText(literal.left, names)},${exprText(literal.right, names)})`;
    case "test":
      return `test(${exprText(literal.expr, names)})`;
  }
}

function termText(term: Term): string {
  if (term.kind === "any") return "_";
  return term.kind === "var" ? `$${term.slot}` : formatValue(term.value);
}

function exprText(expr: CoreExpr, names: RuleNames): string {
  const all = (of: readonly CoreExpr[]): string => of.map((each) => exprText(each, names)).join();
  switch (expr.kind) {
    case "list":
      return `list(${all(expr.items)})`;
    case "text":
      return `text(${all(expr.parts)})`;
    case "unary":
      return `${expr.op}(${all([expr.operand])})`;
    case "binary":
      return `(${expr.op})(${all([expr.left, expr.right])})`;
    case "if":
      return `if(${all([expr.condition, expr.whenTrue, expr.whenFalse])})`;
    case "call":
      return `call(${JSON.stringify(names.fn(expr.fn))},${all(expr.args)})`;
    default:
      return termText(expr);
  }
}
