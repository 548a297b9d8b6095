/**
 * `collect`: the sorted list of the values; `list` if there is a row per way to satisfy the body.
 *
 * The list of before is the order that is kept: what came and what went is looked up in it by halving, and everything between is copied.
 */
import { compareValues, type Value } from "../../../value.ts";
import { IntList } from "../../rows/int-list.ts";
import { NONE } from "../../rows/interner.ts";
import { enlarged, grownLength } from "../../rows/key-index.ts";
import { type Accumulator, type AggregateBody, valueIdOf } from "./accumulator.ts";

export class Collect implements Accumulator {
  readonly #rows: AggregateBody;
  /** The changes of this evaluation: 2 * row, + 1 if it came. */
  readonly #changes = new IntList();
  /** The change before it of the same group, counted from 1; 0 for none. */
  readonly #previous = new IntList();
  /** The last change of each group, counted from 1; 0 for none. */
  #last: Int32Array = new Int32Array(8);

  constructor(rows: AggregateBody) {
    this.#rows = rows;
  }

  open(group: number): void {
    if (group >= this.#last.length) this.#last = enlarged(this.#last, Math.max(group + 1, grownLength(this.#last.length)));
  }

  change(group: number, row: number, weight: 1 | -1): void {
    this.#changes.push(2 * row + (weight > 0 ? 1 : 0));
    this.#previous.push(this.#last[group] as number);
    this.#last[group] = this.#changes.length;
  }

  valueOf(group: number, before: number, nRows: number): number {
    let i = this.#last[group] as number;
    this.#last[group] = 0;
    if (nRows === 0) return NONE;
    const { interner } = this.#rows;
    const came: Value[] = [];
    const went: Value[] = [];
    for (; i > 0; i = this.#previous.items[i - 1] as number) {
      const change = this.#changes.items[i - 1] as number;
      ((change & 1) === 1 ? came : went).push(interner.valueOf(valueIdOf(this.#rows, change >> 1)));
    }
    const list = before === NONE ? [] : (interner.valueOf(before) as readonly Value[]);
    return interner.idOf(merge(list, came.sort(compareValues), went.sort(compareValues)));
  }

  finish(): undefined {
    this.#changes.clear();
    this.#previous.clear();
  }

  abandon(): void {
    this.finish();
    this.#last.fill(0);
  }
}

/** A sorted list with some values more, and without one of each that went. */
function merge(list: readonly Value[], came: readonly Value[], went: readonly Value[]): Value[] {
  if (list.length === 0) return [...came];
  const merged: Value[] = [];
  let at = 0;
  const copyUpTo = (value: Value): void => {
    const end = firstNotBelow(list, value, at);
    for (; at < end; at++) merged.push(list[at] as Value);
  };
  let [nCame, nWent] = [0, 0];
  while (nCame < came.length || nWent < went.length) {
    const [next, gone] = [came[nCame], went[nWent]];
    if (next !== undefined && (gone === undefined || compareValues(next, gone) < 0)) {
      copyUpTo(next);
      merged.push(next);
      nCame++;
    } else if (gone !== undefined) {
      copyUpTo(gone);
      at++;
      nWent++;
    }
  }
  for (; at < list.length; at++) merged.push(list[at] as Value);
  return merged;
}

/** The first index from `low` on whose value is not below the given one. */
function firstNotBelow(list: readonly Value[], value: Value, from: number): number {
  let [low, high] = [from, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareValues(list[middle] as Value, value) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
