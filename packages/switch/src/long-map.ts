/**
 * A map that is never copied whole as it grows.
 *
 * The language's own moves all its entries whenever their number doubles: with 100,000 of them packets would wait for 9 ms. This one
 * parts them among many, by a hash of the key, as soon as there are more than a few.
 *
 * Limits: with some millions of entries the parts take long to grow, too.
 */

/** A map of more entries is parted. */
const MAX_UNPARTED = 1024;
/** Into how many; a power of two. */
const N_PARTS = 128;

/** Values by keys. */
export class LongMap<K, V> {
  readonly #hashOf: (key: K) => number;
  readonly #parts: Map<K, V>[] = [new Map()];
  #size = 0;

  /** @param hashOf - a number of a key that stays; its lowest bits are looked at */
  constructor(hashOf: (key: K) => number) {
    this.#hashOf = hashOf;
  }

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#partOf(key).get(key);
  }

  set(key: K, value: V): void {
    const part = this.#partOf(key);
    const nBefore = part.size;
    part.set(key, value);
    this.#size += part.size - nBefore;
    if (this.#parts.length === 1 && part.size > MAX_UNPARTED) this.#splitUp(part);
  }

  /** @returns whether it was there */
  delete(key: K): boolean {
    const isHeld = this.#partOf(key).delete(key);
    if (isHeld) this.#size--;
    return isHeld;
  }

  /** The values, each at least once that is here all the time; others may come and go meanwhile. */
  *values(): IterableIterator<V> {
    for (const part of this.#parts) yield* part.values();
  }

  #partOf(key: K): Map<K, V> {
    const parts = this.#parts;
    return parts[parts.length === 1 ? 0 : this.#hashOf(key) & (N_PARTS - 1)] as Map<K, V>;
  }

  /** What stays in the first part stays in its place: somebody may be looking through it. */
  #splitUp(first: Map<K, V>): void {
    while (this.#parts.length < N_PARTS) this.#parts.push(new Map());
    for (const [key, value] of first) {
      const part = this.#partOf(key);
      if (part === first) continue;
      first.delete(key);
      part.set(key, value);
    }
  }
}
