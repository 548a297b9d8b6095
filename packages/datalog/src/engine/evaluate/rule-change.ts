/**
 * A change of the rules of a stratum, as its evaluator sees it: rules that come and go, at the same time as rows below.
 *
 * A rule that goes takes with it the derivations that it had in the state before, one that comes brings those that it has in the
 * state after; the others follow the rows below as always.
 */
import type { CoreAggregate, CoreRule } from "../../check/core.ts";
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import { expectedWork } from "../plan/order-literals.ts";
import { compilePlan, type PlanContext, type Sink } from "../plan/plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import type { View } from "../rows/views.ts";

/** What is other than before in the rules of a stratum. */
export interface RuleChange {
  /** True if nothing that was derived counts any more: then all rules come, and none goes. */
  readonly isAnew: boolean;
  /** Positions of the rules that come, among all of the stratum. */
  readonly added: ReadonlySet<number>;
  readonly removed: readonly CoreRule[];
  /** Finds the relations as the rules that go know them. */
  readonly before: PlanContext;
}

/** The rules of a stratum, or its aggregate. */
export interface Definition {
  readonly rules: readonly CoreRule[];
  readonly aggregate?: CoreAggregate;
}

/** Keeps the relations of a stratum. */
export interface Evaluator {
  /** Brings the relations up to date with those that they read, and with a change of their rules if there is one. */
  evaluate(change?: RuleChange): void;
  /** Takes in the same rules, in the same order, from other places. */
  adopt(definition: Definition): void;
  /** Makes the plans for changes, and with them the indexes. */
  prepare?(): void;
  /** Drops compiled plans. */
  forget?(): void;
  /** Forgets an evaluation that failed half-way. */
  abandon?(): void;
  /** The evaluation is over: hands out how to undo what is kept besides rows, if there is something. */
  finish?(): (() => void) | undefined;
  /** The transaction is over: nothing will be undone. */
  release?(): void;
  /** Writes what is kept besides rows. */
  save?(to: SectionWriter, name: string): void;
  /** Takes over what {@link save} wrote, when the stores were loaded. */
  load?(from: SectionReader<unknown>, name: string): void;
}

/** Runs a rule over all rows that its literals show, from the table that promises the least work. */
export function runWholly(
  rule: CoreRule,
  viewOf: (position: number) => View,
  sink: Sink,
  weight: number,
  context: PlanContext,
): void {
  const { body } = rule;
  const storeOf = (relation: string): RowStore => context.storeOf(relation);
  let best: { position: number; relation: string } | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [position, literal] of body.entries()) {
    if (literal.kind !== "atom") continue;
    if (storeOf(literal.relation).end === 0) return;
    const work = expectedWork(body, position, context);
    if (best !== undefined && work >= least) continue;
    best = { position, relation: literal.relation };
    least = work;
  }
  if (best === undefined) return;
  const { items, length } = storeOf(best.relation).shown(viewOf(best.position));
  if (length > 0) compilePlan({ rule, from: { literal: best.position }, viewOf, sink }, context).run(items, length, weight);
}
