/** Tells a person how far the start-up is: one line per step, the running one overwritten on a terminal. */

/** Where the lines go. */
export interface ProgressOutput {
  write(text: string): unknown;
  /** Lines can be overwritten. */
  readonly isTerminal: boolean;
  readonly hasColor: boolean;
}

/** Steps of a start-up, one at a time. */
export class Progress {
  readonly #out: ProgressOutput;
  #isOpen = false;

  constructor(out: ProgressOutput) {
    this.#out = out;
  }

  /** Runs a step; `describe` says in a few words what came out. */
  async step<T>(title: string, work: () => Promise<T>, describe: (result: T) => string): Promise<T> {
    const startedAt = performance.now();
    this.note(title, "...");
    const result = await work();
    const ms = `${Math.round(performance.now() - startedAt)} ms`;
    this.#line(`  ${title.padEnd(12)} ${describe(result).padEnd(44)} ${ms.padStart(8)}`, true);
    return result;
  }

  /** Says what the running step does now; on a terminal only. */
  note(title: string, text: string): void {
    if (this.#out.isTerminal) this.#line(`  ${title.padEnd(12)} ${text}`, false);
  }

  /** Leaves the running line as it is, for what is printed next. */
  end(): void {
    if (this.#isOpen) this.#out.write("\n");
    this.#isOpen = false;
  }

  #line(text: string, isLast: boolean): void {
    this.#out.write(`${this.#isOpen ? "\r\x1b[K" : ""}${text}${isLast ? "\n" : ""}`);
    this.#isOpen = !isLast;
  }
}
