/** A map of what has numbers, whose changes can be hidden from lookups until all that belong together are made. */
import type { Work } from "./turns.ts";

/** What is changed while hidden costs one entry more, and is entered for good in turns. */
export class StagedMap<V extends object> {
  readonly #entries = new Map<number, V>();
  /** Changes since {@link stage}; `undefined` is an entry that goes. */
  #changes: Map<number, V | undefined> | undefined;
  #isPublished = false;

  /** The value as lookups see it. */
  get(key: number): V | undefined {
    return this.#isPublished ? this.latest(key) : this.#entries.get(key);
  }

  /** The value after all changes so far. */
  latest(key: number): V | undefined {
    return this.#changes?.has(key) === true ? this.#changes.get(key) : this.#entries.get(key);
  }

  /** Values by their numbers, after all changes so far, of those that are there when their turn comes. */
  *values(): Generator<V> {
    for (const number of this.numbers()) {
      const value = this.latest(number);
      if (value !== undefined) yield value;
    }
  }

  /** The numbers of all values, ascending, and perhaps of some that go. */
  numbers(): Iterable<number> {
    const numbers = [...this.#entries.keys()];
    for (const number of this.#changes?.keys() ?? []) if (!this.#entries.has(number)) numbers.push(number);
    return Uint32Array.from(numbers).sort();
  }

  /** Sets a value, or takes it out. */
  set(key: number, value: V | undefined): void {
    if (this.#changes !== undefined) this.#changes.set(key, value);
    else if (value === undefined) this.#entries.delete(key);
    else this.#entries.set(key, value);
  }

  /** Hides what changes from now on. */
  stage(): void {
    this.#changes = new Map();
  }

  /** Shows what changed since {@link stage}, at once. {@link clean} is to follow. */
  publish(): void {
    this.#isPublished = this.#changes !== undefined;
  }

  /** Enters what was published, or forgets what was not; nothing may change meanwhile. */
  *clean(): Work {
    if (this.#isPublished) {
      for (const [key, value] of this.#changes ?? []) {
        if (value === undefined) this.#entries.delete(key);
        else this.#entries.set(key, value);
        yield;
      }
    }
    this.#isPublished = false;
    this.#changes = undefined;
  }
}
