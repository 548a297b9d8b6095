/**
 * A function as a literal with more arguments than it takes: the last ones are its results.
 *
 * `plus(x, 1, y)` is `y = plus(x, 1)`, `unpack_date(d, y, m, _)` is `[y, m, _] = unpack_date(d)`: the form in which Congress's
 * policies use functions.
 */
import type { Expr, Formula } from "../language/ast.ts";
import type { CheckContext } from "./context.ts";

/** The literal with its results on the left of an equation; other literals as they are. */
export function withResult(context: CheckContext, formula: Formula): Formula {
  if (formula.kind === "not" && formula.body.kind === "test") {
    const body = withResult(context, formula.body);
    return body === formula.body ? formula : { ...formula, body };
  }
  if (formula.kind !== "test" || formula.expr.kind !== "call") return formula;
  const { expr, span } = formula;
  const { args } = expr;
  const fn = context.functionNamed(expr.name);
  if (fn === undefined || fn.isSet === true) return formula;
  const { nArgs, nResults = 1 } = fn;
  if (args.length !== nArgs + nResults || args.some(({ name }) => name !== undefined)) return formula;
  const results = args.slice(nArgs).map(({ term }) => term);
  const [only] = results;
  const left: Expr = results.length === 1 && only !== undefined ? only : { kind: "list", items: results, span };
  return { kind: "equal", left, right: { ...expr, args: args.slice(0, nArgs) }, span };
}
