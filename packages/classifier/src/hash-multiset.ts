/**
 * A counted set of 32-bit hashes: tells whether any rule of a subtable has a given partial hash.
 *
 * One per indexed stage of a subtable. Open addressing with linear probing and backward-shift removal, so
 * that it never holds tombstones. False positives (two matches with one hash) only cost a later probe.
 */

const MIN_CAPACITY = 16;

/** Counts hashes; `has` allocates nothing. */
export class HashMultiset {
  #hashes = new Uint32Array(MIN_CAPACITY);
  #counts = new Uint32Array(MIN_CAPACITY);
  #mask = MIN_CAPACITY - 1;
  #nHashes = 0;

  /** Whether `hash` was added more often than removed. */
  has(hash: number): boolean {
    return this.#counts[this.#slotOf(hash)] !== 0;
  }

  add(hash: number): void {
    const slot = this.#slotOf(hash);
    if (this.#counts[slot] === 0) {
      this.#hashes[slot] = hash;
      this.#nHashes++;
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    if (this.#nHashes * 2 > this.#mask) this.#grow();
  }

  /** Takes back one `add` of `hash`; it must have been added. */
  remove(hash: number): void {
    const slot = this.#slotOf(hash);
    const count = this.#counts[slot] ?? 0;
    if (count > 1) this.#counts[slot] = count - 1;
    else if (count === 1) this.#vacate(slot);
  }

  #slotOf(hash: number): number {
    let slot = hash & this.#mask;
    while (this.#counts[slot] !== 0 && this.#hashes[slot] !== hash) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #vacate(slot: number): void {
    this.#nHashes--;
    let hole = slot;
    let next = (slot + 1) & this.#mask;
    while (this.#counts[next] !== 0) {
      const home = (this.#hashes[next] ?? 0) & this.#mask;
      if (((next - home) & this.#mask) >= ((next - hole) & this.#mask)) {
        this.#hashes[hole] = this.#hashes[next] ?? 0;
        this.#counts[hole] = this.#counts[next] ?? 0;
        hole = next;
      }
      next = (next + 1) & this.#mask;
    }
    this.#counts[hole] = 0;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const counts = this.#counts;
    const capacity = (this.#mask + 1) * 2;
    this.#hashes = new Uint32Array(capacity);
    this.#counts = new Uint32Array(capacity);
    this.#mask = capacity - 1;
    for (let i = 0; i < hashes.length; i++) {
      const count = counts[i] ?? 0;
      if (count === 0) continue;
      const slot = this.#slotOf(hashes[i] ?? 0);
      this.#hashes[slot] = hashes[i] ?? 0;
      this.#counts[slot] = count;
    }
  }
}
