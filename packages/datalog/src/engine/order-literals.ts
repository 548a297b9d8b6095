/**
 * Chooses the order in which a body's literals run.
 *
 * Greedy: what only tests or computes runs as soon as it can; among the tables, the one that is expected to give the fewest rows
 * comes next. The estimate looks at a sample of the table's rows: how many share a key on the columns bound so far.
 */
import { AppError } from "@tenet/kit";
import type { Literal, Term } from "../check/core.ts";
import { bindInto, isBound, isReady } from "../check/safety.ts";
import type { RowStore } from "./row-store.ts";
import { estimateKeys } from "./sample.ts";

/** Tables up to this many rows are not worth a look. */
const SMALL = 32;

/**
 * The literals' positions in the order to run them, `skip` left out.
 *
 * @param bound - slots that have a value before the first literal runs
 */
export function orderLiterals(
  body: readonly Literal[],
  bound: ReadonlySet<number>,
  skip: number,
  storeOf: (relation: string) => RowStore,
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
      const cost = costOf(literal, known, storeOf);
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
export function expectedWork(body: readonly Literal[], start: number, storeOf: (relation: string) => RowStore): number {
  const known = new Set<number>();
  const first = body[start];
  if (first?.kind !== "atom") return Number.POSITIVE_INFINITY;
  bindInto(first, known);
  let rows = storeOf(first.relation).end;
  let work = rows;
  for (const position of orderLiterals(body, known, start, storeOf)) {
    const literal = body[position] as Literal;
    if (literal.kind === "atom") {
      const store = storeOf(literal.relation);
      const columns = boundColumns(literal.terms, known);
      const hasIndex = columns.length === 0 || columns.length === store.arity || store.hasIndexWithin(columns);
      work += hasIndex ? rows : rows + store.end;
      rows *= Math.max(0.5, fanOut(store, columns));
    }
    work += rows;
    bindInto(literal, known);
  }
  return work;
}

function costOf(literal: Literal, known: ReadonlySet<number>, storeOf: (relation: string) => RowStore): number {
  switch (literal.kind) {
    case "test":
    case "equal":
      return -2;
    case "not":
      return -1;
    case "member":
      return isBound(literal.left, known) ? -1 : 4;
    case "atom":
      return fanOut(storeOf(literal.relation), boundColumns(literal.terms, known));
  }
}

/** Columns of an atom whose value is known before it runs. */
export function boundColumns(terms: readonly Term[], known: ReadonlySet<number>): number[] {
  const columns: number[] = [];
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i];
    if (term?.kind === "const" || (term?.kind === "var" && known.has(term.slot))) columns.push(i);
  }
  return columns;
}

function fanOut(store: RowStore, columns: readonly number[]): number {
  const nRows = store.end;
  if (columns.length === store.arity) return -0.5;
  if (columns.length === 0) return nRows + 1;
  if (nRows <= SMALL) return nRows / (1 + columns.length);
  const index = store.existingIndex(columns);
  if (index !== undefined) return nRows / Math.max(1, index.nKeys);
  return nRows / Math.min(nRows, estimateKeys(store, columns));
}
