/** An open transaction: changes of inputs, evaluated as often as wanted, then kept or taken back. */
import type { CoreRelation } from "../check/core.ts";
import type { Tuple, Value } from "../value.ts";
import { type Change, type Delta, deltaOf } from "./delta.ts";
import { checkKeys, hasTypedColumns, inputRow } from "./input-row.ts";
import { RelationError, TransactionError } from "./errors.ts";
import type { Evaluation, Step } from "./evaluate/evaluation.ts";
import type { RowStore } from "./rows/row-store.ts";

/** What a transaction needs of its engine. */
export interface TransactionOwner {
  readonly evaluation: Evaluation;
  inputStore(relation: string): RowStore;
  rows(relation: string): Tuple[];
  /** Told what a commit changed, or `undefined` for a rollback. */
  end(delta: Delta | undefined): void;
}

interface OpenInput {
  readonly name: string;
  readonly store: RowStore;
  /** Set if texts of typed columns are to be read. */
  readonly declared: CoreRelation | undefined;
  /** Room for a row's ids. */
  readonly ids: Int32Array;
}

/** Made by `Engine.begin`. While it is open, the engine's own `rows`, `explain` and so on show its last evaluation. */
export class Transaction {
  readonly #owner: TransactionOwner;
  readonly #steps: Step[] = [];
  /** Input stores changed since the last evaluation. */
  #changed = new Set<RowStore>();
  #isOpen = true;
  #input: OpenInput | undefined;

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
      if (relation !== undefined) checkKeys(relation, store, added, interner);
    }
  }

  #change(relation: string, tuple: Tuple, isThere: boolean): void {
    this.#requireOpen();
    const { evaluation } = this.#owner;
    const input = this.#input?.name === relation ? this.#input : this.#openInput(relation);
    const { store, ids, declared } = input;
    if (tuple.length !== ids.length) {
      throw new RelationError(`Cannot change "${relation}": the row has ${tuple.length} columns, the relation ${store.arity}`, {
        details: { relation },
      });
    }
    const row = declared === undefined ? tuple : inputRow(declared, tuple);
    const { interner } = evaluation;
    for (let i = 0; i < ids.length; i++) ids[i] = interner.idOf(row[i] as Value);
    evaluation.setInput(store, ids, isThere);
    this.#changed.add(store);
  }

  /** What changes of a relation need; the last one is kept, because changes come relation by relation. */
  #openInput(name: string): OpenInput {
    const store = this.#owner.inputStore(name);
    const relation = this.#owner.evaluation.program.relations.get(name);
    const declared = relation !== undefined && hasTypedColumns(relation) ? relation : undefined;
    this.#input = { name, store, declared, ids: new Int32Array(store.arity) };
    return this.#input;
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw new TransactionError("Cannot use the transaction: it has ended");
  }
}
