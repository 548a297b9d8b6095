/**
 * Keeps a relation that does not depend on itself: each row carries the number of its derivations.
 *
 * A change of one literal is joined with the literals before it in the new state and those after it in the old state, so that each
 * derivation gained or lost is met exactly once. A row is there as long as its count is positive.
 */
import type { CoreRule, Literal } from "../../check/core.ts";
import type { Budget } from "./budget.ts";
import { deriveAll, hadNoDerivation, type LowerLiteral } from "./derive-all.ts";
import type { Plan, PlanContext, Sink } from "../plan/plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import { type Definition, type Evaluator, type RuleChange, runWholly } from "./rule-change.ts";
import { RulePlans } from "../plan/rule-plans.ts";
import { ALIVE, NEW_STATE, OLD_STATE, ONE_MORE } from "../rows/views.ts";

/** A rule with its compiled plans. */
export interface CountedRule {
  readonly plans: RulePlans;
  readonly sink: Sink;
  /** Literals over relations. */
  readonly literals: readonly LowerLiteral[];
}

/** For derivations that go: they make no row. */
const UNCOUNTED: Sink = { kind: "count", budget: { take: () => true }, tell: () => undefined };

/** Evaluates all rules of one relation. */
export class CountingRelation implements Evaluator {
  readonly store: RowStore;
  readonly #rules: readonly CountedRule[];
  readonly #context: PlanContext;

  /** @param known - by position, equal rules of the same relation before its rules changed */
  constructor(
    store: RowStore,
    rules: readonly CoreRule[],
    context: PlanContext,
    budget: Budget,
    known: readonly (CountedRule | undefined)[] = [],
  ) {
    this.store = store;
    this.#context = context;
    this.#rules = rules.map((rule, i) => {
      const before = known[i];
      if (before === undefined || !readsTheSame(before, context)) return prepare(rule, context, budget);
      before.plans.adopt(rule);
      return before;
    });
  }

  evaluate(change?: RuleChange): void {
    if (change?.isAnew === true) this.store.takeAllOut();
    for (const rule of change?.removed ?? []) {
      runWholly(rule, () => OLD_STATE, UNCOUNTED, -1, change?.before ?? this.#context);
    }
    for (const [i, rule] of this.#rules.entries()) {
      if (change?.added.has(i) === true) runWholly(rule.plans.rule, () => NEW_STATE, rule.sink, 1, this.#context);
      else if (hadNoDerivation(rule.literals)) deriveAll(rule.plans, rule.literals, rule.sink, this.#context);
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

  /** The rule at a position, to be known to who comes after. */
  ruleAt(position: number): CountedRule | undefined {
    return this.#rules[position];
  }

  adopt({ rules }: Definition): void {
    for (const [i, rule] of rules.entries()) this.#rules[i]?.plans.adopt(rule);
  }

  prepare(): void {
    for (const rule of this.#rules) for (const { position } of rule.literals) planOfChange(rule, position);
  }

  forget(): void {
    for (const { plans } of this.#rules) plans.forget();
  }
}

function deriveChanges(rule: CountedRule): void {
  for (const { position, store, isNegated } of rule.literals) {
    const { added, deleted } = store;
    if (added.length === 0 && deleted.length === 0) continue;
    const plan = planOfChange(rule, position);
    const weight = isNegated ? -1 : 1;
    plan.run(deleted.items, deleted.length, -weight);
    plan.run(added.items, added.length, weight);
  }
}

function planOfChange({ plans, sink }: CountedRule, position: number): Plan {
  return plans.fromLiteral("change", position, (i) => (i < position ? NEW_STATE : OLD_STATE), sink);
}

function readsTheSame({ plans, literals }: CountedRule, context: PlanContext): boolean {
  return literals.every(({ position, store }) => {
    const literal = plans.rule.body[position];
    return (literal?.kind === "atom" || literal?.kind === "not") && context.storeOf(literal.relation) === store;
  });
}

function prepare(rule: CoreRule, context: PlanContext, budget: Budget): CountedRule {
  const literals = rule.body.flatMap((literal: Literal, position) => {
    if (literal.kind !== "atom" && literal.kind !== "not") return [];
    return [{ position, store: context.storeOf(literal.relation), isNegated: literal.kind === "not" }];
  });
  const plans = new RulePlans(rule, context);
  const sink: Sink = { kind: "count", budget, tell: () => budget.refuse(plans.rule.origin, rule.relation) };
  return { plans, sink, literals };
}
