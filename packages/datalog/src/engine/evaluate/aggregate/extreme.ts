/**
 * `min`, `max` and `top`: the first rows of each group in an order of their values.
 *
 * What: as long as the best row stays, a row that comes is compared with it, and nothing else is kept. When it leaves, a small group is
 * looked through; of a large one a heap is made, and from then on a change costs a logarithm. A heap that nobody asked while as
 * many rows changed as it holds is dropped. Why: hardly any group needs a heap, and one costs eight bytes per row.
 * How back: a heap holds what is alive, so undoing a change is to make it the other way round.
 */
import { compareValues, type Value } from "../../../value.ts";
import type { IntList } from "../../rows/int-list.ts";
import { NONE } from "../../rows/interner.ts";
import { enlarged, grownLength } from "../../rows/key-index.ts";
import { type Accumulator, type AggregateBody, valueIdOf } from "./accumulator.ts";
import { HeapOrder, OrderedHeap } from "./ordered-heap.ts";

/** Groups up to this size are looked through. */
const SMALL = 32;

/** What is known of the best row of a group in this evaluation: nothing yet, that it left, or else its number + 1. */
const AS_BEFORE = 0;
const LEFT = -1;

interface Heap {
  readonly rows: OrderedHeap;
  /** Changes since the first row was last asked for. */
  nIdle: number;
}

export class Extreme implements Accumulator {
  readonly #rows: AggregateBody;
  readonly #isTop: boolean;
  readonly #order: HeapOrder;
  readonly #heaps = new Map<number, Heap>();
  /** Best rows by group. */
  #best: Int32Array = new Int32Array(8);
  /** The numbering of the body's rows that the heaps are made for. */
  #numbering = 0;
  #changes: { readonly added: IntList; readonly deleted: IntList } | undefined;

  constructor(rows: AggregateBody) {
    this.#rows = rows;
    this.#isTop = rows.aggregate.fn === "top";
    this.#order = new HeapOrder(rows.aggregate.fn === "min" ? this.#compareRows : (a, b) => this.#compareRows(b, a));
  }

  open(group: number): void {
    if (group >= this.#best.length) this.#best = enlarged(this.#best, Math.max(group + 1, grownLength(this.#best.length)));
    if (this.#changes !== undefined) return;
    const { added, deleted, numbering } = this.#rows.body;
    this.#changes = { added, deleted };
    if (numbering !== this.#numbering) for (const known of this.#heaps.keys()) this.#drop(known);
    this.#numbering = numbering;
  }

  change(group: number, row: number, weight: 1 | -1, before: number): void {
    const heap = this.#heaps.get(group);
    if (heap !== undefined) {
      heap.nIdle = weight < 0 && heap.rows.first === row ? 0 : heap.nIdle + 1;
      if (weight > 0) heap.rows.add(row);
      else heap.rows.remove(row);
      return;
    }
    const best = this.#best[group] as number;
    if (this.#isTop || best === LEFT) return;
    const order = best > 0 ? this.#order.compare(row, best - 1) : before === NONE ? -1 : this.#compareWith(row, before);
    if (weight > 0 && order < 0) this.#best[group] = row + 1;
    else if (weight < 0 && order === 0) this.#best[group] = LEFT;
  }

  valueOf(group: number, before: number, nRows: number): number {
    const best = this.#best[group] as number;
    this.#best[group] = AS_BEFORE;
    const known = this.#heaps.get(group);
    if (nRows === 0) {
      this.#drop(group);
      return NONE;
    }
    if (known === undefined && !this.#isTop && best !== LEFT)
      return best === AS_BEFORE ? before : valueIdOf(this.#rows, best - 1);
    // A group that is new may be one of many that are loaded once and never change.
    if (known === undefined && (nRows <= SMALL || before === NONE)) return this.#valueOfRows(this.#firstOf(group));
    const heap = known ?? this.#makeHeap(group);
    const value = this.#valueOfRows(heap.rows.firstOnes(this.#limit));
    if (nRows <= SMALL / 2 || (heap.nIdle > nRows && !this.#isTop)) this.#drop(group);
    return value;
  }

  finish(): (() => void) | undefined {
    const changes = this.#changes;
    this.#changes = undefined;
    return changes && (() => this.#changeBack(changes.added, changes.deleted));
  }

  abandon(): void {
    this.#best.fill(AS_BEFORE);
    this.finish()?.();
  }

  forget(group: number): void {
    this.#drop(group);
  }

  move(from: number, to: number): void {
    const heap = this.#heaps.get(from);
    if (heap === undefined) return;
    this.#heaps.delete(from);
    this.#heaps.set(to, heap);
  }

  #changeBack(added: IntList, deleted: IntList): void {
    if (this.#heaps.size === 0) return;
    for (const row of added.values()) this.#heaps.get(this.#rows.groupOf(row))?.rows.remove(row);
    for (const row of deleted.values()) this.#heaps.get(this.#rows.groupOf(row))?.rows.add(row);
  }

  get #limit(): number {
    return this.#rows.aggregate.limit ?? 1;
  }

  #makeHeap(group: number): Heap {
    const heap = { rows: new OrderedHeap(this.#order), nIdle: 0 };
    heap.rows.fill(this.#rows.rowsOf(group));
    this.#heaps.set(group, heap);
    return heap;
  }

  #drop(group: number): void {
    this.#heaps.get(group)?.rows.clear();
    if (this.#heaps.delete(group) && this.#heaps.size === 0) this.#order.release();
  }

  /** The first rows of a group without a heap, in order. */
  #firstOf(group: number): number[] {
    const { compare } = this.#order;
    const first: number[] = [];
    for (const row of this.#rows.rowsOf(group)) {
      if (first.length === this.#limit) {
        if (compare(row, first.at(-1) as number) > 0) continue;
        first.pop();
      }
      let at = first.length;
      while (at > 0 && compare(row, first[at - 1] as number) < 0) at--;
      first.splice(at, 0, row);
    }
    return first;
  }

  #valueOfRows(first: readonly number[]): number {
    if (!this.#isTop) return valueIdOf(this.#rows, first[0] as number);
    const { body, interner, aggregate } = this.#rows;
    const shown = first.map((row) => interner.valueOf(body.data[row * body.stride + aggregate.nGroup + 1] as number));
    return interner.idOf(shown);
  }

  /** In the order of `top` and `max` the other way round. */
  #compareWith(row: number, id: number): number {
    const { body, interner, aggregate } = this.#rows;
    const base = row * body.stride + aggregate.nGroup;
    const sign = aggregate.fn === "min" ? 1 : -1;
    if (aggregate.nParts === undefined) return sign * interner.compare(body.data[base] as number, id);
    const parts = interner.valueOf(id) as readonly Value[];
    for (const [i, part] of parts.entries()) {
      const order = compareValues(interner.valueOf(body.data[base + i] as number), part);
      if (order !== 0) return sign * order;
    }
    return 0;
  }

  readonly #compareRows = (a: number, b: number): number => {
    const { body, interner, aggregate } = this.#rows;
    const { data, stride } = body;
    const [baseA, baseB] = [a * stride + aggregate.nGroup, b * stride + aggregate.nGroup];
    const nParts = aggregate.nParts ?? 1;
    for (let i = 0; i < nParts; i++) {
      const order = interner.compare(data[baseA + i] as number, data[baseB + i] as number);
      if (order !== 0) return order;
    }
    return 0;
  };
}
