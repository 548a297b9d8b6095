/**
 * All relations of a program with their rows, and one evaluation: input changes in, every derived relation brought up to date.
 *
 * An evaluation ends as a {@link Step}: what changed, and how to go back. Strata that read nothing that changed are not visited.
 */
import type { CoreRule, FunctionDef } from "../check/core.ts";
import type { Program } from "../compile.ts";
import { Budget, type Limits } from "./budget.ts";
import { AggregateRelation } from "./evaluate-aggregate.ts";
import { CountingRelation } from "./evaluate-counting.ts";
import { ExtremeStratum } from "./evaluate-extreme.ts";
import { RecursiveStratum } from "./evaluate-recursive.ts";
import { RelationError } from "./errors.ts";
import { Interner } from "./interner.ts";
import type { PlanContext } from "./plan.ts";
import { INIT, withStart } from "./start.ts";
import { type Changes, type RowNotes, RowStore } from "./row-store.ts";
import { ALIVE } from "./views.ts";

/** A finished evaluation: changed rows by relation, and the way back. */
export interface Step {
  readonly changes: readonly StoreChange[];
  readonly undoGroups: readonly (() => void)[];
}

/** What an evaluation did to one relation. */
interface StoreChange extends Changes {
  readonly store: RowStore;
}

interface Unit {
  readonly prepare: () => void;
  readonly evaluate: () => void;
  readonly forget: () => void;
  readonly stores: readonly RowStore[];
}

/** The relations of one program. */
export class Evaluation {
  readonly program: Program;
  readonly interner: Interner;
  readonly stores: ReadonlyMap<string, RowStore>;
  readonly planContext: PlanContext;
  /** The program's rules as they are evaluated: each has a positive table. */
  readonly rules: readonly CoreRule[];
  readonly #budget: Budget;
  readonly #units: Unit[] = [];
  readonly #aggregates: AggregateRelation[] = [];
  readonly #recursive: RecursiveStratum[] = [];
  /** Units that read a store, as positions in the order of evaluation. */
  readonly #readers = new Map<RowStore, number[]>();
  readonly #isDirty: Uint8Array;
  readonly #minSweep: number;
  #sweepAt: number;

  constructor(program: Program, limits: Limits, interner: Interner = new Interner()) {
    this.program = program;
    this.rules = program.rules.map(withStart);
    this.interner = interner;
    this.#budget = new Budget(limits, interner);
    this.#minSweep = limits.minValuesToSweep ?? 65_536;
    this.#sweepAt = this.#minSweep;
    const stores = new Map<string, RowStore>([[INIT, new RowStore(INIT, 0)]]);
    const notes = notesOf(program);
    for (const { name, columns } of program.relations.values()) {
      stores.set(name, new RowStore(name, columns.length, notes.get(name) ?? "none"));
    }
    this.stores = stores;
    this.planContext = {
      interner,
      results: new Map<FunctionDef, Map<number | string, number>>(),
      sets: new Map<FunctionDef, Map<number | string, readonly number[]>>(),
      spend: (origin, relation) => this.#budget.spend(origin, relation),
      checkTime: (origin, relation) => this.#budget.checkTime(origin, relation),
      storeOf: (relation) => this.store(relation),
    };
    this.#build();
    this.#isDirty = new Uint8Array(this.#units.length);
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
  run(inputs: ReadonlySet<RowStore>): Step {
    this.#budget.startClock();
    try {
      for (const store of inputs) this.#settled(store, true);
      for (let i = 0; i < this.#units.length; i++) {
        if (this.#isDirty[i] === 0) continue;
        this.#isDirty[i] = 0;
        const unit = this.#units[i] as Unit;
        unit.evaluate();
        for (const store of unit.stores) this.#settled(store, false);
      }
    } catch (error) {
      this.abandon();
      throw error;
    } finally {
      this.#budget.stopClock();
    }
    return this.#finish();
  }

  /** Takes back changes that were not evaluated, or an evaluation that failed. */
  abandon(): void {
    this.#isDirty.fill(0);
    for (const stratum of this.#recursive) stratum.abandon();
    for (const aggregate of this.#aggregates) aggregate.abandon();
    for (const store of this.stores.values()) store.abandon();
  }

  /** Undoes a finished evaluation; later ones must have been undone before. */
  undo(step: Step): void {
    for (const undoGroup of step.undoGroups) undoGroup();
    for (const { store, journal } of step.changes) store.restore(journal);
  }

  /** Makes what is known besides rows, when the stores were loaded. */
  reload(): void {
    this.begin();
    for (const aggregate of this.#aggregates) aggregate.reload();
    this.release([this.#finish()]);
  }

  /** Makes the plans and indexes that changes will need. */
  prepare(): void {
    for (const store of this.stores.values()) store.trim();
    for (const unit of this.#units) unit.prepare();
  }

  /** Frees what the steps of a finished transaction left behind. */
  release(steps: readonly Step[]): void {
    for (const { changes } of steps) for (const change of changes) change.store.release(change);
    for (const { changes } of steps) for (const { store } of changes) store.compactIfDue();
  }

  /** Forgets values that no row holds, when most of the table may be such. Only between transactions. */
  sweepIfDue(): void {
    if (this.interner.size < this.#sweepAt) return;
    for (const unit of this.#units) unit.forget();
    this.planContext.results.clear();
    this.planContext.sets.clear();
    this.interner.sweep((use) => {
      for (const store of this.stores.values()) store.visitIds(use);
    });
    this.#sweepAt = Math.max(this.#minSweep, 2 * this.interner.size);
  }

  #settled(store: RowStore, isInput: boolean): void {
    if (isInput) store.settle();
    if (store.added.length === 0 && store.deleted.length === 0) return;
    for (const reader of this.#readers.get(store) ?? []) this.#isDirty[reader] = 1;
  }

  #finish(): Step {
    const changes: StoreChange[] = [];
    for (const store of this.stores.values()) {
      if (store.journal.rows.length === 0 && !store.isFresh) continue;
      const { added, deleted, journal } = store;
      store.finish();
      changes.push({ store, added, deleted, journal });
    }
    return { changes, undoGroups: this.#aggregates.map((aggregate) => aggregate.finish()) };
  }

  #build(): void {
    const { strata, aggregates } = this.program;
    const rules = new Map<string, CoreRule[]>(strata.flatMap(({ relations }) => relations.map((name) => [name, []])));
    for (const rule of this.rules) rules.get(rule.relation)?.push(rule);
    const aggregateByName = new Map(aggregates.map((aggregate) => [aggregate.relation, aggregate]));
    for (const { relations, isRecursive } of strata) {
      const stores = relations.map((name) => this.store(name));
      const [name = ""] = relations;
      const [store = this.store(name)] = stores;
      const members = relations.flatMap((member) => rules.get(member) ?? []);
      const aggregate = aggregateByName.get(name);
      const read = members.flatMap((rule) =>
        rule.body.flatMap((l) => (l.kind === "atom" || l.kind === "not" ? [this.store(l.relation)] : [])),
      );
      if (aggregate !== undefined) {
        const body = this.store(aggregate.body);
        const unit = new AggregateRelation(aggregate, store, body, this.interner, this.#budget);
        this.#aggregates.push(unit);
        this.#add(unit, [store], [body]);
      } else if (this.program.relations.get(name)?.extreme !== undefined) {
        const kept = relations.flatMap((member) => this.program.relations.get(member) ?? []);
        this.#add(new ExtremeStratum(stores, kept, members, this.planContext, this.#budget), stores, read);
      } else if (isRecursive) {
        const unit = new RecursiveStratum(stores, members, this.planContext, this.#budget);
        this.#recursive.push(unit);
        this.#add(unit, stores, read);
      } else if (members.length > 0)
        this.#add(new CountingRelation(store, members, this.planContext, this.#budget), [store], read);
    }
  }

  #add(
    unit: { evaluate(): void; forget?(): void; prepare?(): void },
    stores: readonly RowStore[],
    read: readonly RowStore[],
  ): void {
    const position =
      this.#units.push({
        evaluate: () => unit.evaluate(),
        forget: () => unit.forget?.(),
        prepare: () => unit.prepare?.(),
        stores,
      }) - 1;
    for (const store of new Set(read)) {
      if (stores.includes(store)) continue;
      const readers = this.#readers.get(store);
      if (readers === undefined) this.#readers.set(store, [position]);
      else readers.push(position);
    }
  }
}

/** What the relations keep per row: inputs and aggregates nothing. */
function notesOf({ strata, aggregates }: Program): Map<string, RowNotes> {
  const notes = new Map<string, RowNotes>();
  for (const { relations, isRecursive } of strata) for (const name of relations) notes.set(name, isRecursive ? "rank" : "count");
  for (const { relation } of aggregates) notes.set(relation, "none");
  return notes;
}
