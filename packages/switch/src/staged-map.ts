/** A map whose changes can be hidden from lookups until all that belong together are made. */
import type { Work } from "./turns.ts";

/** What is changed while hidden costs one entry more, and is entered for good in turns. */
export class StagedMap<K, V extends object> {
  readonly #entries = new Map<K, V>();
  /** Changes since {@link stage}; `undefined` is an entry that goes. */
  #changes: Map<K, V | undefined> | undefined;
  #isPublished = false;

  /** The value as lookups see it. */
  get(key: K): V | undefined {
    return this.#isPublished ? this.latest(key) : this.#entries.get(key);
  }

  /** The value after all changes so far. */
  latest(key: K): V | undefined {
    return this.#changes?.has(key) === true ? this.#changes.get(key) : this.#entries.get(key);
  }

  /** All values after all changes so far. */
  *values(): Generator<V> {
    for (const [key, value] of this.#entries) if (this.#changes?.has(key) !== true) yield value;
    for (const value of this.#changes?.values() ?? []) if (value !== undefined) yield value;
  }

  /** Sets a value, or takes it out. */
  set(key: K, value: V | undefined): void {
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
