/**
 * What the groups of a recursion through min or max are offered in an evaluation, the best first.
 *
 * Each group that something derives a value for has a record: the row that holds its value now, and the best offer that beats it. A heap
 * over the records gives the best offer of all. Nothing is kept from one evaluation to the next.
 */
import { GroupTable } from "../aggregate/group-table.ts";
import { HeapOrder, OrderedHeap } from "../aggregate/ordered-heap.ts";
import { type Interner, NONE } from "../../rows/interner.ts";
import type { RowStore } from "../../rows/row-store.ts";
import { ALIVE } from "../../rows/views.ts";
import { compareKept, type Kept, OUTSIDE, valueIdIn } from "./kept-order.ts";

/** An offer that is taken. */
export interface Offer {
  /** Position of the relation. */
  readonly member: number;
  /** The row that it takes the place of, or -1. */
  readonly before: number;
  /** The group with the offered value; good until the next one is taken. */
  readonly tuple: Int32Array;
  readonly rank: number;
  /** What {@link Offers.add} was given. */
  readonly rule: number;
}

/** Words of a record: the group's row (see {@link FIRST_ROW}), the best offer or NONE, its rank, its rule. */
const N_WORDS = 4;
const VALUE = 1;
const RANK = 2;
const RULE = 3;
/** A group's row + 2; 1 if it has none, 0 if that is not known yet. */
const FIRST_ROW = 2;
const NO_ROW = 1;

interface Groups extends Kept {
  readonly groupColumns: readonly number[];
  readonly table: GroupTable;
}

/** The offers of one stratum. */
export class Offers {
  readonly #members: readonly Groups[];
  readonly #interner: Interner;
  /** Groups with an offer: group * number of members + member. */
  readonly #waiting: OrderedHeap;
  readonly #key: Int32Array;
  readonly #tuples: readonly Int32Array[];

  constructor(members: readonly Kept[], interner: Interner) {
    this.#interner = interner;
    this.#members = members.map((kept) => {
      const groupColumns = groupColumnsOf(kept);
      return { ...kept, groupColumns, table: new GroupTable(groupColumns.length, N_WORDS) };
    });
    this.#waiting = new OrderedHeap(
      new HeapOrder((a, b) => compareKept(this.#memberOf(a), this.#valueOf(a), this.#valueOf(b), this.#interner)),
    );
    this.#key = new Int32Array(Math.max(0, ...members.map(({ store }) => store.arity)));
    this.#tuples = members.map(({ store }) => new Int32Array(store.arity));
  }

  /** The id of the best value that is offered; NONE if there is no offer. */
  get best(): number {
    return this.#waiting.length === 0 ? NONE : this.#valueOf(this.#waiting.first);
  }

  /** Offers a row; it is heard if it beats its group's row and every other offer, or is like the best one and has a lower rank. */
  add(member: number, tuple: Int32Array, rank: number, rule: number): void {
    const kept = this.#members[member] as Groups;
    const { table, column } = kept;
    const value = tuple[column] as number;
    const group = this.#groupOf(kept, tuple);
    const words = wordsOf(table, group);
    const { data } = table;
    const row = (data[words] as number) - FIRST_ROW;
    if (row >= 0 && compareKept(kept, value, valueIdIn(kept, row), this.#interner) >= 0) return;
    const before = data[words + VALUE] as number;
    const order = before === NONE ? -1 : compareKept(kept, value, before, this.#interner);
    if (order > 0 || (order === 0 && !isLowerRank(rank, data[words + RANK] as number))) return;
    data[words + VALUE] = value;
    data[words + RANK] = rank;
    data[words + RULE] = rule;
    const item = group * this.#members.length + member;
    if (this.#waiting.has(item)) this.#waiting.advance(item);
    else this.#waiting.add(item);
  }

  /** Takes the best offer out; there must be one. `place` gives the number of the row that holds it from now on. */
  take(place: (offer: Offer) => number): void {
    const item = this.#waiting.first;
    this.#waiting.remove(item);
    const member = item % this.#members.length;
    const group = Math.floor(item / this.#members.length);
    const { table, column, groupColumns } = this.#memberOf(item);
    const { data, stride } = table;
    const words = wordsOf(table, group);
    const tuple = this.#tuples[member] as Int32Array;
    for (let i = 0; i < groupColumns.length; i++) tuple[groupColumns[i] as number] = data[group * stride + i] as number;
    tuple[column] = data[words + VALUE] as number;
    const before = Math.max(-1, (data[words] as number) - FIRST_ROW);
    const row = place({ member, before, tuple, rank: data[words + RANK] as number, rule: data[words + RULE] as number });
    data[words] = row + FIRST_ROW;
    data[words + VALUE] = NONE;
  }

  /** Forgets offers and groups. */
  clear(): void {
    this.#waiting.clear();
    for (const { table } of this.#members) if (table.end > 0) table.clear();
  }

  #groupOf({ table, groupColumns, store }: Groups, tuple: Int32Array): number {
    for (let i = 0; i < groupColumns.length; i++) this.#key[i] = tuple[groupColumns[i] as number] as number;
    const group = table.findOrAdd(this.#key, 0);
    const words = wordsOf(table, group);
    if (table.data[words] !== 0) return group;
    const row = aliveRowOf(store, groupColumns, this.#key.subarray(0, groupColumns.length));
    table.data[words] = row === undefined ? NO_ROW : row + FIRST_ROW;
    table.data[words + VALUE] = NONE;
    return group;
  }

  #memberOf(item: number): Groups {
    return this.#members[item % this.#members.length] as Groups;
  }

  #valueOf(item: number): number {
    const { table } = this.#memberOf(item);
    return table.data[wordsOf(table, Math.floor(item / this.#members.length)) + VALUE] as number;
  }
}

/** All columns but the one that holds the value. */
export function groupColumnsOf({ store, column }: Kept): number[] {
  return Array.from({ length: store.arity }, (_, at) => at).filter((at) => at !== column);
}

function wordsOf({ stride, nKeys }: GroupTable, group: number): number {
  return group * stride + nKeys;
}

function aliveRowOf(store: RowStore, columns: readonly number[], key: Int32Array): number | undefined {
  if (columns.length === 0) return store.aliveRows().values()[0];
  return store.indexes
    .on(columns)
    .rowsOf(key)
    .find((row) => ((store.flags[row] as number) & ALIVE) !== 0);
}

/** A rank outside the order is higher than all. */
function isLowerRank(rank: number, than: number): boolean {
  return rank !== OUTSIDE && (than === OUTSIDE || rank < than);
}
