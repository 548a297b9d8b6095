/** How far apart the keys of an index lie: where they lie close together, each may have a slot of its own. */

/** The least and the greatest id that came. */
export class KeySpan {
  least: number = 2 ** 31 - 1;
  greatest: number = -(2 ** 31);
  /** Bits for even and odd ids. */
  kinds = 0;

  note(id: number): void {
    if (id < this.least) this.least = id;
    if (id > this.greatest) this.greatest = id;
    this.kinds |= 1 << (id & 1);
  }

  /** Slots for all ids of one kind from the least to the greatest; without bound if there are both kinds, or none. */
  get length(): number {
    return this.kinds === 1 || this.kinds === 2 ? (this.greatest - this.least) / 2 + 1 : Number.POSITIVE_INFINITY;
  }
}
