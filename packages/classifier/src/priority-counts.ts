/** How many rules there are of each priority, and the highest of them: found at once when rules go from the top down, one by one. */

/** A multiset of priorities. */
export class PriorityCounts {
  /** Those that some rule has, ascending; and how many have each. */
  readonly #held: number[] = [];
  readonly #counts: number[] = [];

  /** The highest; -1 when there is none. */
  get max(): number {
    return this.#held[this.#held.length - 1] ?? -1;
  }

  has(priority: number): boolean {
    return this.#held[this.#positionOf(priority)] === priority;
  }

  add(priority: number): void {
    const position = this.#positionOf(priority);
    if (this.#held[position] === priority) this.#counts[position] = (this.#counts[position] as number) + 1;
    else {
      this.#held.splice(position, 0, priority);
      this.#counts.splice(position, 0, 1);
    }
  }

  /** Takes back one `add`. */
  remove(priority: number): void {
    const position = this.#positionOf(priority);
    const count = (this.#counts[position] as number) - 1;
    this.#counts[position] = count;
    if (count > 0) return;
    this.#held.splice(position, 1);
    this.#counts.splice(position, 1);
  }

  /** Where a priority is, or has to be put. */
  #positionOf(priority: number): number {
    let high = this.#held.length;
    let low = priority >= this.max ? high - 1 : 0; // most rules have the highest
    if (low < 0) return 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#held[middle] as number) < priority) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
