/** `sum`: exact, so that a change costs the same in groups of any size. */
import { IntList } from "../../rows/int-list.ts";
import { grownLength } from "../../rows/key-index.ts";
import type { Accumulator, AggregateBody } from "./accumulator.ts";
import { addTo, type ExactSum, nearest } from "./exact-sum.ts";

export class Sum implements Accumulator {
  readonly #rows: AggregateBody;
  /** Sums by group; NaN for those in `#wide`. */
  #sums = new Float64Array(8);
  readonly #wide = new Map<number, ExactSum>();
  #opened = new IntList();
  #before: ExactSum[] = [];

  constructor(rows: AggregateBody) {
    this.#rows = rows;
  }

  open(group: number): void {
    this.#makeRoom(group);
    this.#opened.push(group);
    this.#before.push(this.#sumOf(group));
  }

  change(group: number, row: number, weight: 1 | -1): void {
    const { body, interner, aggregate } = this.#rows;
    const value = interner.valueOf(body.data[row * body.stride + aggregate.nGroup] as number);
    if (typeof value === "number" || typeof value === "bigint") this.#set(group, addTo(this.#sumOf(group), value, weight));
  }

  valueOf(group: number): number {
    return this.#rows.interner.idOf(nearest(this.#sumOf(group)));
  }

  finish(): (() => void) | undefined {
    const [opened, before] = [this.#opened, this.#before];
    if (opened.length === 0) return undefined;
    this.#opened = new IntList();
    this.#before = [];
    return () => {
      for (let i = 0; i < opened.length; i++) this.#set(opened.items[i] as number, before[i] as ExactSum);
    };
  }

  abandon(): void {
    this.finish()?.();
  }

  forget(group: number): void {
    this.#set(group, 0);
  }

  move(from: number, to: number): void {
    const sum = this.#sumOf(from);
    this.#set(from, 0);
    this.#set(to, sum);
  }

  reload(): void {
    for (const row of this.#rows.body.aliveRows().values()) {
      const group = this.#rows.groupOf(row);
      this.#makeRoom(group);
      this.change(group, row, 1);
    }
  }

  #makeRoom(group: number): void {
    if (group < this.#sums.length) return;
    const larger = new Float64Array(Math.max(group + 1, grownLength(this.#sums.length)));
    larger.set(this.#sums);
    this.#sums = larger;
  }

  #sumOf(group: number): ExactSum {
    const sum = this.#sums[group] as number;
    return Number.isNaN(sum) ? (this.#wide.get(group) ?? 0) : sum;
  }

  #set(group: number, sum: ExactSum): void {
    if (Number.isNaN(this.#sums[group])) this.#wide.delete(group);
    this.#sums[group] = typeof sum === "number" ? sum : Number.NaN;
    if (typeof sum !== "number") this.#wide.set(group, sum);
  }
}
