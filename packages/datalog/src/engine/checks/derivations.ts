/**
 * All derivations of a rule, found the plain way: the second opinion that the engine's own plans are checked against.
 *
 * It shares the values, functions and readiness of literals with the plans, and nothing else: no generated source, no index of a store, no
 * chosen order. Tables that share variables with what is known are grouped by them first, so that thousands of rows can be checked.
 */
import type { CoreExpr, CoreRule, Literal, Term } from "../../check/core.ts";
import { bindInto, equalDirection } from "../../check/safety.ts";
import type { Value } from "../../value.ts";
import { boundColumns } from "../plan/access.ts";
import { FunctionError } from "../errors.ts";
import { compileExpr, compileSet, type ExpressionContext, type ExpressionFrame, type IdOf } from "../plan/expression.ts";
import { NONE } from "../rows/interner.ts";
import { orderAsWritten } from "../plan/order-literals.ts";
import type { PlanContext } from "../plan/plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import { ALIVE } from "../rows/views.ts";

/** Called with the ids of the head and the row of each positive literal (-1 at the others); both change with the next call. */
export type OnDerivation = (head: Int32Array, rows: Int32Array) => void;

/** Goes on with each way to satisfy a literal. */
type Step = (goOn: () => void) => void;

const TRUE = 4;

/** Visits the derivations of a rule from the rows that are there. Only between transactions. */
export function visitDerivations(rule: CoreRule, context: PlanContext, visit: OnDerivation): void {
  new Search(rule, context).run(visit);
}

class Search {
  readonly #rule: CoreRule;
  readonly #storeOf: PlanContext["storeOf"];
  readonly #context: ExpressionContext;
  readonly #frame: ExpressionFrame;
  readonly #registers: Int32Array;
  readonly #rows: Int32Array;
  readonly #known = new Set<number>();

  constructor(rule: CoreRule, { interner, storeOf }: PlanContext) {
    this.#rule = rule;
    this.#storeOf = storeOf;
    this.#context = { interner, results: new Map(), sets: new Map(), spend: () => undefined };
    this.#registers = new Int32Array(rule.slots.length);
    this.#rows = new Int32Array(rule.body.length).fill(-1);
    this.#frame = { registers: this.#registers, rule };
  }

  run(visit: OnDerivation): void {
    const { body, head } = this.#rule;
    const steps = orderAsWritten(body).map((position): Step => {
      const literal = body[position] as Literal;
      const step = this.#step(literal, position);
      bindInto(literal, this.#known);
      return step;
    });
    const ids = head.map((term) => this.#term(term));
    const tuple = new Int32Array(head.length);
    const tell = (): void => {
      for (const [i, idOf] of ids.entries()) tuple[i] = idOf();
      visit(tuple, this.#rows);
    };
    steps.reduceRight<() => void>((goOn, step) => () => step(goOn), tell)();
  }

  #step(literal: Literal, position: number): Step {
    switch (literal.kind) {
      case "atom":
        return this.#atom(literal.terms, this.#storeOf(literal.relation), position);
      case "not": {
        const store = this.#storeOf(literal.relation);
        const ids = literal.terms.map((term) => this.#term(term));
        return (goOn) => {
          const row = store.find(Int32Array.from(ids, (idOf) => idOf()));
          if (row < 0 || ((store.flags[row] as number) & ALIVE) === 0) goOn();
        };
      }
      case "test": {
        const holds = this.#value(literal.expr);
        return (goOn) => {
          if (holds() === TRUE) goOn();
        };
      }
      case "equal": {
        const isMirrored = equalDirection(literal, this.#known) === "right";
        const [pattern, expr] = isMirrored ? [literal.right, literal.left] : [literal.left, literal.right];
        const [idOf, fits] = [this.#value(expr), this.#pattern(pattern)];
        return (goOn) => {
          const id = idOf();
          if (id !== NONE && fits(id)) goOn();
        };
      }
      case "member": {
        const elements = compileSet(literal.right, this.#frame, this.#context);
        const fits = this.#pattern(literal.left);
        return (goOn) => {
          for (const id of orNothing(elements, [])) if (fits(id)) goOn();
        };
      }
    }
  }

  #atom(terms: readonly Term[], store: RowStore, position: number): Step {
    const columns = boundColumns(terms, this.#known);
    const groups = groupRows(store, columns);
    const key = columns.map((column) => this.#term(terms[column] as Term));
    const known = new Set(this.#known);
    const others = terms.flatMap((term, column) => {
      if (term.kind !== "var" || columns.includes(column)) return [];
      const isFirst = !known.has(term.slot);
      known.add(term.slot);
      return [{ column, slot: term.slot, isFirst }];
    });
    const { data, stride } = store;
    const fits = (row: number): boolean =>
      others.every(({ column, slot, isFirst }) => {
        const id = data[row * stride + column] as number;
        if (isFirst) this.#registers[slot] = id;
        return this.#registers[slot] === id;
      });
    return (goOn) => {
      for (const row of groups.get(key.map((idOf) => idOf()).join()) ?? []) {
        if (!fits(row)) continue;
        this.#rows[position] = row;
        goOn();
      }
    };
  }

  /** Tells whether a value fits, and binds what is unknown. */
  #pattern(pattern: CoreExpr): (id: number) => boolean {
    if (pattern.kind === "any") return () => true;
    if (pattern.kind === "var" && !this.#known.has(pattern.slot)) {
      const { slot } = pattern;
      this.#known.add(slot);
      return (id) => {
        this.#registers[slot] = id;
        return true;
      };
    }
    if (pattern.kind !== "list") {
      const idOf = this.#value(pattern);
      return (id) => idOf() === id;
    }
    const { interner } = this.#context;
    const items = pattern.items.map((item) => this.#pattern(item));
    return (id) => {
      const value: Value = interner.valueOf(id);
      return Array.isArray(value) && value.length === items.length && items.every((fits, i) => fits(interner.idOf(value[i])));
    };
  }

  #value(expr: CoreExpr): IdOf {
    const idOf = compileExpr(expr, this.#frame, this.#context);
    return () => orNothing(idOf, NONE);
  }

  #term(term: Term): IdOf {
    return compileExpr(term, this.#frame, this.#context);
  }
}

/** A function may fail on rows that the engine's order never hands to it: no derivation comes of them. */
function orNothing<T>(compute: () => T, nothing: T): T {
  try {
    return compute();
  } catch (error) {
    if (error instanceof FunctionError) return nothing;
    throw error;
  }
}

function groupRows(store: RowStore, columns: readonly number[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (let row = 0; row < store.end; row++) {
    if (((store.flags[row] as number) & ALIVE) === 0) continue;
    const key = columns.map((column) => store.data[row * store.stride + column]).join();
    const rows = groups.get(key);
    if (rows === undefined) groups.set(key, [row]);
    else rows.push(row);
  }
  return groups;
}
