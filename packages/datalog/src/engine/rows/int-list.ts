/** A growing list of 32-bit integers: rows of a batch, journals. A quarter of the memory of an array, and of one shape everywhere. */

const EMPTY = new Int32Array(0);

/** Integers in the order they were added; or consecutive ones, which are written out when someone asks for their array. */
export class IntList {
  length = 0;
  /** The first of consecutive integers that are not written out, otherwise -1. */
  first = -1;
  #items: Int32Array;

  /** @param items - the elements to begin with; the list takes the array over */
  constructor(items: Int32Array = EMPTY) {
    this.#items = items;
    this.length = items.length;
  }

  /** The elements; those from `length` on mean nothing. Consecutive ones share their array: nobody may write to it. */
  get items(): Int32Array {
    if (this.first >= 0) {
      this.#items = naturalsUpTo(this.first + this.length).subarray(this.first);
      this.first = -1;
    }
    return this.#items;
  }

  push(value: number): void {
    const { items } = this;
    if (this.length === items.length) this.#grow();
    this.#items[this.length++] = value;
  }

  /** Empties the list and keeps its room, unless that is large. */
  clear(): void {
    this.length = 0;
    if (this.#items.length > 1 << 16) this.#items = EMPTY;
  }

  /** The elements, as a view. */
  values(): Int32Array {
    return this.length === 0 ? EMPTY : this.items.subarray(0, this.length);
  }

  #grow(): void {
    const larger = new Int32Array(Math.max(16, this.#items.length * 2));
    larger.set(this.#items);
    this.#items = larger;
  }
}

/** The integers from `from` to `to` - 1: a list that only is read. */
export function range(from: number, to: number): IntList {
  const list = new IntList();
  list.first = from;
  list.length = to - from;
  return list;
}

let naturals = new WeakRef(new Int32Array(0));

function naturalsUpTo(to: number): Int32Array {
  let numbers = naturals.deref();
  if (numbers === undefined || numbers.length < to) {
    numbers = new Int32Array(Math.max(1024, to + (to >> 2)));
    for (let i = 0; i < numbers.length; i++) numbers[i] = i;
    naturals = new WeakRef(numbers);
  }
  return numbers;
}
