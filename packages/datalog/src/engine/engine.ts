/**
 * The engine: a program, its rows, and transactions over them.
 *
 * Everything happens on the calling thread, one transaction at a time. What-ifs and forks are transactions that are rolled back; they
 * cost what going forward costs, and leave no trace.
 */
import { didYouMean } from "@tenet/kit";
import type { Column } from "../check/core.ts";
import type { Program } from "../compile.ts";
import type { SourceText } from "../language/ast.ts";
import type { MappedState } from "../state/state-bytes.ts";
import { loadState, saveState } from "../state/state-file.ts";
import type { Tuple, Value } from "../value.ts";
import { withoutSource, withSource } from "../with-source.ts";
import type { Limits } from "./evaluate/budget.ts";
import { checkInvariants } from "./checks/check-invariants.ts";
import { checkSameState, stateText } from "./checks/state-text.ts";
import { type Change, type Delta, readTuple } from "./delta.ts";
import { RelationError, TransactionError } from "./errors.ts";
import { Evaluation } from "./evaluate/evaluation.ts";
import { explainRow, type Proof } from "./proof/explain.ts";
import { Fork, type WhatIf } from "./fork.ts";
import { typedPattern } from "./input-row.ts";
import { NONE } from "./rows/interner.ts";
import { replaceProgram } from "./replace.ts";
import { type ProofOptions, proofsOf } from "./proof/proofs.ts";
import type { RowStore } from "./rows/row-store.ts";
import { INIT } from "./evaluate/start.ts";
import { Transaction, type TransactionOwner } from "./transaction.ts";
import { OLD } from "./rows/views.ts";
import { explainAbsence, type WhyNot } from "./proof/why-not.ts";

/** What an engine may use, and how it looks after itself. */
export interface EngineOptions extends Limits {
  /**
   * Checks the state after each commit, rollback and new program: every count, rank, index and group against a computation from scratch;
   * after a rollback also that every row, count and rank is what it was when the transaction began. An {@link InvariantError} names the relation and row that are wrong. For debugging: it costs more than evaluating everything anew.
   */
  readonly checks?: boolean;
  /**
   * A file that {@link Engine.save} wrote: the engine starts from its state, and must have the program it was written under. Mapped into memory
   * it is not read, only summed; what changes then is copied page by page.
   */
  readonly state?: string | MappedState;
}

/** A relation as a program has it. */
export interface RelationInfo {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly kind: "input" | "derived";
  readonly isOutput: boolean;
  /** Where the rules stand that derive it. */
  readonly rules: readonly { readonly file: string; readonly line: number; readonly text: string }[];
}

/** A running program. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #listeners = new Set<(delta: Delta) => void>();
  readonly #evaluation: Evaluation;
  #open: Transaction | undefined;
  /** With checks: the state in which the open transaction began. */
  #before: readonly string[] = [];
  #version = 0;

  /** Starts a program: facts, and what follows from empty inputs, hold at once. */
  constructor(program: Program, options: EngineOptions = {}) {
    this.#options = options;
    const { state } = options;
    this.#evaluation = state === undefined ? startEvaluation(program, options) : loadState(program, options, state);
    this.#checkIfWanted();
  }

  /**
   * Writes the whole state to a file, from which an engine starts many times faster than it computes it.
   *
   * @throws StateFileError if that fails; a file that was there before stays then
   */
  save(file: string): void {
    if (this.#open !== undefined) throw new TransactionError("Cannot save: a transaction is open");
    saveState(this.#evaluation, file);
  }

  /** Moves with each commit and each new program: forks then look anew. */
  get version(): number {
    return this.#version;
  }

  get program(): Program {
    return this.#evaluation.program;
  }

  /**
   * Changes inputs and brings everything derived up to date, all or nothing.
   *
   * @returns exact changes of all relations, the inputs included
   * @throws RelationError, FunctionError, DivergenceError; the engine is then as before
   */
  transact(changes: readonly Change[]): Delta {
    const transaction = this.begin();
    try {
      transaction.apply(changes);
      return transaction.commit();
    } catch (error) {
      if (transaction.isOpen) transaction.rollback();
      throw error;
    }
  }

  /** Opens a transaction; there is one at a time, and until it ends the engine shows its state. */
  begin(): Transaction {
    if (this.#open !== undefined) {
      throw new TransactionError("Cannot begin: a transaction is open", { hint: "commit it or roll it back first" });
    }
    const evaluation = this.#evaluation;
    if (this.#options.checks === true) this.#before = stateText(evaluation);
    evaluation.begin();
    const owner: TransactionOwner = {
      evaluation,
      inputStore: (relation) => this.#inputStore(relation),
      rows: (relation) => this.rows(relation),
      end: (delta) => this.#end(delta),
    };
    this.#open = new Transaction(owner);
    return this.#open;
  }

  /**
   * Builds what changes will need, e.g. after a load: indexes, and rules compiled for each table that may change. Without it the first
   * changes do that.
   */
  prepare(): void {
    if (this.#open !== undefined) throw new TransactionError("Cannot prepare: a transaction is open");
    this.#evaluation.prepare();
  }

  /**
   * Compares every count, rank, index and group with a computation from scratch, as the option `checks` does after each transaction.
   *
   * @throws InvariantError that names the relation and row that are wrong
   */
  check(): void {
    if (this.#open !== undefined) throw new TransactionError("Cannot check: a transaction is open");
    checkInvariants(this.#evaluation);
  }

  /** What changes would do: evaluated on this engine and rolled back. */
  whatIf(changes: readonly Change[]): WhatIf {
    const fork = this.fork(changes);
    return {
      delta: fork.delta(),
      rows: (relation) => fork.rows(relation),
      explain: (relation, tuple) => fork.explain(relation, tuple),
    };
  }

  /** A version of its own: this engine's state and some more changes, looked at when asked. */
  fork(changes: readonly Change[] = []): Fork {
    return new Fork(this, changes);
  }

  /** All rows of a relation, in no particular order. */
  rows(relation: string): Tuple[] {
    const store = this.#store(relation);
    const tuples: Tuple[] = [];
    for (let row = 0; row < store.end; row++) {
      if (((store.flags[row] as number) & OLD) !== 0) tuples.push(readTuple(store, row, this.#evaluation.interner));
    }
    return tuples;
  }

  /** Number of rows of a relation. */
  size(relation: string): number {
    return this.#store(relation).size;
  }

  has(relation: string, tuple: Tuple): boolean {
    return this.#find(relation, tuple) >= 0;
  }

  /** Rows that agree with the pattern; `undefined` and missing columns match anything. */
  match(relation: string, wanted: readonly (Value | undefined)[]): Tuple[] {
    const store = this.#store(relation);
    const pattern = typedPattern(this.program.relations.get(relation), wanted);
    const { interner } = this.#evaluation;
    const columns = Array.from({ length: store.arity }, (_, i) => i).filter((column) => pattern[column] !== undefined);
    if (columns.length === 0) return this.rows(relation);
    if (columns.length === store.arity) return this.has(relation, pattern as Tuple) ? [pattern as Tuple] : [];
    const key = Int32Array.from(columns, (column) => interner.idOf(pattern[column] ?? null));
    const tuples: Tuple[] = [];
    for (const row of store.indexes.on(columns).rowsOf(key)) {
      if (((store.flags[row] as number) & OLD) !== 0) tuples.push(readTuple(store, row, interner));
    }
    return tuples;
  }

  /** The program's relations. */
  relations(): readonly RelationInfo[] {
    const { relations, rules } = this.program;
    return [...relations.values()].flatMap(({ name, columns, kind, isOutput }): RelationInfo[] => {
      if (kind === "hidden") return [];
      const origins = new Set(rules.filter((rule) => rule.relation === name).map((rule) => rule.origin));
      return [{ name, columns, kind, isOutput, rules: [...origins].map(({ file, line, text }) => ({ file, line, text })) }];
    });
  }

  /** One derivation of a row down to inputs and facts, without cycles; `undefined` if the row is not there. */
  explain(relation: string, tuple: Tuple): Proof | undefined {
    const row = this.#find(relation, tuple);
    return row < 0 ? undefined : explainRow(this.#evaluation, this.#store(relation), row);
  }

  /**
   * All proofs of a row, the smallest first, made one by one as they are asked for; none if the row is not there.
   *
   * In a proof each row is derived in one way, and no row follows from itself. Read them before the engine changes.
   */
  *proofs(relation: string, tuple: Tuple, options: ProofOptions = {}): Generator<Proof> {
    const row = this.#find(relation, tuple);
    if (row >= 0) yield* proofsOf(this.#evaluation, this.#store(relation), row, options);
  }

  /** Why no row agrees with the pattern: for each rule how far it gets, the nearest first. */
  whyNot(relation: string, pattern: readonly (Value | undefined)[]): WhyNot {
    this.#store(relation);
    const typed = typedPattern(this.program.relations.get(relation), pattern);
    return explainAbsence(this.#evaluation, relation, typed, (name, partial) => this.match(name, partial));
  }

  /** Calls the listener after each commit that changed something; the returned function ends that. */
  onDelta(listener: (delta: Delta) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Puts another program in place. Rows of inputs that both have stay. Only relations whose rules are other than before are evaluated,
   * and what depends on rows that change thereby: one rule more or less costs what that rule derives.
   *
   * @returns what changed, as for a transaction; listeners hear of it
   * @throws what evaluating the new program throws; the old one then stays
   */
  replaceProgram(program: Program): Delta {
    if (this.#open !== undefined) throw new TransactionError("Cannot replace the program: a transaction is open");
    const delta = this.#replace(program);
    this.#evaluation.sweepIfDue();
    this.#checkIfWanted();
    this.#version++;
    this.#announce(delta);
    return delta;
  }

  /** Adds the rules of a file, or puts them in place of those of a file of that name: see {@link replaceProgram}. */
  addRules(source: SourceText): Delta {
    return this.replaceProgram(withSource(this.program, source));
  }

  /** Takes the rules of a file out: see {@link replaceProgram}. */
  removeRules(name: string): Delta {
    return this.replaceProgram(withoutSource(this.program, name));
  }

  #replace(program: Program): Delta {
    const before = this.#options.checks === true ? stateText(this.#evaluation) : undefined;
    try {
      return replaceProgram(this.#evaluation, program);
    } catch (error) {
      if (before !== undefined) checkSameState(before, this.#evaluation);
      this.#checkIfWanted();
      throw error;
    }
  }

  #end(delta: Delta | undefined): void {
    this.#open = undefined;
    this.#evaluation.sweepIfDue();
    this.#checkIfWanted();
    if (delta === undefined && this.#options.checks === true) checkSameState(this.#before, this.#evaluation);
    if (delta !== undefined) this.#announce(delta);
  }

  #checkIfWanted(): void {
    if (this.#options.checks === true) checkInvariants(this.#evaluation);
  }

  #announce(delta: Delta): void {
    if (delta.size === 0) return;
    this.#version++;
    for (const listener of Array.from(this.#listeners)) listener(delta);
  }

  #find(relation: string, wanted: Tuple): number {
    const store = this.#store(relation);
    const tuple = typedPattern(this.program.relations.get(relation), wanted);
    if (tuple.length !== store.arity) return -1;
    const key = Int32Array.from(tuple, (value) => this.#evaluation.interner.find(value));
    const row = key.includes(NONE) ? -1 : store.find(key);
    return row >= 0 && ((store.flags[row] as number) & OLD) !== 0 ? row : -1;
  }

  #store(relation: string): RowStore {
    const store = relation.startsWith("$") ? undefined : this.#evaluation.stores.get(relation);
    if (store !== undefined) return store;
    const known = [...this.program.relations.values()].filter(({ kind }) => kind !== "hidden").map(({ name }) => name);
    throw new RelationError(`Cannot find relation "${relation}"`, { hint: didYouMean(relation, known), details: { relation } });
  }

  #inputStore(relation: string): RowStore {
    const store = this.#store(relation);
    if (this.program.relations.get(relation)?.kind === "input") return store;
    const hint = "rows go into inputs only; derived relations follow";
    throw new RelationError(`Cannot change "${relation}": it is derived`, { hint, details: { relation } });
  }
}

/** Starts a program: facts hold at once. */
function startEvaluation(program: Program, limits: Limits): Evaluation {
  const evaluation = new Evaluation(program, limits);
  const start = evaluation.store(INIT);
  evaluation.begin();
  evaluation.setInput(start, new Int32Array(0), true);
  evaluation.release([evaluation.run(new Set([start]))]);
  return evaluation;
}
