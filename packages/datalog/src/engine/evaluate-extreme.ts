/**
 * Keeps recursive relations that hold the least (or greatest) value per group: shortest paths and their kin.
 *
 * What: for each group (all columns but one) the row with the best value that any rule derives from best rows. Why it is well-defined: the
 * checks admit only rules whose value never gets worse when what it is made of gets better, so there is one least fixpoint.
 * How: rows that come or improve go into a queue, and rules run from them; a better row takes the place of the old one. When
 * something below only gained rows, the queue starts from those; otherwise the stratum is computed anew, and the difference
 * to the old state is what changed. At the end rows get ranks, each above those of the rows it follows from, for proofs.
 * Limits: a lost row below costs what the whole stratum costs.
 */
import type { CoreRelation, CoreRule } from "../check/core.ts";
import { compareValues } from "../value.ts";
import type { Budget } from "./budget.ts";
import { IntList } from "./int-list.ts";
import { compilePlan, type Plan, type PlanContext, type Sink } from "./plan.ts";
import type { RowStore } from "./row-store.ts";
import type { Definition, Evaluator, RuleChange } from "./rule-change.ts";
import { RulePlans } from "./rule-plans.ts";
import { ALIVE, NEW_STATE } from "./views.ts";

interface Member {
  readonly store: RowStore;
  readonly column: number;
  readonly isMin: boolean;
  readonly groupColumns: readonly number[];
  /** Best rows by group, as far as this evaluation has met them. */
  readonly best: Map<string, number>;
  queue: IntList;
}

interface Rule {
  readonly rule: CoreRule;
  readonly plans: RulePlans;
  readonly head: Member;
  /** Literals over the stratum's own relations, and over those below. */
  readonly own: readonly { readonly position: number; readonly member: Member }[];
  readonly lower: readonly { readonly position: number; readonly store: RowStore; readonly isNegated: boolean }[];
  readonly improve: Sink;
  readonly rank: Sink;
  start: Plan | undefined;
}

/** Evaluates a stratum whose relations all keep extremes. */
export class ExtremeStratum implements Evaluator {
  readonly #context: PlanContext;
  readonly #budget: Budget;
  readonly #members: readonly Member[];
  readonly #rules: readonly Rule[];
  #round = 0;

  constructor(
    stores: readonly RowStore[],
    extremes: readonly (CoreRelation["extreme"] | undefined)[],
    rules: readonly CoreRule[],
    context: PlanContext,
    budget: Budget,
  ) {
    this.#context = context;
    this.#budget = budget;
    this.#members = stores.map((store, i): Member => {
      const { column, fn } = extremes[i] ?? { column: 0, fn: "min" };
      const groupColumns = Array.from({ length: store.arity }, (_, at) => at).filter((at) => at !== column);
      return { store, column, isMin: fn === "min", groupColumns, best: new Map(), queue: new IntList() };
    });
    this.#rules = rules.map((rule) => this.#prepareRule(rule));
  }

  evaluate(change?: RuleChange): void {
    const hasLost = this.#rules.some(({ lower }) =>
      lower.some(({ store, isNegated }) => (isNegated ? store.added : store.deleted).length > 0),
    );
    for (const { best } of this.#members) best.clear();
    if (hasLost || change !== undefined) this.#startAnew();
    else this.#startFromGains();
    this.#propagate();
    for (const { store } of this.#members) store.enterIndexes();
    this.#rankAll();
    for (const { store } of this.#members) store.settle();
  }

  adopt({ rules }: Definition): void {
    for (const [i, rule] of rules.entries()) this.#rules[i]?.plans.adopt(rule);
  }

  forget(): void {
    for (const rule of this.#rules) {
      rule.plans.forget();
      rule.start = undefined;
    }
  }

  #prepareRule(given: CoreRule): Rule {
    const plans = new RulePlans(given, this.#context);
    const { rule } = plans;
    const memberOf = (relation: string): Member | undefined => this.#members.find(({ store }) => store.name === relation);
    const own: Rule["own"][number][] = [];
    const lower: Rule["lower"][number][] = [];
    for (const [position, literal] of rule.body.entries()) {
      if (literal.kind !== "atom" && literal.kind !== "not") continue;
      const member = literal.kind === "atom" ? memberOf(literal.relation) : undefined;
      if (member !== undefined) own.push({ position, member });
      else lower.push({ position, store: this.#context.storeOf(literal.relation), isNegated: literal.kind === "not" });
    }
    const [first] = this.#members;
    const head = memberOf(rule.relation) ?? (first as Member);
    const improve: Sink = { kind: "call", tell: (plan) => this.#improve(rule, head, plan) };
    const rank: Sink = { kind: "call", tell: (plan) => this.#giveRank(rule, head, own, plan) };
    return { rule, plans, head, own, lower, improve, rank, start: undefined };
  }

  #startAnew(): void {
    for (const { store } of this.#members) store.takeAllOut();
    for (const rule of this.#rules) if (rule.own.length === 0) this.#runFromNothing(rule, rule.improve);
  }

  #startFromGains(): void {
    for (const rule of this.#rules) {
      for (const { position, store, isNegated } of rule.lower) {
        const gained = isNegated ? store.deleted : store.added;
        if (gained.length > 0)
          rule.plans.fromLiteral("gain", position, () => NEW_STATE, rule.improve).run(gained.items, gained.length, 1);
      }
    }
  }

  #propagate(): void {
    for (let batches = this.#takeQueues(); batches.length > 0; batches = this.#takeQueues()) {
      for (const { member, rows } of batches) {
        for (const rule of this.#rules) {
          for (const { position, member: from } of rule.own) {
            if (from !== member) continue;
            const plan = rule.plans.fromLiteral("grow", position, () => NEW_STATE, rule.improve);
            plan.run(rows.items, rows.length, 1);
          }
        }
      }
    }
  }

  /** The queued rows that are still the best of their groups. */
  #takeQueues(): { member: Member; rows: IntList }[] {
    return this.#members.flatMap((member) => {
      const { store, queue } = member;
      if (queue.length === 0) return [];
      member.queue = new IntList();
      store.enterIndexes();
      const rows = new IntList();
      for (const row of queue.values()) if (((store.flags[row] as number) & ALIVE) !== 0) rows.push(row);
      return [{ member, rows }];
    });
  }

  #improve(rule: CoreRule, member: Member, plan: Plan): boolean {
    const { store, column, isMin, best } = member;
    const tuple = this.#tupleOf(rule, plan);
    const group = member.groupColumns.map((at) => tuple[at]).join();
    const old = best.get(group) ?? this.#bestInIndex(member, tuple);
    const value = tuple[column] as number;
    if (old >= 0) {
      const before = store.data[old * store.stride + column] as number;
      if (before === value) return false;
      const { interner } = this.#context;
      if (compareValues(interner.valueOf(value), interner.valueOf(before)) < 0 !== isMin) return false;
      store.touch(old);
      store.flags[old] = (store.flags[old] as number) & ~ALIVE;
    }
    this.#budget.spend(rule.origin, rule.relation);
    const row = store.findOrAdd(tuple);
    store.touch(row);
    store.flags[row] = (store.flags[row] as number) | ALIVE;
    best.set(group, row);
    member.queue.push(row);
    return false;
  }

  /** The best row of a group that this evaluation has not met yet. */
  #bestInIndex({ store, groupColumns, column }: Member, tuple: Int32Array): number {
    if (groupColumns.length === 0) {
      for (let row = 0; row < store.end; row++) if (((store.flags[row] as number) & ALIVE) !== 0) return row;
      return -1;
    }
    const key = tuple.filter((_, at) => at !== column);
    for (const row of store.index(groupColumns).rowsOf(key)) if (((store.flags[row] as number) & ALIVE) !== 0) return row;
    return -1;
  }

  /** Rank 1 for what follows from below alone, then round by round what follows from rows that have a rank. */
  #rankAll(): void {
    for (const { store } of this.#members) {
      for (let row = 0; row < store.end; row++) {
        if (((store.flags[row] as number) & ALIVE) === 0) continue;
        store.touch(row);
        store.setRank(row, 0);
      }
    }
    this.#round = 1;
    for (const rule of this.#rules) if (rule.own.length === 0) this.#runFromNothing(rule, rule.rank);
    for (let batches = this.#takeQueues(); batches.length > 0; batches = this.#takeQueues()) {
      this.#round++;
      for (const { member, rows } of batches) {
        for (const rule of this.#rules) {
          for (const { position, member: from } of rule.own) {
            if (from !== member) continue;
            rule.plans.fromLiteral("rank", position, () => NEW_STATE, rule.rank).run(rows.items, rows.length, 1);
          }
        }
      }
    }
  }

  #giveRank(rule: CoreRule, member: Member, own: Rule["own"], plan: Plan): boolean {
    const { store } = member;
    const row = store.find(this.#tupleOf(rule, plan));
    if (row < 0 || ((store.flags[row] as number) & ALIVE) === 0 || store.rankOf(row) !== 0) return false;
    const isKnown = own.every(({ position, member: from }) => {
      const rank = from.store.rankOf(plan.rows[position] as number);
      return rank > 0 && rank < this.#round;
    });
    if (!isKnown) return false;
    store.setRank(row, this.#round);
    member.queue.push(row);
    return false;
  }

  #runFromNothing(rule: Rule, sink: Sink): void {
    const isStart = sink === rule.improve;
    const known = isStart && rule.start?.isFresh() === true ? rule.start : undefined;
    const plan = known ?? compilePlan({ rule: rule.rule, from: "none", viewOf: () => NEW_STATE, sink }, this.#context);
    if (isStart) rule.start = plan;
    plan.run(new Int32Array(0), 0, 1);
  }

  #tupleOf({ head }: CoreRule, { registers }: Plan): Int32Array {
    return Int32Array.from(head, (term) => {
      if (term.kind === "var") return registers[term.slot] as number;
      return this.#context.interner.idOf(term.kind === "const" ? term.value : null);
    });
  }
}
