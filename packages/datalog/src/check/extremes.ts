/**
 * Finds relations that keep a minimum or maximum through recursion: `dist(b, min(d + w)) :- dist(a, d), link(a, b, w)`.
 *
 * Such a relation holds one row per group, the best that any of its rules derives; all its rules feed the same minimum. An
 * aggregate that is not part of a recursion stays what it is.
 */
import { isHeadAggregate } from "../language/aggregates.ts";
import type { Expr, RuleSyntax, SourceText } from "../language/ast.ts";
import { type CheckContext, qualify } from "./context.ts";
import type { ParsedSource } from "./declare.ts";
import { mentionedIn, type References } from "./references.ts";

/** Marks the relations whose recursive rules have `min` or `max` in one column of the head. */
export function markExtremes(context: CheckContext, references: References, sources: readonly ParsedSource[]): void {
  for (const { source, statements } of sources) {
    for (const statement of statements) {
      if (statement.kind === "rule" && statement.body !== undefined) mark(context, references, source, statement);
    }
  }
}

/** The head of a rule of such a relation, with plain values where `min` or `max` stood; `undefined` for other relations. */
export function plainHead(
  context: CheckContext,
  source: SourceText,
  rule: RuleSyntax,
  head: readonly Expr[],
): Expr[] | undefined {
  const extreme = context.relations.get(qualify(source, rule.name))?.extreme;
  if (extreme === undefined) return undefined;
  return head.map((expr, column) => {
    const aggregate = extremeOf(expr);
    if (aggregate === undefined) return expr;
    if (column === extreme.column && aggregate.fn === extreme.fn) return aggregate.value;
    const problem = `"${rule.name}" keeps ${extreme.fn} of column ${extreme.column} through recursion, and ${aggregate.fn} here`;
    context.report(source, expr.span, problem, { hint: "one column keeps one extreme; use a table of its own for another" });
    return expr;
  });
}

function mark(context: CheckContext, references: References, source: SourceText, rule: RuleSyntax): void {
  const name = qualify(source, rule.name);
  const relation = context.relations.get(name);
  const found = rule.args.flatMap(({ term, name: column }, i) => {
    const at = column === undefined ? i : (relation?.columns.findIndex((each) => each.name === column) ?? -1);
    const aggregate = extremeOf(term);
    return aggregate === undefined || at < 0 ? [] : [{ column: at, fn: aggregate.fn }];
  });
  const [extreme] = found;
  const hasOthers = rule.args.some(
    ({ term }) => term.kind === "call" && isHeadAggregate(term.name) && extremeOf(term) === undefined,
  );
  if (relation === undefined || extreme === undefined || relation.extreme !== undefined) return;
  if (found.length > 1 || hasOthers || rule.body === undefined) return;
  const mentioned = new Set<string>();
  mentionedIn(rule.body, source, mentioned);
  if (![...mentioned].some((table) => references.dependsOn(table, name))) return;
  context.relations.set(name, { ...relation, extreme });
}

function extremeOf(expr: Expr): { fn: "min" | "max"; value: Expr } | undefined {
  if (expr.kind !== "call" || expr.args.length !== 1 || (expr.name !== "min" && expr.name !== "max")) return undefined;
  const value = expr.args[0]?.term;
  return value && { fn: expr.name, value };
}
