/** Which variables a piece of syntax mentions: on its own level, or anywhere inside. */
import type { Expr, Formula } from "../language/ast.ts";

/** Called for every variable occurrence. */
export type NameVisitor = (name: string, expr: Expr) => void;

/** What counts as a variable and how deep to look. */
export interface NameRules {
  /** Look into aggregates and negated groups too. */
  readonly isDeep: boolean;
  /** True if a bare name as a literal of the body is a table without columns. */
  isTable(name: string): boolean;
}

/** Visits the variables of an expression. */
export function visitExpr(expr: Expr, rules: NameRules, visit: NameVisitor): void {
  const go = (inner: Expr): void => visitExpr(inner, rules, visit);
  switch (expr.kind) {
    case "name":
      visit(expr.name, expr);
      break;
    case "call":
      for (const arg of expr.args) go(arg.term);
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
      break;
    case "aggregate":
      if (!rules.isDeep) break;
      if (expr.value !== undefined) go(expr.value);
      visitFormula(expr.body, rules, visit);
  }
}

/** Visits the variables of a body or a part of it. */
export function visitFormula(formula: Formula, rules: NameRules, visit: NameVisitor): void {
  switch (formula.kind) {
    case "and":
    case "or":
      for (const item of formula.items) visitFormula(item, rules, visit);
      break;
    case "not":
      // A single negated literal lives on its rule's level; a group has a level of its own.
      if (rules.isDeep || isSingle(formula.body)) visitFormula(formula.body, rules, visit);
      break;
    case "test":
      if (formula.expr.kind !== "name" || !rules.isTable(formula.expr.name)) visitExpr(formula.expr, rules, visit);
      break;
    default:
      visitExpr(formula.left, rules, visit);
      visitExpr(formula.right, rules, visit);
  }
}

/** True for a literal, false for a group of them. */
export function isSingle(formula: Formula): boolean {
  return formula.kind === "test" || formula.kind === "equal" || formula.kind === "in";
}

/** The set of names that a visit finds. */
export function collectNames(visitAll: (visit: NameVisitor) => void): Set<string> {
  const names = new Set<string>();
  visitAll((name) => names.add(name));
  return names;
}

/** True if an aggregate stands anywhere in the expression. */
export function hasAggregate(expr: Expr): boolean {
  switch (expr.kind) {
    case "aggregate":
      return true;
    case "call":
      return expr.args.some((arg) => hasAggregate(arg.term));
    case "list":
      return expr.items.some(hasAggregate);
    case "text":
      return expr.parts.some((part) => typeof part !== "string" && hasAggregate(part));
    case "unary":
      return hasAggregate(expr.operand);
    case "binary":
      return hasAggregate(expr.left) || hasAggregate(expr.right);
    case "if":
      return [expr.condition, expr.whenTrue, expr.whenFalse].some(hasAggregate);
    default:
      return false;
  }
}
