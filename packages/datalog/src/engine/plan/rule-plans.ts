/** The compiled plans of one rule, made when first needed and again when the tables have outgrown them. */
import type { CoreRule } from "../../check/core.ts";
import { compilePlan, type Plan, type PlanContext, type PlanRequest, type Sink } from "./plan.ts";
import type { View } from "../rows/views.ts";

/** Plans by the phase of the evaluation and the literal they start from. */
export class RulePlans {
  /** The rule's own copy: what is compiled reads from it where the rule stands. */
  readonly rule: CoreRule;
  readonly #context: PlanContext;
  /** By phase, then by the position of the literal, or of the open column. */
  readonly #plans = new Map<string, (Plan | undefined)[]>();

  constructor(rule: CoreRule, context: PlanContext) {
    this.rule = { ...rule };
    this.#context = context;
  }

  /** The plan of a phase that starts from a literal of the body. */
  fromLiteral(phase: string, literal: number, viewOf: (position: number) => View, sink: Sink): Plan {
    return this.#known(phase, literal) ?? this.#compile(phase, literal, { rule: this.rule, from: { literal }, viewOf, sink });
  }

  /** The plan of a phase that starts from a row of the head. */
  fromHead(phase: string, viewOf: (position: number) => View, sink: Sink): Plan {
    return this.#known(phase, 0) ?? this.#compile(phase, 0, { rule: this.rule, from: "head", viewOf, sink });
  }

  /** The same with one column of the head left open. */
  fromGroup(phase: string, open: number, viewOf: (position: number) => View, sink: Sink): Plan {
    return this.#known(phase, open) ?? this.#compile(phase, open, { rule: this.rule, from: { open }, viewOf, sink });
  }

  /** Takes an equal rule of another place or program in. */
  adopt(rule: CoreRule): void {
    Object.assign(this.rule, rule);
  }

  /** Drops the plans: the ids in them may not be valid any more. */
  forget(): void {
    this.#plans.clear();
  }

  /** Asked for several times in each transaction: without making anything. */
  #known(phase: string, position: number): Plan | undefined {
    const plan = this.#plans.get(phase)?.[position];
    return plan?.isFresh() === true ? plan : undefined;
  }

  #compile(phase: string, position: number, request: PlanRequest): Plan {
    const plans = this.#plans.get(phase) ?? [];
    this.#plans.set(phase, plans);
    const plan = compilePlan(request, this.#context, plans[position]);
    plans[position] = plan;
    return plan;
  }
}
