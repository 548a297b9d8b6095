/**
 * All relations of a program with their rows, and one evaluation: input changes in, every derived relation brought up to date.
 *
 * An evaluation ends as a {@link Step}: what changed, and how to go back. Strata that read nothing that changed are not visited.
 */
import type { CoreRule, FunctionDef } from "../../check/core.ts";
import type { Program } from "../../compile.ts";
import { Budget, type Limits } from "./budget.ts";
import { RelationError } from "../errors.ts";
import { Interner } from "../rows/interner.ts";
import { type LinkedProgram, linkProgram, type Shared, storesFor, type Unit } from "./linked-program.ts";
import type { PlanContext } from "../plan/plan.ts";
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import type { Changes, RowStore, StoreHeader } from "../rows/row-store.ts";
import type { RuleChange } from "./rule-change.ts";
import { ALIVE } from "../rows/views.ts";

/** A finished evaluation: changed rows by relation, and the way back. */
export interface Step {
  readonly changes: readonly StoreChange[];
  readonly undoGroups: readonly (() => void)[];
}

/** What an evaluation did to one relation. */
interface StoreChange extends Changes {
  readonly store: RowStore;
}

/** What a file of an engine's state says of it besides the arrays. */
export interface EvaluationHeader {
  /** Values at which those that no row holds are looked for. */
  readonly sweepAt: number;
  readonly stores: readonly StoreHeader[];
}

/** A program that was put in place of another. */
export interface Replacement {
  readonly before: LinkedProgram;
  readonly step: Step;
  /** Puts the program before back; the step must have been undone. */
  goBack(): void;
}

const NO_RULES: ReadonlyMap<number, RuleChange> = new Map();

/** Rows that must go before values are looked for because rows went. */
const MIN_GONE = 1 << 12;

/** The relations of a program. */
export class Evaluation {
  readonly interner: Interner;
  readonly planContext: PlanContext;
  readonly #budget: Budget;
  readonly #minSweep: number;
  #stores: ReadonlyMap<string, RowStore>;
  #linked: LinkedProgram;
  /** By unit: whether something that it reads has changed. */
  #isDirty: Uint8Array;
  #sweepAt: number;
  /** Rows that went since values were last looked for, and how many must have gone before that is thought of. */
  #nGone = 0;
  #lookAt = MIN_GONE;

  constructor(program: Program, limits: Limits, interner: Interner = new Interner()) {
    this.interner = interner;
    this.#budget = new Budget(limits, interner);
    this.#minSweep = limits.minValuesToSweep ?? 65_536;
    this.#sweepAt = this.#minSweep;
    this.planContext = {
      interner,
      results: new Map<FunctionDef, Map<number | string, number>>(),
      sets: new Map<FunctionDef, Map<number | string, readonly number[]>>(),
      spend: (origin, relation) => this.#budget.spend(origin, relation),
      checkTime: (origin, relation) => this.#budget.checkTime(origin, relation),
      storeOf: (relation) => this.store(relation),
    };
    this.#stores = storesFor(program, undefined);
    this.#linked = linkProgram(program, this.#stores, this.#shared, undefined).linked;
    this.#isDirty = new Uint8Array(this.#linked.units.length);
  }

  get program(): Program {
    return this.#linked.program;
  }

  /** The program's rules as they are evaluated: each has a positive table. */
  get rules(): readonly CoreRule[] {
    return this.#linked.rules;
  }

  get stores(): ReadonlyMap<string, RowStore> {
    return this.#stores;
  }

  /** The store of a relation that the program is known to have. */
  store(relation: string): RowStore {
    const store = this.stores.get(relation);
    if (store === undefined) throw new RelationError(`Cannot find relation "${relation}"`);
    return store;
  }

  /** Starts a transaction: its limits count from here. */
  begin(): void {
    this.#budget.reset();
  }

  /** Puts an input row in or takes it out; a row that is there already, or is not, stays as it is. */
  setInput(store: RowStore, key: Int32Array, isThere: boolean): void {
    if (!isThere) {
      const row = store.find(key);
      if (row < 0 || ((store.flags[row] as number) & ALIVE) === 0) return;
      store.touch(row);
      store.flags[row] = (store.flags[row] as number) & ~ALIVE;
      return;
    }
    const row = store.findOrAdd(key);
    if (((store.flags[row] as number) & ALIVE) !== 0) return;
    store.touch(row);
    store.flags[row] = (store.flags[row] as number) | ALIVE;
  }

  /** Evaluates the program after changes of inputs; an error leaves everything as it was before them. */
  run(inputs: ReadonlySet<RowStore>, rules: ReadonlyMap<number, RuleChange> = NO_RULES): Step {
    this.#budget.startClock();
    try {
      for (const store of inputs) this.#settled(store, true);
      const { units } = this.#linked;
      for (let i = 0; i < units.length; i++) {
        if (this.#isDirty[i] === 0) continue;
        this.#isDirty[i] = 0;
        const { evaluator, stores } = units[i] as Unit;
        evaluator.evaluate(rules.get(i));
        for (const store of stores) this.#settled(store, false);
      }
    } catch (error) {
      this.abandon();
      throw error;
    } finally {
      this.#budget.stopClock();
    }
    return this.#finish();
  }

  /**
   * Puts another program in place and evaluates what that changes; an error leaves the one that was there.
   *
   * @param changeInputs - changes the rows of inputs before the evaluation, and tells of which
   * @returns the program before, and how to go back to it
   */
  replace(program: Program, changeInputs: () => readonly RowStore[]): Replacement {
    const before = this.#linked;
    const goBack = (): void => {
      for (const { evaluator, definition } of before.units) evaluator.adopt(definition);
      this.#stores = before.stores;
      this.#install(before);
    };
    try {
      this.#stores = storesFor(program, before);
      const { linked, change } = linkProgram(program, this.#stores, this.#shared, before);
      this.#install(linked);
      for (const unit of change.rules.keys()) this.#isDirty[unit] = 1;
      for (const store of change.emptied) store.takeAllOut();
      const step = this.run(new Set([...change.emptied, ...changeInputs()]), change.rules);
      return { before, step, goBack };
    } catch (error) {
      this.abandon();
      goBack();
      throw error;
    }
  }

  /** Takes back changes that were not evaluated, or an evaluation that failed. */
  abandon(): void {
    this.#isDirty.fill(0);
    for (const { evaluator } of this.#linked.units) evaluator.abandon?.();
    for (const store of this.stores.values()) store.abandon();
  }

  /** Undoes a finished evaluation; later ones must have been undone before. */
  undo(step: Step): void {
    for (const undoGroup of step.undoGroups) undoGroup();
    for (const { store, journal } of step.changes) store.restore(journal);
  }

  /** Writes rows, indexes and groups; returns what is not in arrays. Between transactions. */
  save(to: SectionWriter): EvaluationHeader {
    for (const [i, evaluator] of this.#linked.keepers.entries()) evaluator.save?.(to, `groups.${i}`);
    return { sweepAt: this.#sweepAt, stores: Array.from(this.stores.values(), (store, i) => store.save(to, String(i))) };
  }

  /** Takes over what {@link save} wrote; nothing may have been evaluated. */
  load(from: SectionReader<unknown>, { sweepAt, stores }: EvaluationHeader): void {
    this.#sweepAt = Math.max(this.#minSweep, sweepAt);
    for (const [i, header] of stores.entries()) this.store(header.name).load(from, String(i), header, this.interner);
    for (const [i, evaluator] of this.#linked.keepers.entries()) evaluator.load?.(from, `groups.${i}`);
  }

  /** Makes the plans and indexes that changes will need. */
  prepare(): void {
    for (const store of this.stores.values()) store.trim();
    for (const { evaluator } of this.#linked.units) evaluator.prepare?.();
    for (const store of this.stores.values()) store.keyIfDue();
  }

  /** Frees what the steps of a finished transaction left behind. */
  release(steps: readonly Step[]): void {
    for (const { changes } of steps) {
      for (const change of changes) {
        // Releasing a change may empty its lists.
        this.#nGone += change.deleted.length;
        change.store.release(change);
      }
    }
    for (const evaluator of this.#linked.keepers) evaluator.release?.();
    for (const { changes } of steps) for (const { store } of changes) store.tidy();
  }

  /** Forgets values that no row holds, when most of the table may be such: it doubled, or most rows went. Only between transactions. */
  sweepIfDue(): void {
    const { size } = this.interner;
    if (size < this.#sweepAt && (size < this.#minSweep || !this.#haveMostGone())) return;
    for (const { evaluator } of this.#linked.units) evaluator.forget?.();
    this.planContext.results.clear();
    this.planContext.sets.clear();
    this.interner.sweep((use) => {
      for (const store of this.stores.values()) store.visitIds(use);
    });
    this.#sweepAt = Math.max(this.#minSweep, 2 * this.interner.size);
    this.#nGone = 0;
    this.#lookAt = MIN_GONE;
  }

  /** True if more rows went than are left, since values were last looked for. */
  #haveMostGone(): boolean {
    if (this.#nGone < this.#lookAt) return false;
    let nLeft = 0;
    for (const store of this.stores.values()) nLeft += store.size;
    this.#lookAt = Math.max(MIN_GONE, nLeft);
    return this.#nGone >= nLeft;
  }

  get #shared(): Shared {
    return { context: this.planContext, budget: this.#budget };
  }

  #install(linked: LinkedProgram): void {
    this.#linked = linked;
    this.#isDirty = new Uint8Array(linked.units.length);
  }

  #settled(store: RowStore, isInput: boolean): void {
    if (isInput) store.settle();
    if (store.added.length === 0 && store.deleted.length === 0) return;
    for (const reader of this.#linked.readers.get(store) ?? []) this.#isDirty[reader] = 1;
  }

  #finish(): Step {
    const changes: StoreChange[] = [];
    for (const store of this.stores.values()) {
      if (store.journal.rows.length === 0 && !store.isFresh) continue;
      const { added, deleted, journal } = store;
      store.finish();
      changes.push({ store, added, deleted, journal });
    }
    const undoGroups = this.#linked.keepers.flatMap((evaluator) => evaluator.finish?.() ?? []);
    return { changes, undoGroups };
  }
}
