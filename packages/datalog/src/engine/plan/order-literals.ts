/**
 * Chooses the order in which a body's literals run.
 *
 * Greedy: what only tests or computes runs as soon as it can; among the tables, the one that is expected to give the fewest rows
 * comes next, by whichever index finds them (access.ts).
 */
import { AppError } from "@tenet/kit";
import type { Literal } from "../../check/core.ts";
import { bindInto, isBound, isReady } from "../../check/safety.ts";
import { boundColumns, chooseAccess } from "./access.ts";
import type { PlanContext } from "./plan.ts";

/**
 * The literals' positions in the order to run them, `skip` left out.
 *
 * @param bound - slots that have a value before the first literal runs
 */
export function orderLiterals(
  body: readonly Literal[],
  bound: ReadonlySet<number>,
  skip: number,
  context: PlanContext,
): number[] {
  const order: number[] = [];
  const known = new Set(bound);
  const waiting = new Set(body.keys());
  waiting.delete(skip);
  while (waiting.size > 0) {
    let best = -1;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const i of waiting) {
      const literal = body[i];
      if (literal === undefined || !isReady(literal, known)) continue;
      const cost = costOf(body, i, known, context);
      if (cost >= bestCost) continue;
      best = i;
      bestCost = cost;
      if (cost <= -2) break;
    }
    const chosen = body[best];
    if (chosen === undefined) throw new AppError("Cannot order the literals of a rule that passed the safety check");
    order.push(best);
    waiting.delete(best);
    bindInto(chosen, known);
  }
  return order;
}

/**
 * The literals' positions in the order of the source as far as that can run; a table of which no column is known comes after one of
 * which some is. For searches that report how far they got.
 */
export function orderAsWritten(body: readonly Literal[]): number[] {
  const order: number[] = [];
  const known = new Set<number>();
  const waiting = new Set(body.keys());
  while (waiting.size > 0) {
    const ready = [...waiting].filter((i) => isReady(body[i] as Literal, known));
    const hasStart = ready.find((i) => {
      const literal = body[i];
      return literal?.kind !== "atom" || literal.terms.length === 0 || boundColumns(literal.terms, known).length > 0;
    });
    const next = hasStart ?? ready[0];
    if (next === undefined) throw new AppError("Cannot order the literals of a rule that passed the safety check");
    order.push(next);
    waiting.delete(next);
    bindInto(body[next] as Literal, known);
  }
  return order;
}

/** Rows that a search from all rows of one table is expected to look at, those of indexes that it needs first included. */
export function expectedWork(body: readonly Literal[], start: number, context: PlanContext): number {
  const known = new Set<number>();
  const first = body[start];
  if (first?.kind !== "atom") return Number.POSITIVE_INFINITY;
  bindInto(first, known);
  let rows = context.storeOf(first.relation).end;
  let work = rows;
  for (const position of orderLiterals(body, known, start, context)) {
    const literal = body[position] as Literal;
    if (literal.kind === "atom") {
      const store = context.storeOf(literal.relation);
      const { access, fanOut } = chooseAccess(body, position, known, context);
      const needsIndex =
        access.kind === "key" ? !store.indexes.hasWithin(access.columns) : access.kind !== "row" && access.kind !== "all";
      work += needsIndex ? rows + store.end : rows;
      rows *= Math.max(0.5, fanOut);
    }
    work += rows;
    bindInto(literal, known);
  }
  return work;
}

function costOf(body: readonly Literal[], position: number, known: ReadonlySet<number>, context: PlanContext): number {
  const literal = body[position] as Literal;
  switch (literal.kind) {
    case "test":
    case "equal":
      return -2;
    case "not":
      return -1;
    case "member":
      return isBound(literal.left, known) ? -1 : 4;
    case "atom":
      return chooseAccess(body, position, known, context).fanOut;
  }
}
