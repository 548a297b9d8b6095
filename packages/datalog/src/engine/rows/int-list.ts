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

let naturals = new WeakRef(new Int32Array(0));

/** The integers from `from` to `to` - 1. Their array is shared: nobody may write to it. */
export function range(from: number, to: number): IntList {
  let numbers = naturals.deref();
  if (numbers === undefined || numbers.length < to) {
    numbers = new Int32Array(Math.max(1024, to + (to >> 2)));
    for (let i = 0; i < numbers.length; i++) numbers[i] = i;
    naturals = new WeakRef(numbers);
  }
  const list = new IntList();
  list.items = from === 0 ? numbers : numbers.subarray(from, to);
  list.length = to - from;
  return list;
}
