/** The latest commits, bounded by their number and by the number of row changes in them. */
import type { Commit } from "./commit.ts";

/** How much history is kept in memory, and what of that a compaction leaves in the file. */
export interface HistoryLimits {
  readonly commits: number;
  /** Changes of rows. */
  readonly changes: number;
  /** A compaction drops what is older. Default 30 days. */
  readonly ageMs?: number;
  /** A compaction drops the oldest beyond this size of records. Default 32 MiB. */
  readonly fileBytes?: number;
}

/** What a database keeps when nothing else is asked for. */
export const DEFAULT_HISTORY: HistoryLimits = { commits: 10_000, changes: 50_000 };

/** A queue of commits that forgets the oldest. */
export class History {
  readonly #limits: HistoryLimits;
  #commits: Commit[] = [];
  /** Commits before this position are forgotten but not yet cut off. */
  #start = 0;
  #nChanges = 0;
  /** The version before the oldest kept commit. */
  #base: string;

  constructor(limits: HistoryLimits, base: string) {
    this.#limits = limits;
    this.#base = base;
  }

  /** The version that the newest commit led to. */
  get version(): string {
    return this.#commits.at(-1)?.version ?? this.#base;
  }

  add(commit: Commit): void {
    this.#commits.push(commit);
    this.#nChanges += commit.changes.length;
    while (this.length > 1 && (this.length > this.#limits.commits || this.#nChanges > this.#limits.changes)) this.#forgetOldest();
    if (this.#start > 1024 && this.#start * 2 > this.#commits.length) {
      this.#commits = this.#commits.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Forgets everything: the state of this version came about in another way. */
  restart(version: string): void {
    this.#commits = [];
    this.#start = 0;
    this.#nChanges = 0;
    this.#base = version;
  }

  get length(): number {
    return this.#commits.length - this.#start;
  }

  /** The kept commits, oldest first. */
  all(): Commit[] {
    return this.#commits.slice(this.#start);
  }

  /** The commits after `version`, or `undefined` when it is not known (any more). */
  since(version: string): Commit[] | undefined {
    for (let at = this.#commits.length - 1; at >= this.#start; at--) {
      if (this.#commits[at]?.version === version) return this.#commits.slice(at + 1);
    }
    return version === this.#base ? this.all() : undefined;
  }

  #forgetOldest(): void {
    const oldest = this.#commits[this.#start];
    if (oldest === undefined) return;
    this.#base = oldest.version;
    this.#nChanges -= oldest.changes.length;
    this.#start++;
  }
}
