/**
 * Keeps recursive relations that hold the least (or greatest) value per group: shortest paths and their kin.
 *
 * What: for each group (all columns but one) the row with the best value that any rule derives from best rows. Why it is well-defined: the
 * checks admit only rules whose value never gets worse when what it is made of gets better, so there is one least fixpoint.
 * How, where values only get worse on the way (paths of lengths that are not negative), in the order of `extreme/kept-order.ts`:
 * 1. Rows that a derivation from rows before them has lost wait in that order. Each in turn either has another such derivation, or it
 *    is dropped, and rows after it that follow from it wait, too. What stays is proved without cycles, by what is really there.
 * 2. The groups of dropped rows, and those that new rows below lead to, are offered what follows from the rows that are there. The best
 *    offer of all can never be beaten, so it is taken, and what follows from it is offered: each group changes once at most.
 * A change costs what it changes, and a look at what that rests on. (Ramalingam and Reps, "An incremental algorithm for a generalization
 * of the shortest-path problem", 1996, do so for graphs; ranks bring values that stay the same on the way.)
 * Limits: where a value gets better on the way (a negative length), its row has no place in that order. From then on offers are
 * taken in rounds, as long as there are any, and a lost row below makes the stratum anew, until all rows have a place again.
 */
import type { CoreRelation, CoreRule } from "../../check/core.ts";
import { HeapOrder, OrderedHeap } from "./aggregate/ordered-heap.ts";
import type { Budget } from "./budget.ts";
import { compareKept, isBefore, type Kept, keptIn, OUTSIDE, valueIdIn } from "./extreme/kept-order.ts";
import { groupColumnsOf, type Offer, Offers } from "./extreme/offers.ts";
import { IntList } from "../rows/int-list.ts";
import { type Interner, NONE } from "../rows/interner.ts";
import { compilePlan, type Plan, type PlanContext, type Sink } from "../plan/plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import type { Definition, Evaluator, RuleChange } from "./rule-change.ts";
import { RulePlans } from "../plan/rule-plans.ts";
import { ALIVE, NEW_STATE, OLD_STATE } from "../rows/views.ts";

interface Member extends Kept {
  readonly position: number;
  /** Rows that lost their last proof. */
  readonly dropped: IntList;
  /** Rows that were taken, and whose consequences are offered next. */
  readonly taken: IntList;
}

/** So many rows may always be dropped one by one; and if there are more, this part of the stratum. */
const FEW = 1024;
const MOST = 1 / 4;

interface Rule {
  readonly plans: RulePlans;
  readonly head: Member;
  /** Literals over the stratum's own relations, and over those below. */
  readonly own: readonly { readonly position: number; readonly member: Member }[];
  readonly lower: readonly { readonly position: number; readonly store: RowStore; readonly isNegated: boolean }[];
  readonly suspect: Sink;
  readonly support: Sink;
  readonly offer: Sink;
  start: Plan | undefined;
}

/** Evaluates a stratum whose relations all keep extremes. */
export class ExtremeStratum implements Evaluator {
  readonly #context: PlanContext;
  readonly #interner: Interner;
  readonly #budget: Budget;
  readonly #members: readonly Member[];
  readonly #rules: readonly Rule[];
  /** Rows that may have lost their proof: row * number of members + member. */
  readonly #suspects: OrderedHeap;
  readonly #offers: Offers;
  /** One row, as a batch. */
  readonly #one = new Int32Array(1);
  readonly #tuple: Int32Array;
  /** What holds of the state before the evaluation. */
  #wasOrdered: boolean;

  constructor(
    stores: readonly RowStore[],
    extremes: readonly (CoreRelation["extreme"] | undefined)[],
    rules: readonly CoreRule[],
    context: PlanContext,
    budget: Budget,
  ) {
    this.#context = context;
    this.#interner = context.interner;
    this.#budget = budget;
    this.#members = stores.flatMap((store, position): Member[] => {
      const kept = keptIn(store, extremes[position]);
      if (kept === undefined) return [];
      return [{ ...kept, position, dropped: new IntList(), taken: new IntList() }];
    });
    this.#tuple = new Int32Array(Math.max(...stores.map(({ arity }) => arity)));
    this.#suspects = new OrderedHeap(new HeapOrder((a, b) => this.#compareRows(a, b)));
    this.#offers = new Offers(this.#members, this.#interner);
    this.#rules = rules.map((rule, i) => this.#prepareRule(rule, i));
    this.#wasOrdered = this.#isOrdered;
  }

  evaluate(change?: RuleChange): void {
    if (change !== undefined || !this.#dropLost()) this.#startAnew();
    else {
      this.#offerToDropped();
      this.#offerFromGains();
    }
    this.#takeOffers();
    for (const { store } of this.#members) store.settle();
    this.#clear();
  }

  finish(): (() => void) | undefined {
    const before = this.#wasOrdered;
    if (before === this.#isOrdered) return undefined;
    this.#wasOrdered = this.#isOrdered;
    return () => {
      this.#setOrdered(before);
      this.#wasOrdered = before;
    };
  }

  abandon(): void {
    this.#setOrdered(this.#wasOrdered);
    this.#suspects.clear();
    this.#clear();
  }

  load(): void {
    this.#setOrdered(
      this.#members.every(({ store }) => {
        return store
          .aliveRows()
          .values()
          .every((row) => store.rankOf(row) !== OUTSIDE);
      }),
    );
    this.#wasOrdered = this.#isOrdered;
  }

  adopt({ rules }: Definition): void {
    for (const [i, rule] of rules.entries()) this.#rules[i]?.plans.adopt(rule);
  }

  prepare(): void {
    for (const member of this.#members) if (member.store.arity > 1) member.store.indexes.on(groupColumnsOf(member));
    for (const rule of this.#rules) {
      for (const { position } of rule.lower) {
        planOfLoss(rule, position);
        planOfGain(rule, position);
      }
      for (const { position } of rule.own) {
        planOfLoss(rule, position);
        planOfGain(rule, position);
      }
      planOfSupport(rule);
      planOfGroup(rule);
    }
  }

  forget(): void {
    for (const rule of this.#rules) {
      rule.plans.forget();
      rule.start = undefined;
    }
  }

  get #isOrdered(): boolean {
    return this.#members.every(({ store }) => store.isOrdered);
  }

  #setOrdered(isOrdered: boolean): void {
    for (const { store } of this.#members) store.isOrdered = isOrdered;
  }

  #clear(): void {
    this.#offers.clear();
    for (const { dropped, taken } of this.#members) {
      dropped.clear();
      taken.clear();
    }
  }

  #prepareRule(given: CoreRule, number: number): Rule {
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
    const head = memberOf(rule.relation) as Member;
    const suspect: Sink = { kind: "call", tell: (plan) => this.#suspect(head, own, plan) };
    const support: Sink = { kind: "call", tell: (plan) => this.#isProof(own, plan, head, this.#one[0] as number) };
    const offer: Sink = { kind: "call", tell: (plan) => this.#offer(number, head, own, plan) };
    return { plans, head, own, lower, suspect, support, offer, start: undefined };
  }

  /** Drops the rows that what went below leaves without a proof; false if the stratum is to be made anew instead. */
  #dropLost(): boolean {
    const lost = this.#rules.flatMap((rule) =>
      rule.lower.flatMap(({ position, store, isNegated }) => {
        const rows = isNegated ? store.added : store.deleted;
        return rows.length === 0 || rule.head.store.size === 0 ? [] : [{ rule, position, rows }];
      }),
    );
    if (lost.length === 0) return true;
    if (!this.#wasOrdered) return false;
    for (const { rule, position, rows } of lost) planOfLoss(rule, position).run(rows.items, rows.length, 1);
    let left = Math.max(FEW, this.#members.reduce((n, { store }) => n + store.size, 0) * MOST);
    for (let item = this.#suspects.first; item >= 0; item = this.#suspects.first) {
      this.#suspects.remove(item);
      if (this.#isSupported(item)) continue;
      if (--left < 0) {
        this.#suspects.clear();
        return false;
      }
      this.#drop(item);
    }
    return true;
  }

  #isSupported(item: number): boolean {
    const member = this.#memberOf(item);
    this.#one[0] = this.#numberOf(item);
    return this.#rules.some((rule) => rule.head === member && planOfSupport(rule).run(this.#one, 1, 1));
  }

  #drop(item: number): void {
    const member = this.#memberOf(item);
    const row = this.#numberOf(item);
    takeOut(member.store, row);
    member.dropped.push(row);
    this.#one[0] = row;
    for (const rule of this.#rules) {
      for (const { position, member: from } of rule.own) if (from === member) planOfLoss(rule, position).run(this.#one, 1, 1);
    }
  }

  /** A derivation is lost: its head may have been proved by it. */
  #suspect(head: Member, own: Rule["own"], plan: Plan): boolean {
    this.#readTuple(plan);
    const row = head.store.find(this.#tuple);
    if (row < 0 || ((head.store.flags[row] as number) & ALIVE) === 0) return false;
    const item = this.#itemOf(head, row);
    if (!this.#suspects.has(item) && this.#isProof(own, plan, head, row)) this.#suspects.add(item);
    return false;
  }

  /** True if a derivation is from rows that come before its head. */
  #isProof(own: Rule["own"], plan: Plan, head: Member, row: number): boolean {
    for (const { position, member } of own) {
      if (!isBefore(member, plan.rows[position] as number, head, row, this.#interner)) return false;
    }
    return true;
  }

  #startAnew(): void {
    for (const { store } of this.#members) store.takeAllOut();
    this.#setOrdered(true);
    for (const rule of this.#rules) {
      if (rule.own.length > 0) continue;
      if (rule.start?.isFresh() !== true) {
        const request = { rule: rule.plans.rule, from: "none", viewOf: () => NEW_STATE, sink: rule.offer } as const;
        rule.start = compilePlan(request, this.#context);
      }
      rule.start.run(this.#one, 0, 1);
    }
  }

  #offerToDropped(): void {
    for (const rule of this.#rules) {
      const { dropped } = rule.head;
      if (dropped.length > 0) planOfGroup(rule).run(dropped.items, dropped.length, 1);
    }
  }

  #offerFromGains(): void {
    for (const rule of this.#rules) {
      if (rule.own.some(({ member }) => member.store.size === 0)) continue;
      // If a table was empty, each derivation is from one of its new rows.
      const first = rule.lower.find(({ store, isNegated }) => !isNegated && store.size === 0);
      for (const literal of first === undefined ? rule.lower : [first]) {
        const { position, store, isNegated } = literal;
        const gained = isNegated ? store.deleted : store.added;
        if (gained.length > 0) planOfGain(rule, position).run(gained.items, gained.length, 1);
      }
    }
  }

  /** Takes the best offers, and offers what follows from them, until there are none. */
  #takeOffers(): void {
    const offers = this.#offers;
    for (let best = offers.best; best !== NONE; best = offers.best) {
      // Without an order, one round takes all.
      while (offers.best !== NONE && (!this.#isOrdered || this.#interner.compare(offers.best, best) === 0)) {
        offers.take((offer) => this.#take(offer));
      }
      for (const { store } of this.#members) store.enterIndexes();
      for (const member of this.#members) {
        const { taken } = member;
        if (taken.length === 0) continue;
        for (const rule of this.#rules) {
          for (const { position, member: from } of rule.own) {
            if (from === member) planOfGain(rule, position).run(taken.items, taken.length, 1);
          }
        }
      }
      for (const { taken } of this.#members) taken.clear();
    }
  }

  /** A derivation is there: its row is offered. */
  #offer(rule: number, head: Member, own: Rule["own"], plan: Plan): boolean {
    this.#readTuple(plan);
    const rank = this.#rankAfter(own, plan, head, this.#tuple[head.column] as number);
    this.#offers.add(head.position, this.#tuple, rank, rule);
    return false;
  }

  /** The least rank with which a value comes after the rows that it follows from; outside the order if none does. */
  #rankAfter(own: Rule["own"], plan: Plan, head: Member, value: number): number {
    let rank = OUTSIDE + 1;
    for (const { position, member } of own) {
      const row = plan.rows[position] as number;
      const order = compareKept(head, value, valueIdIn(member, row), this.#interner);
      if (order < 0) return OUTSIDE;
      if (order === 0) rank = Math.max(rank, member.store.rankOf(row) + 1);
    }
    return rank;
  }

  /** Puts an offered row in the place of its group's. */
  #take({ member, before, tuple, rank, rule }: Offer): number {
    const { store, taken } = this.#members[member] as Member;
    if (before >= 0) takeOut(store, before);
    const { origin, relation } = (this.#rules[rule] as Rule).plans.rule;
    this.#budget.spend(origin, relation);
    const row = store.findOrAdd(tuple);
    store.touch(row);
    store.flags[row] = (store.flags[row] as number) | ALIVE;
    if (rank === OUTSIDE && store.isOrdered) this.#setOrdered(false);
    store.setRank(row, store.isOrdered ? rank : OUTSIDE);
    taken.push(row);
    return row;
  }

  #readTuple({ rule, registers }: Plan): void {
    const { head } = rule;
    for (let i = 0; i < head.length; i++) {
      const term = head[i];
      if (term?.kind === "var") this.#tuple[i] = registers[term.slot] as number;
      else this.#tuple[i] = this.#interner.idOf(term?.kind === "const" ? term.value : null);
    }
  }

  #itemOf({ position }: Member, number: number): number {
    return number * this.#members.length + position;
  }

  #memberOf(item: number): Member {
    return this.#members[item % this.#members.length] as Member;
  }

  #numberOf(item: number): number {
    return Math.floor(item / this.#members.length);
  }

  /** The order of suspects. */
  #compareRows(a: number, b: number): number {
    const [memberA, memberB] = [this.#memberOf(a), this.#memberOf(b)];
    const [rowA, rowB] = [this.#numberOf(a), this.#numberOf(b)];
    const order = compareKept(memberA, valueIdIn(memberA, rowA), valueIdIn(memberB, rowB), this.#interner);
    return order === 0 ? memberA.store.rankOf(rowA) - memberB.store.rankOf(rowB) : order;
  }
}

function takeOut(store: RowStore, row: number): void {
  store.touch(row);
  store.flags[row] = (store.flags[row] as number) & ~ALIVE;
}

/** Derivations that lose the row of a literal. */
function planOfLoss({ plans, suspect }: Rule, position: number): Plan {
  return plans.fromLiteral("lose", position, () => OLD_STATE, suspect);
}

/** Derivations that gain the row of a literal. */
function planOfGain({ plans, offer }: Rule, position: number): Plan {
  return plans.fromLiteral("gain", position, () => NEW_STATE, offer);
}

/** Derivations of a row. */
function planOfSupport({ plans, support }: Rule): Plan {
  return plans.fromHead("support", () => NEW_STATE, support);
}

/** Derivations of any row of a group. */
function planOfGroup({ plans, head, offer }: Rule): Plan {
  return plans.fromGroup("group", head.column, () => NEW_STATE, offer);
}
