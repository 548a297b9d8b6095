/**
 * Checks that a minimum or maximum in a recursion has a meaning: a better value below must never make a value above worse.
 *
 * A recursive value may go, alone or in a sum, with a constant that is not negative in a product, and through `min` and `max`, into
 * the kept column of the head, and may be compared with what does not depend on it in the direction that stays true. Everything
 * else is refused. All relations of the recursion keep the same extreme.
 */
import type { CoreExpr, CoreRelation, CoreRule, Literal, Stratum } from "./core.ts";
import { slotsOf } from "./core.ts";

/** A rule that is not monotone, and why. */
export interface NotMonotone {
  readonly rule: CoreRule;
  readonly problem: string;
  readonly hint: string;
}

/** What is wrong with the recursions through `min` and `max`. */
export function checkMonotone(
  relations: ReadonlyMap<string, CoreRelation>,
  rules: readonly CoreRule[],
  strata: readonly Stratum[],
): NotMonotone[] {
  const faults: NotMonotone[] = [];
  for (const { relations: names } of strata) {
    const fns = new Set(names.map((name) => relations.get(name)?.extreme?.fn));
    if (fns.size === 1 && fns.has(undefined)) continue;
    const members = new Set(names);
    for (const rule of rules) {
      if (!members.has(rule.relation)) continue;
      const fault = fns.size > 1 ? mixed(rule, relations) : checkRule(rule, members, relations);
      if (fault !== undefined) faults.push({ rule, ...fault });
      if (fault !== undefined && fns.size > 1) break;
    }
  }
  return faults;
}

type Fault = Omit<NotMonotone, "rule">;

function mixed(rule: CoreRule, relations: ReadonlyMap<string, CoreRelation>): Fault {
  const { label = rule.relation } = relations.get(rule.relation) ?? {};
  return {
    problem: `"${label}" takes part in a recursion through min or max, whose tables must all keep the same extreme`,
    hint: "keep the value in one table, and derive others from it outside the recursion",
  };
}

function checkRule(
  rule: CoreRule,
  members: ReadonlySet<string>,
  relations: ReadonlyMap<string, CoreRelation>,
): Fault | undefined {
  const { column = 0, fn = "min" } = relations.get(rule.relation)?.extreme ?? {};
  const values = new Set<number>();
  for (const literal of rule.body) {
    if (literal.kind !== "atom" || !members.has(literal.relation)) continue;
    const at = relations.get(literal.relation)?.extreme?.column ?? 0;
    const term = literal.terms[at];
    if (term?.kind === "const") return bad("a recursive value is compared with a constant", fn);
    if (term?.kind === "var" && (values.has(term.slot) || countIn(rule, term.slot, literal, at) > 0)) {
      return bad(`the recursive value "${rule.slots[term.slot]}" is joined`, fn);
    }
    if (term?.kind === "var") values.add(term.slot);
  }
  for (let hasGrown = true; hasGrown; ) {
    hasGrown = false;
    for (const literal of rule.body) {
      if (literal.kind !== "equal" || literal.left.kind !== "var" || values.has(literal.left.slot)) continue;
      if (!uses(literal.right, values)) continue;
      if (!isMonotone(literal.right, values))
        return bad("a recursive value goes into an expression that may fall when it rises", fn);
      if (isBoundElsewhere(rule, literal.left.slot, literal)) return bad("a recursive value is compared by =", fn);
      values.add(literal.left.slot);
      hasGrown = true;
    }
  }
  const wrong = rule.body.find((literal) => !isAllowed(literal, values, fn));
  if (wrong !== undefined) return bad("a recursive value is used in a condition that may cease to hold", fn);
  const escapes = rule.head.some((term, at) => at !== column && term.kind === "var" && values.has(term.slot));
  return escapes ? bad(`a recursive value stands outside the column that keeps ${fn}`, fn) : undefined;
}

function bad(problem: string, fn: string): Fault {
  const direction = fn === "min" ? "d < limit, d <= limit" : "d > limit, d >= limit";
  return {
    problem: `recursion through ${fn} is not monotone: ${problem}`,
    hint: `allowed are d + w, d * 2, min(d, e), max(d, e), and conditions such as ${direction}`,
  };
}

/** How often a slot occurs in the columns of tables besides the given one. */
function countIn(rule: CoreRule, slot: number, but: Literal, column: number): number {
  let n = 0;
  for (const literal of rule.body) {
    if (literal.kind !== "atom" && literal.kind !== "not") continue;
    for (const [i, term] of literal.terms.entries()) {
      if (term.kind === "var" && term.slot === slot && !(literal === but && i === column)) n++;
    }
  }
  return n;
}

function isBoundElsewhere(rule: CoreRule, slot: number, but: Literal): boolean {
  return rule.body.some((literal) => {
    if (literal === but) return false;
    if (literal.kind === "atom" || literal.kind === "not")
      return literal.terms.some((term) => term.kind === "var" && term.slot === slot);
    if (literal.kind === "equal") return literal.left.kind === "var" && literal.left.slot === slot;
    return literal.kind === "member" && slotsOf(literal.left).has(slot);
  });
}

function isAllowed(literal: Literal, values: ReadonlySet<number>, fn: "min" | "max"): boolean {
  switch (literal.kind) {
    case "atom":
      return true;
    case "not":
      return !literal.terms.some((term) => term.kind === "var" && values.has(term.slot));
    case "equal":
      return (
        (literal.left.kind === "var" && values.has(literal.left.slot)) ||
        !(uses(literal.left, values) || uses(literal.right, values))
      );
    case "member":
      return !uses(literal.left, values) && !uses(literal.right, values);
    case "test": {
      const { expr } = literal;
      if (!uses(expr, values)) return true;
      if (expr.kind !== "binary") return false;
      const [low, high] = fn === "min" ? [expr.left, expr.right] : [expr.right, expr.left];
      if (expr.op === "<" || expr.op === "<=") return isMonotone(low, values) && !uses(high, values);
      return (expr.op === ">" || expr.op === ">=") && isMonotone(high, values) && !uses(low, values);
    }
  }
}

function uses(expr: CoreExpr, values: ReadonlySet<number>): boolean {
  return [...slotsOf(expr)].some((slot) => values.has(slot));
}

/** True if the expression never falls when one of the values rises. */
function isMonotone(expr: CoreExpr, values: ReadonlySet<number>): boolean {
  if (!uses(expr, values)) return true;
  if (expr.kind === "var") return true;
  const go = (inner: CoreExpr): boolean => isMonotone(inner, values);
  if (expr.kind === "call") return (expr.fn.name === "min" || expr.fn.name === "max") && expr.args.every(go);
  if (expr.kind !== "binary") return false;
  const { op, left, right } = expr;
  if (op === "+") return go(left) && go(right);
  if (op === "-" || op === "/") return go(left) && !uses(right, values) && (op === "-" || isNotNegative(right));
  return op === "*" && ((go(left) && isNotNegative(right)) || (go(right) && isNotNegative(left)));
}

function isNotNegative(expr: CoreExpr): boolean {
  return expr.kind === "const" && typeof expr.value === "number" && expr.value >= 0;
}
