/** Which tables a rule's text mentions, and which tables thereby depend on which: known before any rule is rewritten. */
import type { Expr, Formula, SourceText } from "../language/ast.ts";
import { qualify } from "./context.ts";
import type { ParsedSource } from "./declare.ts";

/** Dependencies between tables, by their full names. */
export class References {
  readonly #mentioned: Map<string, Set<string>> = new Map();

  constructor(sources: readonly ParsedSource[]) {
    for (const { source, statements } of sources) {
      for (const statement of statements) {
        if (statement.kind !== "rule" || statement.body === undefined) continue;
        const head = qualify(source, statement.name);
        const mentioned = this.#mentioned.get(head) ?? new Set<string>();
        this.#mentioned.set(head, mentioned);
        mentionedIn(statement.body, source, mentioned);
      }
    }
  }

  /** True if rows of `from` may depend on rows of `to`. */
  dependsOn(from: string, to: string): boolean {
    const seen = new Set([from]);
    for (const name of seen) {
      if (name === to) return true;
      for (const next of this.#mentioned.get(name) ?? []) seen.add(next);
    }
    return false;
  }
}

/** Adds the full names of all tables (and functions: they do no harm) that a body mentions. */
export function mentionedIn(formula: Formula, source: SourceText, into: Set<string>): void {
  switch (formula.kind) {
    case "and":
    case "or":
      for (const item of formula.items) mentionedIn(item, source, into);
      break;
    case "not":
      mentionedIn(formula.body, source, into);
      break;
    case "test":
      if (formula.expr.kind === "name") into.add(qualify(source, formula.expr.name));
      mentionedInExpr(formula.expr, source, into);
      break;
    default:
      mentionedInExpr(formula.left, source, into);
      mentionedInExpr(formula.right, source, into);
  }
}

function mentionedInExpr(expr: Expr, source: SourceText, into: Set<string>): void {
  const go = (inner: Expr): void => mentionedInExpr(inner, source, into);
  switch (expr.kind) {
    case "call":
      into.add(qualify(source, expr.name));
      for (const arg of expr.args) go(arg.term);
      break;
    case "aggregate":
      mentionedIn(expr.body, source, into);
      break;
    case "list":
      expr.items.forEach(go);
      break;
    case "text":
      for (const part of expr.parts) if (typeof part !== "string") go(part);
      break;
    case "unary":
      go(expr.operand);
      break;
    case "binary":
      go(expr.left);
      go(expr.right);
      break;
    case "if":
      go(expr.condition);
      go(expr.whenTrue);
      go(expr.whenFalse);
  }
}
