/** An open transaction: changes of inputs, evaluated as often as wanted, then kept or taken back. */
import type { Tuple } from "../value.ts";
import { type Change, type Delta, deltaOf } from "./delta.ts";
import { checkKeys, inputRow } from "./input-row.ts";
import { RelationError, TransactionError } from "./errors.ts";
import type { Evaluation, Step } from "./evaluation.ts";
import type { RowStore } from "./row-store.ts";

/** What a transaction needs of its engine. */
export interface TransactionOwner {
  readonly evaluation: Evaluation;
  inputStore(relation: string): RowStore;
  rows(relation: string): Tuple[];
  /** Told what a commit changed, or `undefined` for a rollback. */
  end(delta: Delta | undefined): void;
}

/** Made by `Engine.begin`. While it is open, the engine's own `rows`, `explain` and so on show its last evaluation. */
export class Transaction {
  readonly #owner: TransactionOwner;
  readonly #steps: Step[] = [];
  /** Input stores changed since the last evaluation. */
  #changed = new Set<RowStore>();
  #isOpen = true;

  constructor(owner: TransactionOwner) {
    this.#owner = owner;
  }

  /** False once committed or rolled back. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  insert(relation: string, tuple: Tuple): void {
    this.#change(relation, tuple, true);
  }

  delete(relation: string, tuple: Tuple): void {
    this.#change(relation, tuple, false);
  }

  apply(changes: readonly Change[]): void {
    for (const { relation, tuple, weight } of changes) this.#change(relation, tuple, weight > 0);
  }

  /** Brings everything up to date; returns what changed since the transaction began. An error rolls the transaction back. */
  evaluate(): Delta {
    this.#requireOpen();
    this.#run();
    return deltaOf(this.#steps, this.#owner.evaluation);
  }

  /** Rows of a relation with the changes evaluated so far. */
  rows(relation: string): Tuple[] {
    this.#requireOpen();
    return this.#owner.rows(relation);
  }

  /** Evaluates what is left and keeps the result; returns what the whole transaction changed. */
  commit(): Delta {
    this.#requireOpen();
    this.#run();
    this.#isOpen = false;
    const { evaluation } = this.#owner;
    const delta = deltaOf(this.#steps, evaluation);
    evaluation.release(this.#steps);
    this.#owner.end(delta);
    return delta;
  }

  /** Goes back to the state in which the transaction began. */
  rollback(): void {
    this.#requireOpen();
    const { evaluation } = this.#owner;
    this.#isOpen = false;
    evaluation.abandon();
    for (let i = this.#steps.length - 1; i >= 0; i--) evaluation.undo(this.#steps[i] as Step);
    evaluation.release(this.#steps);
    this.#owner.end(undefined);
  }

  #run(): void {
    if (this.#changed.size === 0) return;
    const changed = this.#changed;
    this.#changed = new Set();
    try {
      const step = this.#owner.evaluation.run(changed);
      this.#steps.push(step);
      this.#checkKeys(step, changed);
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  #checkKeys(step: Step, changed: ReadonlySet<RowStore>): void {
    const { program, interner } = this.#owner.evaluation;
    for (const { store, added } of step.changes) {
      const relation = changed.has(store) ? program.relations.get(store.name) : undefined;
      if (relation !== undefined) checkKeys(relation, store, added.values(), interner);
    }
  }

  #change(relation: string, tuple: Tuple, isThere: boolean): void {
    this.#requireOpen();
    const { evaluation } = this.#owner;
    const store = this.#owner.inputStore(relation);
    if (tuple.length !== store.arity) {
      throw new RelationError(`Cannot change "${relation}": the row has ${tuple.length} columns, the relation ${store.arity}`, {
        details: { relation },
      });
    }
    const declared = evaluation.program.relations.get(relation);
    const row = declared === undefined ? tuple : inputRow(declared, tuple);
    const key = Int32Array.from(row, (value) => evaluation.interner.idOf(value));
    evaluation.setInput(store, key, isThere);
    this.#changed.add(store);
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw new TransactionError("Cannot use the transaction: it has ended");
  }
}
