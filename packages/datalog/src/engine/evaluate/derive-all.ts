/** Derives what follows by a rule that had no derivation, because a table of its body had no row: all that it finds is new. */
import { expectedWork } from "../plan/order-literals.ts";
import type { PlanContext, Sink } from "../plan/plan.ts";
import type { RulePlans } from "../plan/rule-plans.ts";
import type { RowStore } from "../rows/row-store.ts";
import { NEW_STATE } from "../rows/views.ts";

/** A literal over a relation below. */
export interface LowerLiteral {
  readonly position: number;
  readonly store: RowStore;
  readonly isNegated: boolean;
}

/** True if one of the tables was empty before this evaluation. */
export function hadNoDerivation(literals: readonly LowerLiteral[]): boolean {
  return literals.some(isNew);
}

/** One join, from the new table that promises the least work, instead of one for each table that changed. */
export function deriveAll(plans: RulePlans, literals: readonly LowerLiteral[], sink: Sink, context: PlanContext): void {
  const starts = literals.filter(isNew);
  if (starts.some(({ store }) => store.added.length === 0)) return;
  const works = starts.map(({ position }) => (starts.length === 1 ? 0 : expectedWork(plans.rule.body, position, context)));
  const best = starts[works.indexOf(Math.min(...works))];
  if (best === undefined) return;
  const { items, length } = best.store.added;
  plans.fromLiteral("all", best.position, () => NEW_STATE, sink).run(items, length, 1);
}

function isNew({ isNegated, store }: LowerLiteral): boolean {
  return !isNegated && store.size === 0;
}
