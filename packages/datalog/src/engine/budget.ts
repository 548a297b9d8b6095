/** What one transaction may derive, so that a rule without end is stopped before memory is gone. */
import type { RuleOrigin } from "../check/core.ts";
import { DivergenceError } from "./errors.ts";
import type { Interner } from "./interner.ts";

/** Limits of an engine. */
export interface Limits {
  /** Rows that rules may add in a transaction, and elements that set functions may give. Default 5 million. */
  readonly maxTuples?: number;
  /** Characters and list elements of a transaction's new values. Default 200 million. */
  readonly maxValueUnits?: number;
  /** Different strings, lists and large numbers before those that no row holds any more are looked for. Default 65 536. */
  readonly minValuesToSweep?: number;
}

/** Counts down what is left. */
export class Budget {
  readonly #maxTuples: number;
  readonly #maxUnits: number;
  readonly #interner: Interner;
  #tuples = 0;
  #units = 0;

  constructor(limits: Limits, interner: Interner) {
    this.#maxTuples = limits.maxTuples ?? 5_000_000;
    this.#maxUnits = limits.maxValueUnits ?? 200_000_000;
    this.#interner = interner;
  }

  /** Starts a transaction. */
  reset(): void {
    this.#tuples = this.#maxTuples;
    this.#units = this.#interner.nUnits + this.#maxUnits;
  }

  /** Takes one tuple off; throws when there is none left. */
  spend(origin: RuleOrigin, relation: string): void {
    if (!this.take()) this.refuse(origin, relation);
  }

  /** Throws what tells which limit was passed, by which rule. */
  refuse(origin: RuleOrigin, relation: string): never {
    const limit = this.#tuples < 0 ? `${this.#maxTuples} rows` : `${this.#maxUnits} characters of new values`;
    throw new DivergenceError(relation, origin, limit);
  }

  /** Takes one tuple off; false when a limit is passed. */
  take(): boolean {
    return --this.#tuples >= 0 && this.#interner.nUnits <= this.#units;
  }
}
