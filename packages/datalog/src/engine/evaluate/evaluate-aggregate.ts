/**
 * Keeps the hidden relation of an aggregate: one row per group, with the group's value.
 *
 * What: each group has a record with its number of rows and its value; what else a kind of aggregate needs to follow changes is the
 * business of its accumulator. A change costs the same in groups of any size, or a logarithm of it where values are ordered;
 * lists cost their length. How back: the records of groups that an evaluation touches are noted first. Groups without rows stay until
 * the transaction ends, so that their numbers hold for the way back.
 */
import type { CoreAggregate } from "../../check/core.ts";
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import type { Accumulator, AggregateBody } from "./aggregate/accumulator.ts";
import { Collect } from "./aggregate/collect.ts";
import { Count } from "./aggregate/count.ts";
import { Extreme } from "./aggregate/extreme.ts";
import { GroupTable } from "./aggregate/group-table.ts";
import { Sum } from "./aggregate/sum.ts";
import type { Budget } from "./budget.ts";
import { IntList, range } from "../rows/int-list.ts";
import { type Interner, NONE } from "../rows/interner.ts";
import type { RowStore } from "../rows/row-store.ts";
import type { Definition, Evaluator, RuleChange } from "./rule-change.ts";
import { ALIVE } from "../rows/views.ts";

/** Words of a group's record after its key: number of rows; id of its value, or NONE; whether this evaluation touched it. */
const N_WORDS = 3;
const VALUE = 1;
const IS_TOUCHED = 2;

/** Records of groups before an evaluation touched them. */
interface Notes {
  readonly groups: IntList;
  readonly nRows: IntList;
  readonly values: IntList;
}

/** Evaluates one aggregate. */
export class AggregateRelation implements AggregateBody, Evaluator {
  readonly store: RowStore;
  aggregate: CoreAggregate;
  readonly body: RowStore;
  readonly interner: Interner;
  readonly #budget: Budget;
  readonly #accumulator: Accumulator;
  readonly #groups: GroupTable;
  readonly #groupColumns: readonly number[];
  readonly #tuple: Int32Array;
  #notes: Notes = emptyNotes();
  /** Groups that had no row at some time since the last release. */
  readonly #emptied = new IntList();

  constructor(aggregate: CoreAggregate, store: RowStore, body: RowStore, interner: Interner, budget: Budget) {
    const { nGroup } = aggregate;
    this.aggregate = aggregate;
    this.store = store;
    this.body = body;
    this.interner = interner;
    this.#budget = budget;
    this.#groups = new GroupTable(nGroup, N_WORDS);
    this.#groupColumns = Array.from({ length: nGroup }, (_, i) => i);
    this.#tuple = new Int32Array(nGroup + 1);
    this.#accumulator = accumulatorFor(this);
  }

  evaluate(change?: RuleChange): void {
    if (change === undefined) for (const row of this.body.deleted.values()) this.#change(row, -1);
    else this.store.takeAllOut();
    const added = change === undefined ? this.body.added : this.body.aliveRows();
    for (const row of added.values()) this.#change(row, 1);
    const { groups, values } = this.#notes;
    for (let i = 0; i < groups.length; i++) {
      const group = groups.items[i] as number;
      const before = values.items[i] as number;
      const words = this.#wordsOf(group);
      const nRows = this.#groups.data[words] as number;
      const value = this.#accumulator.valueOf(group, before, nRows);
      this.#groups.data[words + IS_TOUCHED] = 0;
      this.#groups.data[words + VALUE] = nRows === 0 ? NONE : value;
      if (nRows === 0) this.#emptied.push(group);
      this.#replace(group, before, nRows === 0 ? NONE : value);
    }
    this.store.settle();
  }

  save(to: SectionWriter, name: string): void {
    this.#groups.save(to, name);
  }

  load(from: SectionReader<unknown>, name: string): void {
    this.#groups.load(from, name);
    this.#accumulator.reload?.();
  }

  finish(): (() => void) | undefined {
    const notes = this.#notes;
    if (notes.groups.length === 0) return undefined;
    this.#notes = emptyNotes();
    const undo = this.#accumulator.finish?.();
    return () => {
      this.#restore(notes);
      undo?.();
    };
  }

  abandon(): void {
    if (this.#notes.groups.length === 0) return;
    this.#restore(this.#notes);
    this.#notes = emptyNotes();
    this.#accumulator.abandon?.();
  }

  release(): void {
    const accumulator = this.#accumulator;
    for (const group of this.#emptied.values()) {
      const words = this.#wordsOf(group);
      const { data } = this.#groups;
      // A group may be listed twice: one that is forgotten has a number of rows that no group has.
      if (data[words] !== 0) continue;
      data[words] = -1;
      accumulator.forget?.(group);
      this.#groups.remove(group);
    }
    this.#emptied.clear();
    this.#groups.compactIfDue((from, to) => accumulator.move?.(from, to));
  }

  adopt({ aggregate = this.aggregate }: Definition): void {
    this.aggregate = aggregate;
  }

  prepare(): void {
    const { fn, nGroup } = this.aggregate;
    if (nGroup > 0 && (fn === "min" || fn === "max" || fn === "top")) this.body.indexes.on(this.#groupColumns);
  }

  groupOf(row: number): number {
    return this.#groups.find(this.body.data, row * this.body.stride);
  }

  rowsOf(group: number): Int32Array {
    const { end, flags } = this.body;
    const { data, stride, nKeys } = this.#groups;
    const isAlive = (row: number): boolean => ((flags[row] as number) & ALIVE) !== 0;
    if (nKeys === 0) return range(0, end).values().filter(isAlive);
    const key = data.subarray(group * stride, group * stride + nKeys);
    return this.body.indexes.on(this.#groupColumns).rowsOf(key).filter(isAlive);
  }

  #change(row: number, weight: 1 | -1): void {
    const group = this.#groups.findOrAdd(this.body.data, row * this.body.stride);
    const { data } = this.#groups;
    const words = this.#wordsOf(group);
    if (data[words + IS_TOUCHED] === 0) {
      if (data[words] === 0) data[words + VALUE] = NONE;
      data[words + IS_TOUCHED] = 1;
      const { groups, nRows, values } = this.#notes;
      groups.push(group);
      nRows.push(data[words] as number);
      values.push(data[words + VALUE] as number);
      this.#accumulator.open?.(group);
    }
    data[words] = (data[words] as number) + weight;
    this.#accumulator.change(group, row, weight, data[words + VALUE] as number);
  }

  #restore({ groups, nRows, values }: Notes): void {
    const { data } = this.#groups;
    for (let i = 0; i < groups.length; i++) {
      const group = groups.items[i] as number;
      const words = this.#wordsOf(group);
      data[words] = nRows.items[i] as number;
      data[words + VALUE] = values.items[i] as number;
      data[words + IS_TOUCHED] = 0;
      if (nRows.items[i] === 0) this.#emptied.push(group);
    }
  }

  #wordsOf(group: number): number {
    return group * this.#groups.stride + this.#groups.nKeys;
  }

  /** Puts a group's row with one value in the place of that with another. */
  #replace(group: number, before: number, after: number): void {
    if (before === after) return;
    const { origin, relation, nGroup } = this.aggregate;
    const { data, stride } = this.#groups;
    const { store } = this;
    const tuple = this.#tuple;
    for (let i = 0; i < nGroup; i++) tuple[i] = data[group * stride + i] as number;
    if (before !== NONE) {
      tuple[nGroup] = before;
      const row = store.find(tuple);
      store.touch(row);
      store.flags[row] = (store.flags[row] as number) & ~ALIVE;
    }
    if (after === NONE) return;
    tuple[nGroup] = after;
    const { end } = store;
    const row = store.findOrAdd(tuple);
    if (store.end !== end) this.#budget.spend(origin, relation);
    store.touch(row);
    store.flags[row] = (store.flags[row] as number) | ALIVE;
  }
}

function accumulatorFor(rows: AggregateBody): Accumulator {
  switch (rows.aggregate.fn) {
    case "count":
      return new Count(rows.interner);
    case "sum":
      return new Sum(rows);
    case "collect":
      return new Collect(rows);
    default:
      return new Extreme(rows);
  }
}

function emptyNotes(): Notes {
  return { groups: new IntList(), nRows: new IntList(), values: new IntList() };
}
