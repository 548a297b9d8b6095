/**
 * Which variables of a rule get a value, whatever the order of its literals.
 *
 * A literal is ready when what it needs is bound; ready literals bind more. What is never ready names the unsafe variables.
 * The planner uses the same readiness, so a rule that passes here can always be planned.
 */
import { type CoreExpr, type CoreRule, isEvaluable, isPattern, type Literal, slotsOf, type Term } from "./core.ts";

/** How an equation can be used with the variables bound so far. */
export type EqualDirection = "left" | "right" | "both";

/** True if a literal can run with these variables bound. */
export function isReady(literal: Literal, bound: ReadonlySet<number>): boolean {
  switch (literal.kind) {
    case "atom":
      return true;
    case "not":
      return literal.terms.every((term) => isBound(term, bound));
    case "test":
      return isBound(literal.expr, bound);
    case "member":
      return isBound(literal.right, bound) && (isPattern(literal.left) || isBound(literal.left, bound));
    case "equal":
      return equalDirection(literal, bound) !== undefined;
  }
}

/** Adds the slots that a ready literal binds when it runs. */
export function bindInto(literal: Literal, bound: Set<number>): void {
  if (literal.kind === "atom") {
    for (const term of literal.terms) if (term.kind === "var") bound.add(term.slot);
  } else if (literal.kind === "member") slotsOf(literal.left, bound);
  else if (literal.kind === "equal") {
    slotsOf(literal.left, bound);
    slotsOf(literal.right, bound);
  }
}

/** Which side of an equation gets bound: `both` if both have values already; `undefined` if it cannot run yet. */
export function equalDirection(literal: Literal & { kind: "equal" }, bound: ReadonlySet<number>): EqualDirection | undefined {
  const leftHas = isEvaluable(literal.left) && isBound(literal.left, bound);
  const rightHas = isEvaluable(literal.right) && isBound(literal.right, bound);
  if (leftHas && rightHas) return "both";
  if (rightHas && isPattern(literal.left)) return "left";
  if (leftHas && isPattern(literal.right)) return "right";
  return undefined;
}

/** True if every variable of the expression is bound. */
export function isBound(expr: CoreExpr, bound: ReadonlySet<number>): boolean {
  switch (expr.kind) {
    case "const":
    case "any":
      return true;
    case "var":
      return bound.has(expr.slot);
    case "list":
      return expr.items.every((item) => isBound(item, bound));
    case "text":
      return expr.parts.every((part) => isBound(part, bound));
    case "unary":
      return isBound(expr.operand, bound);
    case "binary":
      return isBound(expr.left, bound) && isBound(expr.right, bound);
    case "if":
      return isBound(expr.condition, bound) && isBound(expr.whenTrue, bound) && isBound(expr.whenFalse, bound);
    case "call":
      return expr.args.every((arg) => isBound(arg, bound));
  }
}

/** The slots that a body can bind at best, from `initial`. */
export function boundSlots(body: readonly Literal[], initial: Iterable<number> = []): Set<number> {
  const bound = new Set(initial);
  const waiting = new Set(body);
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (const literal of waiting) {
      if (!isReady(literal, bound)) continue;
      bindInto(literal, bound);
      waiting.delete(literal);
      hasChanged = true;
    }
  }
  return bound;
}

/** Slots of a rule that nothing binds, head included; empty for a safe rule. */
export function unsafeSlots(rule: Pick<CoreRule, "head" | "body">): Set<number> {
  const bound = boundSlots(rule.body);
  const all = termSlots(rule.head);
  for (const literal of rule.body) for (const slot of literalSlots(literal)) all.add(slot);
  return new Set([...all].filter((slot) => !bound.has(slot)));
}

/** Every slot that occurs in a literal. */
function literalSlots(literal: Literal): Set<number> {
  switch (literal.kind) {
    case "atom":
    case "not":
      return termSlots(literal.terms);
    case "test":
      return slotsOf(literal.expr);
    case "equal":
    case "member":
      return slotsOf(literal.right, slotsOf(literal.left));
  }
}

function termSlots(terms: readonly Term[]): Set<number> {
  const slots = new Set<number>();
  for (const term of terms) if (term.kind === "var") slots.add(term.slot);
  return slots;
}
