/** Which version of a database, and which locks, belong to which index of its log, for the latest of them. */
import type { LockTable } from "./lock-table.ts";

/** A place in the log. */
export interface Checkpoint {
  readonly index: number;
  readonly version: string;
  readonly locks: LockTable;
}

const MAX_CHECKPOINTS = 20_000;

/** The latest places, oldest first. */
export class Checkpoints {
  #places: Checkpoint[];

  constructor(first: Checkpoint) {
    this.#places = [first];
  }

  add(place: Checkpoint): void {
    this.#places.push(place);
    if (this.#places.length > 2 * MAX_CHECKPOINTS) this.#places = this.#places.slice(-MAX_CHECKPOINTS);
  }

  /** Forgets all before this place. */
  restart(place: Checkpoint): void {
    this.#places = [place];
  }

  /** The oldest place, of those at most `nEntries` before the last, whose version is known; the last is. */
  before(nEntries: number, isKnown: (version: string) => boolean): Checkpoint {
    const last = this.#places.at(-1) ?? { index: 0, version: "", locks: new Map() };
    return this.#places.find(({ index, version }) => index >= last.index - nEntries && isKnown(version)) ?? last;
  }
}
