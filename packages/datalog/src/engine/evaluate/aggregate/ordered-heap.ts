/**
 * Heaps of numbered items that know where each item is, so that any of them can leave.
 *
 * What: a binary heap over item numbers; the first is the one that the order puts before all others. Why: the extreme of a large group is
 * then kept for a logarithm per change, where a sorted list would have to be sorted before. How: places are in one array for all
 * heaps of a family, because an item is in one heap at most.
 */
import { enlarged, grownLength } from "../../rows/key-index.ts";

/** What the heaps of one family share. */
export class HeapOrder {
  /** Negative if item `a` comes before `b`. */
  readonly compare: (a: number, b: number) => number;
  /** Place of each item in its heap, from 1 on; 0 if it is in none. */
  places: Int32Array = new Int32Array(16);

  constructor(compare: (a: number, b: number) => number) {
    this.compare = compare;
  }

  /** Makes room for an item. */
  reserve(item: number): void {
    if (item < this.places.length) return;
    this.places = enlarged(this.places, Math.max(item + 1, grownLength(this.places.length)));
  }

  /** Gives the room back when no heap has an item. */
  release(): void {
    this.places = new Int32Array(16);
  }
}

/** One heap. */
export class OrderedHeap {
  readonly #order: HeapOrder;
  #items: Int32Array = new Int32Array(8);
  #length = 0;

  constructor(order: HeapOrder) {
    this.#order = order;
  }

  get length(): number {
    return this.#length;
  }

  /** The item that comes before all others, or -1. */
  get first(): number {
    return this.#length === 0 ? -1 : (this.#items[0] as number);
  }

  has(item: number): boolean {
    return item < this.#order.places.length && this.#order.places[item] !== 0;
  }

  add(item: number): void {
    this.#append(item);
    this.#rise(this.#length - 1);
  }

  /** Adds many items to an empty heap. */
  fill(items: Iterable<number>): void {
    for (const item of items) this.#append(item);
    for (let i = (this.#length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** Takes out an item that is in. */
  remove(item: number): void {
    const { places } = this.#order;
    const at = (places[item] as number) - 1;
    places[item] = 0;
    this.#length--;
    if (at === this.#length) return;
    this.#put(this.#items[this.#length] as number, at);
    this.#rise(at);
    this.#sink(at);
  }

  /** Restores the order after an item that is in came to stand further in front. */
  advance(item: number): void {
    this.#rise((this.#order.places[item] as number) - 1);
  }

  /** The first `n` items in order; the heap stays as it is. */
  firstOnes(n: number): number[] {
    const { compare } = this.#order;
    const found: number[] = [];
    /** Indexes of the heap whose parents are found, the next one last. */
    const waiting: number[] = this.#length > 0 ? [0] : [];
    while (found.length < n) {
      const at = waiting.pop();
      if (at === undefined) break;
      found.push(this.#items[at] as number);
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child >= this.#length) continue;
        const item = this.#items[child] as number;
        let [low, high] = [0, waiting.length];
        while (low < high) {
          const middle = (low + high) >> 1;
          if (compare(this.#items[waiting[middle] as number] as number, item) < 0) high = middle;
          else low = middle + 1;
        }
        waiting.splice(low, 0, child);
      }
    }
    return found;
  }

  /** Takes out all items. */
  clear(): void {
    const { places } = this.#order;
    for (let i = 0; i < this.#length; i++) places[this.#items[i] as number] = 0;
    this.#length = 0;
  }

  #append(item: number): void {
    if (this.#length === this.#items.length) this.#items = enlarged(this.#items, grownLength(this.#length));
    this.#order.reserve(item);
    this.#put(item, this.#length++);
  }

  #rise(from: number): void {
    const { compare } = this.#order;
    const item = this.#items[from] as number;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#items[parent] as number;
      if (compare(item, above) >= 0) break;
      this.#put(above, at);
      at = parent;
    }
    this.#put(item, at);
  }

  #sink(from: number): void {
    const { compare } = this.#order;
    const item = this.#items[from] as number;
    let at = from;
    for (let child = 2 * at + 1; child < this.#length; child = 2 * at + 1) {
      const right = child + 1;
      if (right < this.#length && compare(this.#items[right] as number, this.#items[child] as number) < 0) child = right;
      const below = this.#items[child] as number;
      if (compare(item, below) <= 0) break;
      this.#put(below, at);
      at = child;
    }
    this.#put(item, at);
  }

  #put(item: number, at: number): void {
    this.#items[at] = item;
    this.#order.places[item] = at + 1;
  }
}
