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
 * Limits: a change after which much is gone costs about what deriving the rest costs; ranks grow with the depth of the first derivation.
 */
import type { CoreRule } from "../../check/core.ts";
import type { Budget } from "./budget.ts";
import { deriveAll, hadNoDerivation, type LowerLiteral } from "./derive-all.ts";
import { groupedRows } from "../rows/group-rows.ts";
import { IntList } from "../rows/int-list.ts";
import type { Plan, PlanContext, Sink } from "../plan/plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import { type Definition, type Evaluator, type RuleChange, runWholly } from "./rule-change.ts";
import { RulePlans } from "../plan/rule-plans.ts";
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
} from "../rows/views.ts";

interface Recursive {
  readonly plans: RulePlans;
  readonly head: RowStore;
  readonly lose: Sink;
  readonly gain: Sink;
  readonly note: Sink;
  /** Positive literals of the same stratum, by position; `undefined` at the others. */
  readonly stores: readonly (RowStore | undefined)[];
  readonly recursive: readonly { readonly position: number; readonly store: RowStore }[];
  readonly lower: readonly LowerLiteral[];
}

/** Rows of a store that wait to be propagated, and a list for those that come up meanwhile. */
interface Queue {
  readonly store: RowStore;
  /** False while the stratum is filled. */
  isUsed: boolean;
  rows: IntList;
  spare: IntList;
}

/** What is added to the number of each row of a batch of consecutive ones. */
const NO_OFFSET = new Int32Array(1);

interface Batch {
  readonly store: RowStore;
  readonly rows: IntList;
}

/** The share of a stratum's rows whose death makes it worth while to derive all anew, and a number of rows up to which it never is. */
const MOST_DEAD = 0.3;
const FEW_ROWS = 4096;

/** Evaluates all rules of one recursive stratum. */
export class RecursiveStratum implements Evaluator {
  readonly stores: readonly RowStore[];
  readonly #rules: readonly Recursive[];
  /** True if no rule has two literals of the stratum: then nobody asks which of its rows are in the batch. */
  readonly #isLinear: boolean;
  readonly #context: PlanContext;
  readonly #budget: Budget;
  readonly #queues: Map<RowStore, Queue>;
  /** The row that is being derived anew, as the only one of a batch. */
  readonly #wanted = new Int32Array(1);
  #bestRank = 0;
  #nBest = 0;

  constructor(stores: readonly RowStore[], rules: readonly CoreRule[], context: PlanContext, budget: Budget) {
    this.stores = stores;
    this.#context = context;
    this.#budget = budget;
    this.#queues = new Map(stores.map((store) => [store, { store, isUsed: true, rows: new IntList(), spare: new IntList() }]));
    this.#rules = rules.map((rule) => this.#prepare(rule, context));
    this.#isLinear = this.#rules.every(({ recursive }) => recursive.length < 2);
  }

  evaluate(change?: RuleChange): void {
    const kept = change === undefined ? this.#rules : this.#rules.filter((_, i) => !change.added.has(i));
    if (this.stores.every(({ end }) => end === 0)) this.#fill(kept, change);
    else {
      if (change !== undefined) this.#loseRules(change);
      this.#loseLower(kept);
      if (this.#propagateLosses(kept)) {
        this.#deriveDeadAgain(kept);
        this.#gainLower(kept);
        if (change !== undefined) this.#gainRules(change);
      } else this.#startAnew();
      this.#propagateGains();
    }
    this.#endFill();
    for (const store of this.stores) store.settle();
  }

  abandon(): void {
    for (const queue of this.#queues.values()) queue.rows.clear();
    this.#endFill();
  }

  /**
   * Fills the stratum if it is empty. Rows that come alive are then the new rows, in order: they need no queue. A row's rank is the
   * number of its batch: derivations of rows from earlier batches have too high a rank to be counted, which spares a look at them.
   */
  #fill(kept: readonly Recursive[], change: RuleChange | undefined): void {
    for (const queue of this.#queues.values()) queue.isUsed = false;
    this.#gainLower(kept);
    if (change !== undefined) this.#gainRules(change);
    for (;;) {
      const batches = this.stores.flatMap((store) =>
        store.nRanked < store.end ? [{ store, rows: groupedRows(store, store.nRanked, store.end) }] : [],
      );
      if (batches.length === 0) return;
      for (const store of this.stores) {
        store.nRanked = store.end;
        store.enterIndexes();
      }
      if (!this.#isLinear) mark(batches, PENDING, CURRENT);
      this.#runBatches(batches, this.#rules, planOfGain);
      if (!this.#isLinear) mark(batches, CURRENT, 0);
    }
  }

  #endFill(): void {
    for (const queue of this.#queues.values()) {
      queue.isUsed = true;
      queue.spare.clear();
    }
    for (const store of this.stores) store.nRanked = 0;
  }

  adopt({ rules }: Definition): void {
    for (const [i, rule] of rules.entries()) this.#rules[i]?.plans.adopt(rule);
  }

  prepare(): void {
    for (const rule of this.#rules) {
      for (const { position } of rule.lower) {
        planOfLowerLoss(rule, position);
        planOfLowerGain(rule, position);
      }
      for (const { position } of rule.recursive) {
        planOfLoss(rule, position);
        planOfGain(rule, position);
      }
      planBackward(rule);
    }
  }

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
    const head = context.storeOf(rule.relation);
    const queue = this.#queues.get(head) as Queue;
    const sink = (kind: "lose" | "note", tell: (row: number, rank: number) => void): Sink => {
      return { kind, tell, recursive: recursive.map(({ position }) => position) };
    };
    const plans = new RulePlans(rule, context);
    return {
      plans,
      head,
      lose: sink("lose", (row) => loseRow(queue, row)),
      gain: {
        kind: "gain",
        recursive: recursive.map(({ position }) => position),
        queue,
        budget: this.#budget,
        tell: () => this.#budget.refuse(plans.rule.origin, rule.relation),
      },
      note: sink("note", (_, rank) => this.#noteDerivation(rank)),
      stores,
      recursive,
      lower,
    };
  }

  /** The derivations that rules that go had; or all of them. */
  #loseRules({ isAnew, removed, before }: RuleChange): void {
    if (isAnew) for (const store of this.stores) store.takeAllOut();
    for (const rule of removed) runWholly(rule, () => OLD_STATE, this.#prepare(rule, before).lose, 1, before);
  }

  /** The derivations of rules that come, from what is settled; those from rows that are not are found by these rows. */
  #gainRules({ isAnew, added }: RuleChange): void {
    for (const [i, { plans, stores, recursive, gain }] of this.#rules.entries()) {
      if (!added.has(i) || recursive.some(({ store }) => isAnew || store.size === 0)) continue;
      runWholly(plans.rule, (at) => (stores[at] === undefined ? NEW_STATE : SETTLED), gain, 1, this.#context);
    }
  }

  #loseLower(rules: readonly Recursive[]): void {
    for (const rule of rules) {
      if (rule.head.size === 0) continue;
      for (const { position, store, isNegated } of rule.lower) {
        const lost = isNegated ? store.added : store.deleted;
        if (lost.length === 0) continue;
        planOfLowerLoss(rule, position).run(lost.items, lost.length, 1);
      }
    }
  }

  /** Gives up, and returns false, when so many rows die that deriving all of them anew is less work. */
  #propagateLosses(rules: readonly Recursive[]): boolean {
    const nRows = this.stores.reduce((sum, { size }) => sum + size, 0);
    const most = Math.max(FEW_ROWS, nRows * MOST_DEAD);
    let nDead = 0;
    for (let batches = this.#takeQueues(); batches.length > 0; batches = this.#takeQueues()) {
      for (const { rows } of batches) nDead += rows.length;
      if (nDead > most) return false;
      mark(batches, 0, CURRENT);
      this.#runBatches(batches, rules, planOfLoss);
      mark(batches, CURRENT, PROCESSED);
    }
    return true;
  }

  /** Takes all rows out and derives what follows from below alone; the rest follows from that. */
  #startAnew(): void {
    for (const store of this.stores) {
      this.#budget.give(store.size);
      store.takeAllOut();
    }
    for (const { plans, recursive, gain } of this.#rules) {
      if (recursive.length === 0) runWholly(plans.rule, () => NEW_STATE, gain, 1, this.#context);
    }
  }

  #deriveDeadAgain(rules: readonly Recursive[]): void {
    for (const queue of this.#queues.values()) {
      const { store } = queue;
      if (store.isFresh) continue;
      const { items, length } = store.touched();
      for (let i = 0; i < length; i++) {
        const row = items[i] as number;
        const flags = store.flags[row] as number;
        if ((flags & PROCESSED) === 0) continue;
        this.#wanted[0] = row;
        this.#bestRank = Number.MAX_SAFE_INTEGER;
        this.#nBest = 0;
        for (const rule of rules) {
          if (rule.head !== store) continue;
          planBackward(rule).run(this.#wanted, 1, 1);
        }
        if (this.#nBest > 0) revive(queue, row, this.#bestRank + 1, this.#nBest);
        else store.setRank(row, 0);
      }
    }
  }

  #gainLower(rules: readonly Recursive[]): void {
    for (const rule of rules) {
      if (rule.recursive.length === 0 && hadNoDerivation(rule.lower)) {
        deriveAll(rule.plans, rule.lower, rule.gain, this.#context);
        continue;
      }
      for (const { position, store, isNegated } of rule.lower) {
        const gained = isNegated ? store.deleted : store.added;
        if (gained.length === 0 || rule.recursive.some((literal) => literal.store.size === 0)) continue;
        planOfLowerGain(rule, position).run(gained.items, gained.length, 1);
      }
    }
  }

  #propagateGains(): void {
    for (let batches = this.#takeQueues(); batches.length > 0; batches = this.#takeQueues()) {
      mark(batches, PENDING, CURRENT);
      this.#runBatches(batches, this.#rules, planOfGain);
      mark(batches, CURRENT, 0);
    }
  }

  #runBatches(
    batches: readonly Batch[],
    rules: readonly Recursive[],
    planFrom: (rule: Recursive, position: number) => Plan,
  ): void {
    for (const { store, rows } of batches) {
      for (const rule of rules) {
        for (const { position, store: from } of rule.recursive) {
          if (from !== store) continue;
          const plan = planFrom(rule, position);
          if (rows.first >= 0) plan.run(NO_OFFSET, rows.length, 1, rows.first);
          else plan.run(rows.items, rows.length, 1);
        }
      }
    }
  }

  #noteDerivation(rank: number): void {
    if (rank < this.#bestRank) {
      this.#bestRank = rank;
      this.#nBest = 1;
    } else if (rank === this.#bestRank) this.#nBest++;
  }

  /** The rows that wait; what they lead to is queued in other lists. */
  #takeQueues(): Batch[] {
    const batches: Batch[] = [];
    for (const queue of this.#queues.values()) {
      queue.store.enterIndexes();
      const { rows, spare } = queue;
      if (rows.length === 0) continue;
      batches.push({ store: queue.store, rows });
      spare.clear();
      queue.rows = spare;
      queue.spare = rows;
    }
    return batches;
  }
}

/** Derivations that lose a lower literal; it is the first of theirs that is lost. */
function planOfLowerLoss({ plans, stores, lose }: Recursive, position: number): Plan {
  return plans.fromLiteral("lose", position, (i) => (stores[i] !== undefined || i > position ? OLD_STATE : KEPT), lose);
}

/** Derivations that lose a row of the stratum. */
function planOfLoss({ plans, stores, lose }: Recursive, position: number): Plan {
  const viewOf = (i: number): View => (stores[i] === undefined ? KEPT : i < position ? LOSS_BEFORE : LOSS_AFTER);
  return plans.fromLiteral("lose on", position, viewOf, lose);
}

/** Derivations of a given row from what survives. */
function planBackward({ plans, stores, note }: Recursive): Plan {
  return plans.fromHead("note", (i) => (stores[i] === undefined ? KEPT : SETTLED), note);
}

/** Derivations that gain a lower literal; it is the last of theirs that is gained. */
function planOfLowerGain({ plans, stores, gain }: Recursive, position: number): Plan {
  const viewOf = (i: number): View => (stores[i] !== undefined ? SETTLED : i < position ? NEW_STATE : KEPT);
  return plans.fromLiteral("gain", position, viewOf, gain);
}

/** Derivations that gain a row of the stratum. */
function planOfGain({ plans, stores, gain }: Recursive, position: number): Plan {
  const viewOf = (i: number): View => (stores[i] === undefined ? NEW_STATE : i < position ? SETTLED : GAIN_AFTER);
  return plans.fromLiteral("gain on", position, viewOf, gain);
}

function loseRow({ store, rows }: Queue, row: number): void {
  store.flags[row] = (store.flags[row] as number) & ~ALIVE;
  rows.push(row);
}

/** Makes a row alive with this rank. Rows that are not alive have rank 0 whenever gains are propagated. */
function revive({ store, rows }: Queue, row: number, rank: number, count: number): void {
  store.touch(row);
  store.setCount(row, count);
  store.setRank(row, rank);
  store.flags[row] = (store.flags[row] as number) | ALIVE | PENDING;
  rows.push(row);
}

function mark(batches: readonly Batch[], clear: number, set: number): void {
  for (const { store, rows } of batches) {
    const { flags } = store;
    for (let i = 0; i < rows.length; i++) {
      const row = rows.items[i] as number;
      flags[row] = ((flags[row] as number) & ~clear) | set;
    }
  }
}
