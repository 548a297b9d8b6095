/**
 * Keeps relations that depend on themselves, by rank-strict support counting.
 *
 * What: each row has a fixed rank, one more than the highest rank among the recursive rows of its first derivation, and a count of
 * the derivations whose recursive rows all have a smaller rank. A positive count is a proof without cycles; a row whose count drops to
 * zero is dead unless it can be derived anew from what survives.
 * Why: deleting costs what is lost. (Deleting all that might depend on a lost row and deriving it again costs what is near it.)
 * How: 1. losses of lower literals, then of dead rows in batches; 2. dead rows are derived backwards from survivors with a new rank;
 * 3. gains of lower literals, then of new rows in batches. Each derivation lost or gained is met once: by its first lost or last
 * gained literal, or the last batch that has one of its rows.
 * Limits: a change that truly removes much costs what it removes; ranks grow with the depth of the first derivation.
 */
import type { CoreRule } from "../check/core.ts";
import type { Budget } from "./budget.ts";
import type { Plan, PlanContext } from "./plan.ts";
import type { RowStore } from "./row-store.ts";
import { RulePlans } from "./rule-plans.ts";
import {
  ALIVE,
  CURRENT,
  GAIN_AFTER,
  KEPT,
  LOSS_AFTER,
  LOSS_BEFORE,
  NEW_STATE,
  OLD_STATE,
  PENDING,
  PROCESSED,
  SETTLED,
  type View,
} from "./views.ts";

interface Recursive {
  readonly plans: RulePlans;
  readonly head: RowStore;
  /** Positive literals of the same stratum, by position; `undefined` at the others. */
  readonly stores: readonly (RowStore | undefined)[];
  readonly recursive: readonly { readonly position: number; readonly store: RowStore }[];
  readonly lower: readonly { readonly position: number; readonly store: RowStore; readonly isNegated: boolean }[];
}

interface Batch {
  readonly store: RowStore;
  rows: number[];
}

/** Evaluates all rules of one recursive stratum. */
export class RecursiveStratum {
  readonly stores: readonly RowStore[];
  readonly #rules: readonly Recursive[];
  readonly #ruleOfPlan = new Map<CoreRule, Recursive>();
  readonly #budget: Budget;
  readonly #queues: Map<RowStore, Batch>;
  #bestRank = 0;
  #nBest = 0;
  readonly #lose = (plan: Plan): boolean => this.#loseDerivation(plan);
  readonly #gain = (plan: Plan): boolean => this.#gainDerivation(plan);
  readonly #rederive = (plan: Plan): boolean => this.#noteDerivation(plan);

  constructor(stores: readonly RowStore[], rules: readonly CoreRule[], context: PlanContext, budget: Budget) {
    this.stores = stores;
    this.#budget = budget;
    this.#queues = new Map(stores.map((store) => [store, { store, rows: [] }]));
    this.#rules = rules.map((rule) => this.#prepare(rule, context));
  }

  /** Brings the stratum up to date with the changes of the relations below it. */
  evaluate(): void {
    this.#loseLower();
    this.#propagateLosses();
    this.#deriveDeadAgain();
    this.#gainLower();
    this.#propagateGains();
    for (const store of this.stores) store.settle();
  }

  /** Forgets an evaluation that failed half-way. */
  abandon(): void {
    for (const queue of this.#queues.values()) queue.rows = [];
  }

  /** Drops compiled plans. */
  forget(): void {
    for (const { plans } of this.#rules) plans.forget();
  }

  #prepare(rule: CoreRule, context: PlanContext): Recursive {
    const members = new Set(this.stores);
    const stores = rule.body.map((literal) => {
      const store = literal.kind === "atom" ? context.storeOf(literal.relation) : undefined;
      return store !== undefined && members.has(store) ? store : undefined;
    });
    const recursive = stores.flatMap((store, position) => (store === undefined ? [] : [{ position, store }]));
    const lower = rule.body.flatMap((literal, position) => {
      if ((literal.kind !== "atom" && literal.kind !== "not") || stores[position] !== undefined) return [];
      return [{ position, store: context.storeOf(literal.relation), isNegated: literal.kind === "not" }];
    });
    const prepared = { plans: new RulePlans(rule, context), head: context.storeOf(rule.relation), stores, recursive, lower };
    this.#ruleOfPlan.set(rule, prepared);
    return prepared;
  }

  #loseLower(): void {
    for (const rule of this.#rules) {
      for (const { position, store, isNegated } of rule.lower) {
        const lost = isNegated ? store.added : store.deleted;
        if (lost.length === 0) continue;
        const viewOf = (i: number): View => (rule.stores[i] !== undefined || i > position ? OLD_STATE : KEPT);
        const plan = rule.plans.fromLiteral("lose", position, viewOf, this.#lose);
        for (const row of lost) plan.run(row);
      }
    }
  }

  #propagateLosses(): void {
    for (let batches = this.#takeQueues(); batches.length > 0; batches = this.#takeQueues()) {
      mark(batches, 0, CURRENT);
      this.#runBatches(batches, "die", this.#lose, (rule, position, i) => {
        if (rule.stores[i] === undefined) return KEPT;
        return i < position ? LOSS_BEFORE : LOSS_AFTER;
      });
      mark(batches, CURRENT, PROCESSED);
    }
  }

  #deriveDeadAgain(): void {
    for (const { store } of this.#queues.values()) {
      for (const row of store.journal.rows) {
        const flags = store.flags[row] as number;
        if ((flags & PROCESSED) === 0) continue;
        this.#bestRank = Number.MAX_SAFE_INTEGER;
        this.#nBest = 0;
        for (const rule of this.#rules) {
          if (rule.head !== store) continue;
          const viewOf = (i: number): View => (rule.stores[i] === undefined ? KEPT : SETTLED);
          rule.plans.fromHead("rederive", viewOf, this.#rederive).run(row);
        }
        if (this.#nBest > 0) this.#revive(store, row, this.#bestRank + 1, this.#nBest);
      }
    }
  }

  #gainLower(): void {
    for (const rule of this.#rules) {
      for (const { position, store, isNegated } of rule.lower) {
        const gained = isNegated ? store.deleted : store.added;
        if (gained.length === 0 || rule.recursive.some((literal) => literal.store.end === 0)) continue;
        const viewOf = (i: number): View => (rule.stores[i] !== undefined ? SETTLED : i < position ? NEW_STATE : KEPT);
        const plan = rule.plans.fromLiteral("gain", position, viewOf, this.#gain);
        for (const row of gained) plan.run(row);
      }
    }
  }

  #propagateGains(): void {
    for (let batches = this.#takeQueues(); batches.length > 0; batches = this.#takeQueues()) {
      mark(batches, PENDING, CURRENT);
      this.#runBatches(batches, "grow", this.#gain, (rule, position, i) => {
        if (rule.stores[i] === undefined) return NEW_STATE;
        return i < position ? SETTLED : GAIN_AFTER;
      });
      mark(batches, CURRENT, 0);
    }
  }

  #runBatches(
    batches: readonly Batch[],
    phase: string,
    sink: (plan: Plan) => boolean,
    view: (rule: Recursive, position: number, i: number) => View,
  ): void {
    for (const { store, rows } of batches) {
      for (const rule of this.#rules) {
        for (const { position, store: from } of rule.recursive) {
          if (from !== store) continue;
          const plan = rule.plans.fromLiteral(phase, position, (i) => view(rule, position, i), sink);
          for (const row of rows) plan.run(row);
        }
      }
    }
  }

  #loseDerivation(plan: Plan): boolean {
    const rule = this.#ruleOf(plan);
    const { head } = rule;
    const row = head.find(plan.head);
    if (highestRank(rule, plan) >= (head.ranks[row] as number)) return false;
    head.touch(row);
    const count = (head.counts[row] as number) - 1;
    head.counts[row] = count;
    if (count === 0) {
      head.flags[row] = (head.flags[row] as number) & ~ALIVE;
      this.#queue(head, row);
    }
    return false;
  }

  #noteDerivation(plan: Plan): boolean {
    const rank = highestRank(this.#ruleOf(plan), plan);
    if (rank < this.#bestRank) {
      this.#bestRank = rank;
      this.#nBest = 1;
    } else if (rank === this.#bestRank) this.#nBest++;
    return false;
  }

  #gainDerivation(plan: Plan): boolean {
    const rule = this.#ruleOf(plan);
    const { head } = rule;
    const rank = highestRank(rule, plan);
    const row = head.findOrAdd(plan.head);
    head.touch(row);
    if (((head.flags[row] as number) & ALIVE) === 0) {
      this.#budget.spend(plan.rule.origin, plan.rule.relation);
      this.#revive(head, row, rank + 1, 1);
    } else if (rank < (head.ranks[row] as number)) head.counts[row] = (head.counts[row] as number) + 1;
    return false;
  }

  #revive(store: RowStore, row: number, rank: number, count: number): void {
    store.ranks[row] = rank;
    store.counts[row] = count;
    store.flags[row] = (store.flags[row] as number) | ALIVE | PENDING;
    this.#queue(store, row);
  }

  #queue(store: RowStore, row: number): void {
    this.#queues.get(store)?.rows.push(row);
  }

  #takeQueues(): Batch[] {
    const batches: Batch[] = [];
    for (const queue of this.#queues.values()) {
      if (queue.rows.length === 0) continue;
      batches.push({ store: queue.store, rows: queue.rows });
      queue.rows = [];
    }
    return batches;
  }

  #ruleOf(plan: Plan): Recursive {
    return this.#ruleOfPlan.get(plan.rule) as Recursive;
  }
}

function highestRank(rule: Recursive, plan: Plan): number {
  let highest = 0;
  for (const { position, store } of rule.recursive) {
    const rank = store.ranks[plan.rows[position] as number] as number;
    if (rank > highest) highest = rank;
  }
  return highest;
}

function mark(batches: readonly Batch[], clear: number, set: number): void {
  for (const { store, rows } of batches) {
    for (const row of rows) store.flags[row] = ((store.flags[row] as number) & ~clear) | set;
  }
}
