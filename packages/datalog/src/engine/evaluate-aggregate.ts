/**
 * Keeps the hidden relation of an aggregate: one row per group, with the group's value.
 *
 * Counts and sums of whole numbers follow each change; an extreme is searched anew only when it leaves; lists are made anew for the
 * groups that changed. Sums with fractions are added up anew in ascending order, so that they never depend on history.
 */
import type { CoreAggregate } from "../check/core.ts";
import { compareValues, type Value } from "../value.ts";
import type { Budget } from "./budget.ts";
import { IntList } from "./int-list.ts";
import { type Interner, NONE } from "./interner.ts";
import type { RowStore } from "./row-store.ts";
import type { Definition, Evaluator, RuleChange } from "./rule-change.ts";
import { ALIVE } from "./views.ts";

interface Group {
  readonly key: Int32Array;
  /** Rows of the group. */
  nRows: number;
  /** Sum of the whole numbers among the values, exact while {@link Number.isSafeInteger}. */
  sum: number;
  /** Numbers that are not whole: then the sum is made anew. */
  nFractions: number;
  /** Value of the group, or NONE. */
  value: number;
}

/** Evaluates one aggregate. */
export class AggregateRelation implements Evaluator {
  readonly store: RowStore;
  #aggregate: CoreAggregate;
  readonly #body: RowStore;
  readonly #interner: Interner;
  readonly #budget: Budget;
  readonly #groups = new Map<number | string, Group>();
  readonly #groupColumns: readonly number[];
  /** What the groups touched in this evaluation were before; `undefined` if they were not there. */
  #before = new Map<number | string, Group | undefined>();

  constructor(aggregate: CoreAggregate, store: RowStore, body: RowStore, interner: Interner, budget: Budget) {
    this.#aggregate = aggregate;
    this.store = store;
    this.#body = body;
    this.#interner = interner;
    this.#budget = budget;
    this.#groupColumns = Array.from({ length: aggregate.nGroup }, (_, i) => i);
  }

  evaluate(change?: RuleChange): void {
    const stale = new Set<Group>();
    if (change === undefined) for (const row of this.#body.deleted.values()) this.#change(row, -1, stale);
    else this.store.takeAllOut();
    const added = change === undefined ? this.#body.added : this.#body.aliveRows();
    for (const row of added.values()) this.#change(row, 1, stale);
    for (const [key, before] of this.#before) {
      const group = this.#groups.get(key);
      if (group === undefined) continue;
      const value = group.nRows === 0 ? NONE : this.#valueOf(group, stale.has(group));
      group.value = value;
      if (before !== undefined && before.value !== NONE) this.#set(group, before.value, false);
      if (value !== NONE) this.#set(group, value, true);
      if (group.nRows === 0) this.#groups.delete(key);
    }
    this.store.settle();
  }

  /** Makes the groups from the rows of the body, when both relations were loaded. */
  reload(): void {
    this.#body.added = this.#body.aliveRows();
    this.evaluate();
    this.#body.added = new IntList();
  }

  adopt({ aggregate = this.#aggregate }: Definition): void {
    this.#aggregate = aggregate;
  }

  /** Hands out how to undo the groups' part of this evaluation, and starts a new one. */
  finish(): () => void {
    const before = this.#before;
    this.#before = new Map();
    return () => this.#restore(before);
  }

  abandon(): void {
    this.finish()();
  }

  #restore(before: ReadonlyMap<number | string, Group | undefined>): void {
    for (const [key, group] of before) {
      if (group === undefined) this.#groups.delete(key);
      else this.#groups.set(key, { ...group });
    }
  }

  #change(row: number, weight: 1 | -1, stale: Set<Group>): void {
    const group = this.#touch(row);
    group.nRows += weight;
    const { fn, nGroup } = this.#aggregate;
    if (fn === "count") return;
    const id = this.#body.data[row * this.#body.stride + nGroup] as number;
    if (fn === "sum") {
      const value = this.#interner.valueOf(id);
      if (typeof value !== "number") return;
      const wasExact = Number.isSafeInteger(group.sum);
      if (Number.isInteger(value)) group.sum += weight * value;
      else group.nFractions += weight;
      if (!wasExact || !Number.isSafeInteger(group.sum)) stale.add(group);
    } else if (fn === "collect" || (weight < 0 && id === group.value)) stale.add(group);
    else if (weight > 0 && !stale.has(group)) group.value = this.#better(group.value, id);
  }

  #touch(row: number): Group {
    const { data, stride } = this.#body;
    const { nGroup } = this.#aggregate;
    const ids = data.subarray(row * stride, row * stride + nGroup);
    const key = nGroup === 1 ? (ids[0] as number) : ids.join();
    const known = this.#groups.get(key);
    if (!this.#before.has(key)) this.#before.set(key, known === undefined ? undefined : { ...known });
    if (known !== undefined) return known;
    const group = { key: ids.slice(), nRows: 0, sum: 0, nFractions: 0, value: NONE };
    this.#groups.set(key, group);
    return group;
  }

  #valueOf(group: Group, isStale: boolean): number {
    switch (this.#aggregate.fn) {
      case "count":
        return this.#interner.idOf(group.nRows);
      case "sum":
        if (group.nFractions === 0 && !isStale && Number.isSafeInteger(group.sum)) return this.#interner.idOf(group.sum);
        return this.#sumAnew(group);
      case "collect":
        return isStale ? this.#interner.idOf(this.#values(group)) : group.value;
      default:
        if (isStale)
          group.value = this.#values(group).reduce<number>((best, value) => this.#better(best, this.#interner.idOf(value)), NONE);
        return group.value;
    }
  }

  #sumAnew(group: Group): number {
    const numbers = this.#values(group).filter((value) => typeof value === "number");
    const isWhole = numbers.every((value) => Number.isInteger(value));
    const sum = numbers.reduce((total, value) => total + value, 0);
    if (isWhole && Number.isSafeInteger(sum)) group.sum = sum;
    return Number.isFinite(sum) ? this.#interner.idOf(sum) : NONE;
  }

  /** Values of the group's rows in ascending order. */
  #values(group: Group): Value[] {
    const { flags, data, stride } = this.#body;
    const values: Value[] = [];
    for (const row of this.#body.index(this.#groupColumns).rowsOf(group.key)) {
      if (((flags[row] as number) & ALIVE) === 0) continue;
      values.push(this.#interner.valueOf(data[row * stride + this.#aggregate.nGroup] as number));
    }
    return values.sort(compareValues);
  }

  #better(a: number, b: number): number {
    if (a === NONE) return b;
    const order = compareValues(this.#interner.valueOf(a), this.#interner.valueOf(b));
    return order <= 0 === (this.#aggregate.fn === "min") ? a : b;
  }

  #set(group: Group, value: number, isThere: boolean): void {
    const { nGroup, origin, relation } = this.#aggregate;
    const tuple = new Int32Array(nGroup + 1);
    tuple.set(group.key);
    tuple[nGroup] = value;
    const { store } = this;
    const end = store.end;
    const row = store.findOrAdd(tuple);
    if (store.end !== end) this.#budget.spend(origin, relation);
    store.touch(row);
    store.flags[row] = isThere ? (store.flags[row] as number) | ALIVE : (store.flags[row] as number) & ~ALIVE;
  }
}
