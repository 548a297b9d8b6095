/** Work that yields wherever others may come first. */

/** Comes to a `T`; nothing else that matters to it may change while it is under way. */
export type Work<T = void> = Generator<undefined, T, undefined>;

/** Who drives work bit by bit, beside that of others. */
export interface Turns {
  /** Begins work; it goes on in later turns until it is done. */
  begin(work: Work): void;
}

/** Does work here and now. */
export function finish<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
