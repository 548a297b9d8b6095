/** A change of the tables that goes on in turns, and that whoever cannot wait may bring to its end. */
import type { Work } from "../turns.ts";

/** Work whose end, or failure, its beginner asks for. */
export class Transaction {
  isOver = false;
  readonly #work: Work;
  #isRunning = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(work: Work) {
    this.#work = work;
  }

  /** Goes on until the next chance for others; a failure is kept for {@link check}. */
  step(): void {
    this.#isRunning = true;
    try {
      this.isOver = this.#work.next().done === true;
    } catch (error) {
      this.isOver = true;
      this.#failure = { error };
    }
    this.#isRunning = false;
  }

  /** Goes on to the end, unless this is called from within. */
  finish(): void {
    while (!this.isOver && !this.#isRunning) this.step();
  }

  /** @throws what the work failed with */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
