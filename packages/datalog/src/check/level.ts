/**
 * One level of a rule while it is rewritten: its variables, its literals so far, and the aggregates and negated groups that
 * still wait until all variables of the level are known.
 */
import type { AggregateExpr, Formula, Span } from "../language/ast.ts";
import type { Literal } from "./core.ts";

/** The variables and literals of one alternative of a body. */
export class Level {
  readonly literals: Literal[] = [];
  readonly slots: string[] = [];
  readonly spans: Span[] = [];
  readonly aggregates: { readonly syntax: AggregateExpr; readonly slot: number }[] = [];
  readonly groups: { readonly body: Formula; readonly span: Span }[] = [];
  /** Slots made for `_` and left-out columns, while they are counted as ways. */
  readonly ways: number[] = [];
  /** The alternative's own literals, context left out. */
  readonly formulas: readonly Formula[];
  /** True after a fault in this level: what follows from it is not reported. */
  isBroken = false;
  countsWays = false;
  readonly #slotByName = new Map<string, number>();

  constructor(formulas: readonly Formula[]) {
    this.formulas = formulas;
  }

  /** The slot of a named variable. */
  slotOf(name: string, span: Span): number {
    const known = this.#slotByName.get(name);
    if (known !== undefined) return known;
    const slot = this.fresh(name, span);
    this.#slotByName.set(name, slot);
    return slot;
  }

  /** The slot of a named variable, if the level has met it. */
  find(name: string): number | undefined {
    return this.#slotByName.get(name);
  }

  /** A slot that no name of the program refers to. */
  fresh(label: string, span: Span): number {
    this.slots.push(label);
    this.spans.push(span);
    return this.slots.length - 1;
  }
}

/** The most alternatives that one body may have. */
export const MAX_ALTERNATIVES = 256;

/** How many alternatives a body has once `or` is multiplied out. */
export function countAlternatives(formula: Formula | undefined): number {
  if (formula?.kind === "or") return formula.items.reduce((sum, item) => sum + countAlternatives(item), 0);
  if (formula?.kind === "and") return formula.items.reduce((product, item) => product * countAlternatives(item), 1);
  return 1;
}

/** The alternatives of a body: `or` multiplied out, each a flat list of literals. */
export function alternativesOf(formula: Formula | undefined): Formula[][] {
  if (formula === undefined) return [[]];
  if (formula.kind === "or") return formula.items.flatMap(alternativesOf);
  if (formula.kind !== "and") return [[formula]];
  let all: Formula[][] = [[]];
  for (const item of formula.items) {
    const choices = alternativesOf(item);
    all = all.flatMap((before) => choices.map((choice) => [...before, ...choice]));
  }
  return all;
}
