/** A list that is never copied as it grows: in pieces, so that adding to one of a million costs what adding to a short one does. */

const PIECE_BITS = 10;
const INDEX_MASK = (1 << PIECE_BITS) - 1;

/** Values by their numbers, from 0. */
export class LongList<T> {
  readonly #pieces: T[][] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get(index: number): T | undefined {
    return this.#pieces[index >> PIECE_BITS]?.[index & INDEX_MASK];
  }

  /** Puts another value in the place of one. */
  set(index: number, value: T): void {
    (this.#pieces[index >> PIECE_BITS] as T[])[index & INDEX_MASK] = value;
  }

  push(value: T): void {
    const piece = this.#pieces[this.#length >> PIECE_BITS];
    if (piece === undefined) this.#pieces.push([value]);
    else piece.push(value);
    this.#length++;
  }

  pop(): T | undefined {
    if (this.#length === 0) return undefined;
    this.#length--;
    const value = this.#pieces.at(-1)?.pop();
    if ((this.#length & INDEX_MASK) === 0) this.#pieces.pop();
    return value;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const piece of this.#pieces) yield* piece;
  }
}
