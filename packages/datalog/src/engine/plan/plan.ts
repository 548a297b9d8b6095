/**
 * Compiles a rule, seen from one of its literals, to JavaScript.
 *
 * What: nested loops over indexes in one function, which runs over a whole batch of rows. A plan starts from rows of one literal (a
 * delta), from heads whose derivations are wanted, or from nothing; what it does with a derivation is part of the function.
 * Why: V8 keeps variables in registers, and each plan learns its own types; closures per literal cost three times as much.
 * How: variables become `v0`, `v1`, …; rows, stores and functions come in by number. No text of a program enters the source: names
 * are numbers, constants are ids.
 * Limits: typed arrays are fetched once per run. Stores that grow meanwhile give new arrays; the rows in those are not yet to be seen.
 */
import type { CoreRule, RuleOrigin } from "../../check/core.ts";
import type { ExpressionContext } from "./expression.ts";
import { type PlanSource, writePlan } from "./plan-source.ts";
import type { IntList } from "../rows/int-list.ts";
import type { RowStore } from "../rows/row-store.ts";
import type { View } from "../rows/views.ts";

/** What plans of one engine share. */
export interface PlanContext extends ExpressionContext {
  storeOf(relation: string): RowStore;
  /** Throws when the evaluation has taken too long. */
  checkTime(origin: RuleOrigin, relation: string): void;
}

/** Counts the tuples that a transaction makes. */
interface TupleBudget {
  /** Takes one off; false when there is none left. */
  take(): boolean;
}

/** What a plan does with each derivation. */
export type Sink =
  /** Adds the weight to the count of the head's row; told when the budget has no tuple left for a new one. */
  | { readonly kind: "count"; readonly budget: TupleBudget; tell(): void }
  /** Recursive strata: the derivation is gained. A row that comes alive is put on the list; told when there is no tuple left for it. */
  | {
      readonly kind: "gain";
      readonly recursive: readonly number[];
      readonly queue: { readonly rows: IntList; readonly isUsed: boolean };
      readonly budget: TupleBudget;
      tell(): void;
    }
  /** Recursive strata: the derivation is lost or noted; ranks are those of the literals at `recursive`. */
  | {
      readonly kind: "lose" | "note";
      readonly recursive: readonly number[];
      /** `lose`: the row has no derivation left; `note`: a derivation from this rank. */
      tell(row: number, rank: number): void;
    }
  /** Calls with registers, rows and head filled in; true stops the search. */
  | { readonly kind: "call"; tell(plan: Plan): boolean };

/** Where a plan starts and how it reads. */
export interface PlanRequest {
  readonly rule: CoreRule;
  /** Rows of the literal at this position; rows of the head, maybe with one column left open; or nothing. */
  readonly from: { readonly literal: number } | { readonly open: number } | "head" | "none";
  /** The view that the literal at a position is read through. */
  viewOf(position: number): View;
  readonly sink: Sink;
  /** Literals in the order of the source instead of the cheapest; told of each literal that is reached. */
  readonly trace?: (plan: Plan, nPassed: number) => void;
}

/** A compiled rule. */
export interface Plan {
  readonly rule: CoreRule;
  readonly written: PlanSource;
  /** Ids of the variables; all of them only for a sink that is called. */
  readonly registers: Int32Array;
  /** Row of each positive literal in the derivation at hand, for a sink that is called. */
  readonly rows: Int32Array;
  /** Positions of literals in the order they run. */
  readonly order: readonly number[];
  /**
   * Runs from the first `n` rows of the starting literal or head; for a plan from nothing, once. True if the sink stopped it.
   *
   * @param first - if it is there and not negative, the first of `n` consecutive rows to run from; `rows` is then a 0
   */
  run(rows: Int32Array, n: number, weight: number, first?: number): boolean;
  /** True while the sizes of the tables are near those it was planned for. */
  isFresh(): boolean;
}

/**
 * Compiles a plan.
 *
 * @param before - the plan of the same request for tables of other sizes; it is given back if it still is the best, because V8 has
 *   made fast code of it
 */
export function compilePlan(request: PlanRequest, context: PlanContext, before?: Plan): Plan {
  const { rule } = request;
  const written = writePlan(request, context);
  if (before !== undefined && isSame(before.written, written))
    return Object.assign(before, { isFresh: freshness(rule, context) });
  const { source, environment, order } = written;
  const plan: Plan = {
    rule,
    written,
    registers: environment.registers,
    rows: environment.rows,
    order,
    run: () => false,
    isFresh: freshness(rule, context),
  };
  const { sink, trace } = request;
  const run = new Function("E", source)({
    ...environment,
    tell: sink.kind === "call" ? () => sink.tell(plan) : sink.tell,
    checkTime: () => context.checkTime(rule.origin, rule.relation),
    budget: "budget" in sink ? sink.budget : undefined,
    queue: "queue" in sink ? sink.queue : undefined,
    trace: (nPassed: number) => trace?.(plan, nPassed),
  }) as Plan["run"];
  return Object.assign(plan, { run });
}

/** True if both do the same: then what they call and search by number is the same, too. */
function isSame(a: PlanSource, b: PlanSource): boolean {
  const [x, y] = [a.environment, b.environment];
  return (
    a.source === b.source &&
    x.stores.every((store, i) => store === y.stores[i]) &&
    x.indexes.every((index, i) => index === y.indexes[i]) &&
    x.searches.every(({ index }, i) => index === y.searches[i]?.index)
  );
}

/** Tables that grew to eight times their size, or shrank so much, want another order. */
function freshness(rule: CoreRule, context: PlanContext): () => boolean {
  const stores = rule.body.flatMap((literal) => (literal.kind === "atom" ? [context.storeOf(literal.relation)] : []));
  const most = stores.map((store) => store.end * 8 + 64);
  const least = stores.map((store) => (store.end >> 3) - 64);
  return () => {
    for (let i = 0; i < stores.length; i++) {
      const { end } = stores[i] as RowStore;
      if (end > (most[i] as number) || end < (least[i] as number)) return false;
    }
    return true;
  };
}
