/** `count`: the number of rows. */
import type { Interner } from "../../rows/interner.ts";
import type { Accumulator } from "./accumulator.ts";

export class Count implements Accumulator {
  readonly #interner: Interner;

  constructor(interner: Interner) {
    this.#interner = interner;
  }

  change(): void {}

  valueOf(_group: number, _before: number, nRows: number): number {
    return this.#interner.idOf(nRows);
  }
}
