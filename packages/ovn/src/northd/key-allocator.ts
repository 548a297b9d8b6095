/**
 * Hands out numbers that must be unique and stay: tunnel keys.
 *
 * An owner keeps its key until it is released. Keys are given in turn, so that a released key rests as
 * long as possible before somebody else gets it: packets and learned addresses of its past owner are gone by then.
 */
export class KeyAllocator {
  readonly #min: number;
  readonly #max: number;
  readonly #keyByOwner = new Map<string, number>();
  readonly #ownerByKey = new Map<number, string>();
  #last: number;

  constructor(min: number, max: number) {
    this.#min = min;
    this.#max = max;
    this.#last = min - 1;
  }

  /** Records a key that is in use already; a key or an owner that is known keeps what it has. */
  adopt(owner: string, key: number): void {
    if (key < this.#min || key > this.#max || this.#keyByOwner.has(owner) || this.#ownerByKey.has(key)) return;
    this.#give(owner, key);
  }

  /**
   * The owner's key: the one it has, else the wished one if it is free, else the next free one.
   *
   * A wish that differs from what the owner has is granted when that key is free.
   * @returns `undefined` when all keys are taken
   */
  allocate(owner: string, wished: number | undefined): number | undefined {
    const current = this.#keyByOwner.get(owner);
    const key = this.#isFree(wished) ? wished : (current ?? this.#nextFree());
    if (key !== undefined && key !== current) {
      this.release(owner);
      this.#give(owner, key);
    }
    return key;
  }

  /** Takes the owner's key back. */
  release(owner: string): void {
    const key = this.#keyByOwner.get(owner);
    if (key === undefined) return;
    this.#keyByOwner.delete(owner);
    this.#ownerByKey.delete(key);
  }

  #give(owner: string, key: number): void {
    this.#keyByOwner.set(owner, key);
    this.#ownerByKey.set(key, owner);
  }

  #isFree(key: number | undefined): key is number {
    return key !== undefined && key >= this.#min && key <= this.#max && !this.#ownerByKey.has(key);
  }

  #nextFree(): number | undefined {
    if (this.#ownerByKey.size > this.#max - this.#min) return undefined;
    do this.#last = this.#last >= this.#max ? this.#min : this.#last + 1;
    while (this.#ownerByKey.has(this.#last));
    return this.#last;
  }
}
