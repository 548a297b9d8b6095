/**
 * Maps of a few pairs, as the rows of a server have by the hundred thousand.
 *
 * A `Map` of three pairs takes 250 bytes before its keys and values, because it has a hash table. Here the values stand in
 * an array, and the keys in another that maps with the same keys share: 90 bytes, and looking through a few is as fast as
 * hashing. It cannot be changed, and is a `Map` to all who read it.
 */
import type { Atom } from "./atom.ts";

/** Beyond so many pairs a hash table pays. */
const MOST_PAIRS = 8;

/** Makes compact maps; those with the same keys as the one before share them. */
export class MapCompactor {
  #lastKeys: readonly Atom[] = [];

  /**
   * The map, in fewer bytes if it is small; the pairs keep their order.
   *
   * @param shared - finds an equal atom that is there already
   */
  compact(map: ReadonlyMap<Atom, Atom>, shared: (atom: Atom) => Atom = (atom) => atom): ReadonlyMap<Atom, Atom> {
    if (map.size > MOST_PAIRS || map instanceof PairMap) return map;
    let i = 0;
    let isAsBefore = map.size === this.#lastKeys.length;
    for (const key of map.keys()) isAsBefore &&= key === this.#lastKeys[i++];
    if (!isAsBefore) this.#lastKeys = Array.from(map.keys(), shared);
    // `map` gives an array without room for more.
    return new PairMap(
      this.#lastKeys,
      [...map.values()].map((value) => shared(value)),
    );
  }
}

class PairMap implements ReadonlyMap<Atom, Atom> {
  readonly #keys: readonly Atom[];
  readonly #values: readonly Atom[];

  constructor(keys: readonly Atom[], values: readonly Atom[]) {
    this.#keys = keys;
    this.#values = values;
  }

  get size(): number {
    return this.#keys.length;
  }

  get(key: Atom): Atom | undefined {
    const keys = this.#keys;
    for (let i = 0; i < keys.length; i++) if (keys[i] === key) return this.#values[i];
    return undefined;
  }

  has(key: Atom): boolean {
    return this.#keys.includes(key);
  }

  forEach(visit: (value: Atom, key: Atom, map: ReadonlyMap<Atom, Atom>) => void, self?: unknown): void {
    const [keys, values] = [this.#keys, this.#values];
    for (let i = 0; i < keys.length; i++) {
      const [key, value] = [keys[i], values[i]];
      if (key !== undefined && value !== undefined) visit.call(self, value, key, this);
    }
  }

  *entries(): MapIterator<[Atom, Atom]> {
    const [keys, values] = [this.#keys, this.#values];
    for (let i = 0; i < keys.length; i++) {
      const [key, value] = [keys[i], values[i]];
      if (key !== undefined && value !== undefined) yield [key, value];
    }
  }

  keys(): MapIterator<Atom> {
    return this.#keys[Symbol.iterator]() as MapIterator<Atom>;
  }

  values(): MapIterator<Atom> {
    return this.#values[Symbol.iterator]() as MapIterator<Atom>;
  }

  [Symbol.iterator](): MapIterator<[Atom, Atom]> {
    return this.entries();
  }
}

// Who asks `instanceof Map`, or for the constructor to compare, is told that it is one.
Object.setPrototypeOf(PairMap.prototype, Map.prototype);
Object.defineProperty(PairMap.prototype, "constructor", { value: Map });
