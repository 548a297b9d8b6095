/** Which version of a database belongs to which index of its log, for the latest of them. */

/** A place in the log. */
export interface Checkpoint {
  readonly index: number;
  readonly version: string;
}

const MAX_CHECKPOINTS = 20_000;

/** The latest places, oldest first. */
export class Checkpoints {
  #places: Checkpoint[];

  constructor(index: number, version: string) {
    this.#places = [{ index, version }];
  }

  add(index: number, version: string): void {
    this.#places.push({ index, version });
    if (this.#places.length > 2 * MAX_CHECKPOINTS) this.#places = this.#places.slice(-MAX_CHECKPOINTS);
  }

  /** Forgets all before this place. */
  restart(index: number, version: string): void {
    this.#places = [{ index, version }];
  }

  /** The oldest place, of those at most `nEntries` before the last, whose version is known; the last is. */
  before(nEntries: number, isKnown: (version: string) => boolean): Checkpoint {
    const last = this.#places.at(-1) ?? { index: 0, version: "" };
    return this.#places.find(({ index, version }) => index >= last.index - nEntries && isKnown(version)) ?? last;
  }
}
