/**
 * Where the latest records of a log begin, so that a compaction can leave them as they are.
 *
 * Bounded: who asks for a record that is forgotten is told that it is not known.
 */

/** A record's place in the file. */
export interface RecordPosition {
  /** Byte offset of the record's header. */
  readonly at: number;
  /** The version of the state before it, as reading the file gives it. */
  readonly versionBefore: string;
}

/** The places of the latest records, by the version that each led to. */
export class RecordPositions {
  readonly #limit: number;
  readonly #positions = new Map<string, RecordPosition>();
  /** Goes from the oldest on: beginning anew would pass all that are forgotten. */
  #oldest: Iterator<string> = this.#positions.keys();
  /** By how much the file's offsets are less than those that are remembered. */
  #shift = 0;

  /** @param limit - how many records are remembered */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(version: string, { at, versionBefore }: RecordPosition): void {
    this.#positions.set(version, { at: at + this.#shift, versionBefore });
    if (this.#positions.size > this.#limit) this.#forgetOldest();
  }

  /** Where the record that led to this version begins, if that is known. */
  find(version: string): RecordPosition | undefined {
    const found = this.#positions.get(version);
    return found === undefined ? undefined : { ...found, at: found.at - this.#shift };
  }

  /** The records from offset `at` on now begin so many bytes earlier; those before are gone. */
  moved(at: number, byBytes: number): void {
    for (const [version, position] of this.#positions) {
      if (position.at - this.#shift >= at) break;
      this.#positions.delete(version);
    }
    this.#shift += byBytes;
  }

  clear(): void {
    this.#positions.clear();
    this.#oldest = this.#positions.keys();
    this.#shift = 0;
  }

  #forgetOldest(): void {
    const { value: version } = this.#oldest.next();
    if (version !== undefined) this.#positions.delete(version);
  }
}
