/**
 * Long work in short turns, so that packets which arrive meanwhile wait for one turn and not for the work.
 *
 * What: work is a generator that yields wherever it may be interrupted; it is driven for half a millisecond, then the event
 * loop gets its chance, then the next work has its turn. Why: the slow path, the database, OpenFlow and statistics share
 * a thread, and a bundle of 100,000 flow-mods takes half a second. How: short work ends within the call that began it.
 * Limits: what lies between two yields cannot be interrupted, nor can the collector of garbage.
 *
 * @see docs/design/0008-turns.md
 */

/** Work that yields wherever others may come first; `"blocked"` says that it cannot go on before {@link Turns.wake}. */
export type Work<T = void> = Generator<"blocked" | undefined, T, undefined>;

/** How long a turn is, in ms. */
const TURN_MS = 0.5;

/** Takes turns. */
export class Turns {
  readonly #nowMs: () => number;
  readonly #waiting: Work<unknown>[] = [];
  readonly #blocked: Work<unknown>[] = [];
  #next: NodeJS.Immediate | undefined;
  /** When the turn under way is over; 0 between turns. */
  #endMs = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Begins work, at once unless this turn is over or others wait; it goes on in later turns until it is done. */
  begin(work: Work<unknown>): void {
    if (this.#endMs === 0) this.#endMs = this.#nowMs() + TURN_MS;
    if (this.#waiting.length > 0) this.#waiting.push(work);
    else this.#drive(work);
    this.#schedule();
  }

  /** {@link begin}; resolves with what the work comes to, or rejects with what it fails with. */
  run<T>(work: Work<T>): Promise<T> {
    return new Promise((resolve, reject) => this.begin(settling(work, resolve, reject)));
  }

  /** Lets blocked work look whether it can go on. */
  wake(): void {
    if (this.#blocked.length === 0) return;
    this.#waiting.push(...this.#blocked.splice(0));
    this.#schedule();
  }

  /** Forgets all work. */
  stop(): void {
    this.#waiting.length = 0;
    this.#blocked.length = 0;
    clearImmediate(this.#next);
    this.#next = undefined;
  }

  /** Also ends the turn under way, when the event loop has had its chance. */
  #schedule(): void {
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#waiting.length === 0) {
      this.#endMs = 0;
      return;
    }
    this.#endMs = this.#nowMs() + TURN_MS;
    for (let n = this.#waiting.length; n > 0 && this.#nowMs() < this.#endMs; n--) {
      const work = this.#waiting.shift();
      if (work !== undefined) this.#drive(work);
    }
    this.#schedule(); // what is begun before the event loop has had its chance belongs to this turn
  }

  /** Drives work until it is done or blocked, or the turn is over. */
  #drive(work: Work<unknown>): void {
    while (this.#nowMs() < this.#endMs) {
      const { done, value } = work.next();
      if (done === true) return;
      if (value === "blocked") {
        this.#blocked.push(work);
        return;
      }
    }
    this.#waiting.push(work);
  }
}

function* settling<T>(work: Work<T>, resolve: (value: T) => void, reject: (error: unknown) => void): Work {
  try {
    resolve(yield* work);
  } catch (error) {
    reject(error);
  }
}

/** Does something for each of many, with a chance for others after each. */
export function* inSteps<T, R>(values: Iterable<T>, act: (value: T) => R): Work<R[]> {
  const results: R[] = [];
  for (const value of values) {
    results.push(act(value));
    yield;
  }
  return results;
}

/** Drives work to its end here and now. It must not be blocked by what cannot happen meanwhile. */
export function finish<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
