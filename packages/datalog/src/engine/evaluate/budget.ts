/** What one transaction may derive, and how long it may take: a rule without end is stopped before memory or patience is gone. */
import type { RuleOrigin } from "../../check/core.ts";
import { DivergenceError } from "../errors.ts";
import type { Interner } from "../rows/interner.ts";

/** Limits of an engine. */
export interface Limits {
  /** Rows that rules may add in a transaction, and elements that set functions may give. Default 5 million. */
  readonly maxTuples?: number;
  /** Characters and list elements of a transaction's new values. Default 200 million. */
  readonly maxValueUnits?: number;
  /**
   * Milliseconds by the clock that bringing everything up to date may take, each time that is done. No limit by default. A function
   * that does not return is not stopped.
   */
  readonly maxMs?: number;
  /** Different strings, lists and large numbers before those that no row holds any more are looked for. Default 65 536. */
  readonly minValuesToSweep?: number;
}

/** The clock is looked at once per so many tuples and one. */
const TUPLES_PER_LOOK = 1023;

/** Counts down what is left. */
export class Budget {
  readonly #maxTuples: number;
  readonly #maxUnits: number;
  readonly #maxMs: number;
  readonly #interner: Interner;
  #tuples = 0;
  #units = 0;
  #deadline = Number.POSITIVE_INFINITY;

  constructor(limits: Limits, interner: Interner) {
    this.#maxTuples = limits.maxTuples ?? 5_000_000;
    this.#maxUnits = limits.maxValueUnits ?? 200_000_000;
    this.#maxMs = limits.maxMs ?? Number.POSITIVE_INFINITY;
    this.#interner = interner;
  }

  /** Starts a transaction. */
  reset(): void {
    this.#tuples = this.#maxTuples;
    this.#units = this.#interner.nUnits + this.#maxUnits;
  }

  /** Puts tuples back: rows that were there and are made anew do not count. */
  give(nTuples: number): void {
    this.#tuples += nTuples;
  }

  /** An evaluation begins: its time runs from here. */
  startClock(): void {
    if (this.#maxMs !== Number.POSITIVE_INFINITY) this.#deadline = performance.now() + this.#maxMs;
  }

  /** The evaluation has ended. */
  stopClock(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** Throws when the time is over; for rules that look at much and derive little. */
  checkTime(origin: RuleOrigin, relation: string): void {
    if (this.#isLate()) this.refuse(origin, relation);
  }

  /** Takes one tuple off; throws when there is none left. */
  spend(origin: RuleOrigin, relation: string): void {
    if (!this.take()) this.refuse(origin, relation);
  }

  /** Throws what tells which limit was passed, by which rule. */
  refuse(origin: RuleOrigin, relation: string): never {
    if (this.#tuples < 0) throw new DivergenceError(relation, origin, `derives more than ${this.#maxTuples} rows`);
    if (this.#interner.nUnits > this.#units) {
      throw new DivergenceError(relation, origin, `derives more than ${this.#maxUnits} characters of new values`);
    }
    throw new DivergenceError(relation, origin, `is not done after ${this.#maxMs} ms`);
  }

  /** Takes one tuple off; false when a limit is passed. */
  take(): boolean {
    const left = --this.#tuples;
    return left >= 0 && this.#interner.nUnits <= this.#units && ((left & TUPLES_PER_LOOK) !== 0 || !this.#isLate());
  }

  #isLate(): boolean {
    return this.#deadline !== Number.POSITIVE_INFINITY && performance.now() > this.#deadline;
  }
}
