/**
 * Keeps a relation that does not depend on itself: each row carries the number of its derivations.
 *
 * A change of one literal is joined with the literals before it in the new state and those after it in the old state, so that each
 * derivation gained or lost is met exactly once. A row is there as long as its count is positive.
 */
import type { CoreRule, Literal } from "../check/core.ts";
import type { Budget } from "./budget.ts";
import type { PlanContext, Sink } from "./plan.ts";
import type { RowStore } from "./row-store.ts";
import { RulePlans } from "./rule-plans.ts";
import { ALIVE, NEW_STATE, OLD_STATE } from "./views.ts";

interface Source {
  readonly plans: RulePlans;
  readonly sink: Sink;
  readonly position: number;
  readonly store: RowStore;
  readonly isNegated: boolean;
  /** Stores of the positive literals behind the position: read in the old state. */
  readonly after: readonly RowStore[];
}

/** Evaluates all rules of one relation. */
export class CountingRelation {
  readonly store: RowStore;
  readonly #sources: readonly Source[];

  constructor(store: RowStore, rules: readonly CoreRule[], context: PlanContext, budget: Budget) {
    this.store = store;
    this.#sources = rules.flatMap((rule) => sourcesOf(rule, context, budget));
  }

  /** Brings the relation up to date with the changes of the relations it reads. */
  evaluate(): void {
    for (const source of this.#sources) {
      const { added, deleted } = source.store;
      if (added.length === 0 && deleted.length === 0) continue;
      if (source.after.some((store) => store.size === 0)) continue;
      const { plans, position, sink } = source;
      const viewOf = (i: number) => (i < position ? NEW_STATE : OLD_STATE);
      const plan = plans.fromLiteral("count", position, viewOf, sink);
      const weight = source.isNegated ? -1 : 1;
      plan.run(deleted.items, deleted.length, -weight);
      plan.run(added.items, added.length, weight);
    }
    const { flags, data, stride, arity } = this.store;
    for (const row of this.store.touched()) {
      const isAlive = (data[row * stride + arity] as number) > 0;
      flags[row] = isAlive ? (flags[row] as number) | ALIVE : (flags[row] as number) & ~ALIVE;
    }
    this.store.settle();
  }

  /** Drops compiled plans. */
  forget(): void {
    for (const { plans } of this.#sources) plans.forget();
  }
}

function sourcesOf(rule: CoreRule, context: PlanContext, budget: Budget): Source[] {
  const plans = new RulePlans(rule, context);
  const sink: Sink = { kind: "count", spend: () => budget.spend(rule.origin, rule.relation) };
  return rule.body.flatMap((literal: Literal, position): Source[] => {
    if (literal.kind !== "atom" && literal.kind !== "not") return [];
    const after = rule.body
      .slice(position + 1)
      .flatMap((other) => (other.kind === "atom" ? [context.storeOf(other.relation)] : []));
    return [{ plans, sink, position, store: context.storeOf(literal.relation), isNegated: literal.kind === "not", after }];
  });
}
