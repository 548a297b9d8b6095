/**
 * Which variables of a rule get a value, whatever the order of its literals.
 *
 * A literal is ready when what it needs is bound; ready literals bind more. What is never ready names the unsafe variables.
 * The planner uses the same readiness, so a rule that passes here can always be planned.
 */
import { type CoreRule, isEvaluable, isPattern, type Literal, slotsOf, type Term } from "./core.ts";

/** How an equation can be used with the variables bound so far. */
export type EqualDirection = "left" | "right" | "both";

/** Slots that a literal binds when it runs; `undefined` while it is not ready. */
export function bindingsOf(literal: Literal, bound: ReadonlySet<number>): ReadonlySet<number> | undefined {
  switch (literal.kind) {
    case "atom":
      return termSlots(literal.terms);
    case "not":
      return isSubset(termSlots(literal.terms), bound) ? NOTHING : undefined;
    case "test":
      return isSubset(slotsOf(literal.expr), bound) ? NOTHING : undefined;
    case "member":
      if (!isSubset(slotsOf(literal.right), bound)) return undefined;
      if (isPattern(literal.left)) return slotsOf(literal.left);
      return isSubset(slotsOf(literal.left), bound) ? NOTHING : undefined;
    case "equal": {
      const direction = equalDirection(literal, bound);
      if (direction === undefined) return undefined;
      if (direction === "both") return NOTHING;
      return slotsOf(direction === "left" ? literal.left : literal.right);
    }
  }
}

/** Which side of an equation gets bound: `both` if both have values already; `undefined` if it cannot run yet. */
export function equalDirection(literal: Literal & { kind: "equal" }, bound: ReadonlySet<number>): EqualDirection | undefined {
  const leftHas = isEvaluable(literal.left) && isSubset(slotsOf(literal.left), bound);
  const rightHas = isEvaluable(literal.right) && isSubset(slotsOf(literal.right), bound);
  if (leftHas && rightHas) return "both";
  if (rightHas && isPattern(literal.left)) return "left";
  if (leftHas && isPattern(literal.right)) return "right";
  return undefined;
}

/** The slots that a body can bind at best, from `initial`. */
export function boundSlots(body: readonly Literal[], initial: Iterable<number> = []): Set<number> {
  const bound = new Set(initial);
  const waiting = new Set(body);
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (const literal of waiting) {
      const bindings = bindingsOf(literal, bound);
      if (bindings === undefined) continue;
      for (const slot of bindings) bound.add(slot);
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
export function literalSlots(literal: Literal): Set<number> {
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

function isSubset(slots: ReadonlySet<number>, of: ReadonlySet<number>): boolean {
  for (const slot of slots) if (!of.has(slot)) return false;
  return true;
}

const NOTHING: ReadonlySet<number> = new Set();
