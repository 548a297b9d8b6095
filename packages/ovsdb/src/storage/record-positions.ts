/**
 * Where the latest records of a log begin, so that a compaction can leave them as they are.
 *
 * Bounded: who asks for a record that is forgotten is told that it is not known. Every transaction adds one and only a
 * compaction asks, so that they stand in plain arrays.
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
  #versions: string[] = [];
  #offsets: number[] = [];
  #versionsBefore: string[] = [];
  /** Records before this one are forgotten but not yet cut off. */
  #start = 0;
  /** By how much the file's offsets are less than those that are remembered. */
  #shift = 0;

  /** @param limit - how many records are remembered */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds the newest record: the version that it led to, its offset, and the version before it. */
  add(version: string, at: number, versionBefore: string): void {
    this.#versions.push(version);
    this.#offsets.push(at + this.#shift);
    this.#versionsBefore.push(versionBefore);
    if (this.#versions.length - this.#start <= this.#limit) return;
    this.#start++;
    if (this.#start > 1024 && this.#start * 2 > this.#versions.length) this.#cut();
  }

  /** All that are remembered. Cost: linear in their number. */
  byVersion(): Map<string, RecordPosition> {
    const positions = new Map<string, RecordPosition>();
    for (let i = this.#start; i < this.#versions.length; i++) {
      const [version = "", at = 0, versionBefore = ""] = [this.#versions[i], this.#offsets[i], this.#versionsBefore[i]];
      positions.set(version, { at: at - this.#shift, versionBefore });
    }
    return positions;
  }

  /** The records from offset `at` on now begin so many bytes earlier; those before are gone. */
  moved(at: number, byBytes: number): void {
    while ((this.#offsets[this.#start] ?? Infinity) - this.#shift < at) this.#start++;
    this.#cut();
    this.#shift += byBytes;
  }

  clear(): void {
    this.#start = this.#versions.length;
    this.#cut();
    this.#shift = 0;
  }

  #cut(): void {
    this.#versions = this.#versions.slice(this.#start);
    this.#offsets = this.#offsets.slice(this.#start);
    this.#versionsBefore = this.#versionsBefore.slice(this.#start);
    this.#start = 0;
  }
}
