/**
 * When a log is compacted by itself: when it has grown a lot, or after a day, but not often.
 *
 * @see ovsdb-server(1), command "ovsdb-server/compact"
 */

/** The limits of a log's growth. */
export interface CompactionLimits {
  /** A shorter log is left as it is, but for `maxAgeMs`. Default 10 MiB. */
  readonly minSizeBytes: number;
  /** How many times longer than after the last compaction. Default 2. */
  readonly growth: number;
  /** So many commits must have been added. Default 100. */
  readonly minCommits: number;
  /** The least time between two compactions. Default 10 minutes. */
  readonly minAgeMs: number;
  /** After this time the size does not matter. Default 24 hours. */
  readonly maxAgeMs: number;
}

/** What the original does. */
export const DEFAULT_COMPACTION: CompactionLimits = {
  minSizeBytes: 10 * 1024 * 1024,
  growth: 2,
  minCommits: 100,
  minAgeMs: 10 * 60_000,
  maxAgeMs: 24 * 3_600_000,
};

/** Keeps what was since the last compaction. */
export class CompactionSchedule {
  readonly #limits: CompactionLimits;
  #baseBytes = 0;
  #nCommits = 0;
  #sinceMs: number;

  constructor(limits: CompactionLimits, nowMs: number) {
    this.#limits = limits;
    this.#sinceMs = nowMs;
  }

  /** Counts a commit. @returns whether a compaction is due */
  isDue(sizeBytes: number, nowMs: number): boolean {
    const { minSizeBytes, growth, minCommits, minAgeMs, maxAgeMs } = this.#limits;
    this.#nCommits++;
    const ageMs = nowMs - this.#sinceMs;
    if (this.#nCommits < minCommits || ageMs < minAgeMs) return false;
    return ageMs >= maxAgeMs || (sizeBytes >= minSizeBytes && sizeBytes > growth * this.#baseBytes);
  }

  /** Begins anew: a compaction was begun. */
  restart(nowMs: number): void {
    this.#nCommits = 0;
    this.#sinceMs = nowMs;
  }

  /** What the log's length is compared with. */
  set baseBytes(sizeBytes: number) {
    this.#baseBytes = sizeBytes;
  }
}
