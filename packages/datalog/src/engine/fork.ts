/** A version of an engine's state with some more changes; it is computed when looked at and costs the engine nothing in between. */
import type { Tuple } from "../value.ts";
import type { Change, Delta } from "./delta.ts";
import type { Engine } from "./engine.ts";
import type { Proof } from "./proof/explain.ts";

/** What changes would do. `rows` and `explain` show the engine's present state with the changes. */
export interface WhatIf {
  readonly delta: Delta;
  rows(relation: string): Tuple[];
  explain(relation: string, tuple: Tuple): Proof | undefined;
}

/** Made by `Engine.fork`. Any number may exist; each follows its engine's commits. */
export class Fork {
  readonly #engine: Engine;
  #changes: readonly Change[];
  #cached: { readonly version: number; readonly delta: Delta } | undefined;

  constructor(engine: Engine, changes: readonly Change[]) {
    this.#engine = engine;
    this.#changes = [...changes];
  }

  /** Changes on top of the engine's state, in order. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** Adds changes to this fork. */
  apply(changes: readonly Change[]): void {
    this.#changes = [...this.#changes, ...changes];
    this.#cached = undefined;
  }

  /** What the fork's changes do to the engine's present state. */
  delta(): Delta {
    if (this.#cached?.version === this.#engine.version) return this.#cached.delta;
    return this.#look((delta) => delta);
  }

  rows(relation: string): Tuple[] {
    return this.#look(() => this.#engine.rows(relation));
  }

  explain(relation: string, tuple: Tuple): Proof | undefined {
    return this.#look(() => this.#engine.explain(relation, tuple));
  }

  /** Makes the fork's changes on the engine itself; the fork is then empty. */
  commit(): Delta {
    const delta = this.#engine.transact(this.#changes);
    this.#changes = [];
    this.#cached = undefined;
    return delta;
  }

  #look<R>(read: (delta: Delta) => R): R {
    const transaction = this.#engine.begin();
    try {
      transaction.apply(this.#changes);
      const delta = transaction.evaluate();
      this.#cached = { version: this.#engine.version, delta };
      return read(delta);
    } finally {
      if (transaction.isOpen) transaction.rollback();
    }
  }
}
