/**
 * Keeps a relation that does not depend on itself: each row carries the number of its derivations.
 *
 * A change of one literal is joined with the literals before it in the new state and those after it in the old state, so that each
 * derivation gained or lost is met exactly once. A row is there as long as its count is positive.
 */
import type { CoreRule, Literal } from "../check/core.ts";
import type { Budget } from "./budget.ts";
import { expectedWork } from "./order-literals.ts";
import type { Plan, PlanContext, Sink } from "./plan.ts";
import type { RowStore } from "./row-store.ts";
import { RulePlans } from "./rule-plans.ts";
import { ALIVE, NEW_STATE, OLD_STATE, ONE_MORE } from "./views.ts";

interface Rule {
  readonly plans: RulePlans;
  readonly sink: Sink;
  /** Literals over relations. */
  readonly literals: readonly { readonly position: number; readonly store: RowStore; readonly isNegated: boolean }[];
}

/** Evaluates all rules of one relation. */
export class CountingRelation {
  readonly store: RowStore;
  readonly #rules: readonly Rule[];
  readonly #context: PlanContext;

  constructor(store: RowStore, rules: readonly CoreRule[], context: PlanContext, budget: Budget) {
    this.store = store;
    this.#context = context;
    this.#rules = rules.map((rule) => prepare(rule, context, budget));
  }

  /** Brings the relation up to date with the changes of the relations it reads. */
  evaluate(): void {
    for (const rule of this.#rules) {
      if (rule.literals.some(({ store, isNegated }) => !isNegated && store.size === 0)) deriveAll(rule, this.#context);
      else deriveChanges(rule);
    }
    const { flags } = this.store;
    const { items, length } = this.store.touched();
    for (let i = 0; i < length; i++) {
      const row = items[i] as number;
      const state = flags[row] as number;
      flags[row] = state >= ONE_MORE ? state | ALIVE : state & ~ALIVE;
    }
    this.store.settle();
  }

  /** Makes the plans for changes, and with them the indexes. */
  prepare(): void {
    for (const rule of this.#rules) for (const { position } of rule.literals) planOfChange(rule, position);
  }

  /** Drops compiled plans. */
  forget(): void {
    for (const { plans } of this.#rules) plans.forget();
  }
}

/** A rule that had no derivation, because a literal had no row: all of them are new. They are sought from the new table that is best. */
function deriveAll(rule: Rule, context: PlanContext): void {
  const { plans, sink, literals } = rule;
  const starts = literals.filter(({ isNegated, store }) => !isNegated && store.size === 0);
  if (starts.some(({ store }) => store.added.length === 0)) return;
  const works = starts.map(({ position }) =>
    starts.length === 1 ? 0 : expectedWork(plans.rule.body, position, (relation) => context.storeOf(relation)),
  );
  const best = starts[works.indexOf(Math.min(...works))];
  if (best === undefined) return;
  const { items, length } = best.store.added;
  plans.fromLiteral("all", best.position, () => NEW_STATE, sink).run(items, length, 1);
}

function deriveChanges(rule: Rule): void {
  for (const { position, store, isNegated } of rule.literals) {
    const { added, deleted } = store;
    if (added.length === 0 && deleted.length === 0) continue;
    const plan = planOfChange(rule, position);
    const weight = isNegated ? -1 : 1;
    plan.run(deleted.items, deleted.length, -weight);
    plan.run(added.items, added.length, weight);
  }
}

function planOfChange({ plans, sink }: Rule, position: number): Plan {
  return plans.fromLiteral("change", position, (i) => (i < position ? NEW_STATE : OLD_STATE), sink);
}

function prepare(rule: CoreRule, context: PlanContext, budget: Budget): Rule {
  const literals = rule.body.flatMap((literal: Literal, position) => {
    if (literal.kind !== "atom" && literal.kind !== "not") return [];
    return [{ position, store: context.storeOf(literal.relation), isNegated: literal.kind === "not" }];
  });
  const sink: Sink = { kind: "count", budget, tell: () => budget.refuse(rule.origin, rule.relation) };
  return { plans: new RulePlans(rule, context), sink, literals };
}
