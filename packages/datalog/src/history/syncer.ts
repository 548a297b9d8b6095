/** When what was written is forced to the disk. */

/**
 * `"each"` commit before it is acknowledged; `"never"` (the system writes when it likes: a crash of the process loses nothing, a crash
 * of the machine may); or at most so long after a write.
 */
export type SyncPolicy = "each" | "never" | { readonly everyMs: number };

/** Carries a policy out. */
export class Syncer {
  readonly #policy: SyncPolicy;
  readonly #sync: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** What a sync by the timer threw: the next writer gets it. */
  #failure: { readonly error: unknown } | undefined;

  constructor(policy: SyncPolicy, sync: () => void) {
    this.#policy = policy;
    this.#sync = sync;
  }

  /** Whether every append is to be synced by itself. */
  get isEach(): boolean {
    return this.#policy === "each";
  }

  /** Throws what a sync in the background threw. */
  check(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }

  /** Something was written. */
  written(): void {
    if (typeof this.#policy === "string" || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#sync();
      } catch (error) {
        this.#failure = { error };
      }
    }, this.#policy.everyMs).unref();
  }

  sync(): void {
    this.check();
    this.#sync();
  }

  /** Ends the timer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
