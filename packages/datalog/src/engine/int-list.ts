/** A growing list of 32-bit integers: rows of a batch, journals. A quarter of the memory of an array, and of one shape everywhere. */

const EMPTY = new Int32Array(0);

/** Integers in the order they were added. Elements of `items` from `length` on mean nothing. */
export class IntList {
  items: Int32Array = EMPTY;
  length = 0;

  push(value: number): void {
    if (this.length === this.items.length) this.#grow();
    this.items[this.length++] = value;
  }

  /** Empties the list and keeps its room, unless that is large. */
  clear(): void {
    this.length = 0;
    if (this.items.length > 1 << 16) this.items = EMPTY;
  }

  /** The elements, as a view. */
  values(): Int32Array {
    return this.items.subarray(0, this.length);
  }

  #grow(): void {
    const larger = new Int32Array(Math.max(16, this.items.length * 2));
    larger.set(this.items);
    this.items = larger;
  }
}

/** The integers from 0 to `n` - 1. */
export function countUp(n: number): IntList {
  const list = new IntList();
  list.items = new Int32Array(n);
  for (let i = 0; i < n; i++) list.items[i] = i;
  list.length = n;
  return list;
}
