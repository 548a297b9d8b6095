/** How many rules there are of each priority, and the highest of them: found at once when rules go from the top down, one by one. */

/** A multiset of priorities. */
export class PriorityCounts {
  /** Those that some rule has, ascending. */
  readonly #held: number[] = [];
  readonly #countOf = new Map<number, number>();

  /** The highest; -1 when there is none. */
  get max(): number {
    return this.#held.at(-1) ?? -1;
  }

  add(priority: number): void {
    const count = this.#countOf.get(priority) ?? 0;
    this.#countOf.set(priority, count + 1);
    if (count > 0) return;
    if (priority > this.max) this.#held.push(priority);
    else this.#held.splice(this.#positionOf(priority), 0, priority);
  }

  /** Takes back one `add`. */
  remove(priority: number): void {
    const count = this.#countOf.get(priority) ?? 0;
    if (count > 1) {
      this.#countOf.set(priority, count - 1);
      return;
    }
    this.#countOf.delete(priority);
    if (priority === this.max) this.#held.pop();
    else this.#held.splice(this.#positionOf(priority), 1);
  }

  /** Where a priority is, or has to be put. */
  #positionOf(priority: number): number {
    let low = 0;
    let high = this.#held.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#held[middle] as number) < priority) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
