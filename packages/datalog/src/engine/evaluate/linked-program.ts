/**
 * A program with the relations that hold its rows and the evaluators that keep them.
 *
 * What: a program that follows another one takes over its relations, and each evaluator whose rules are the same and read the
 * same relations, with its plans and groups. Of the other strata it tells what has changed, so that one evaluation brings them from the
 * state under the old rules to that under the new ones; what lies behind them sees ordinary changes of rows.
 * Limits: a relation that comes to depend on itself, or ceases to, gets a new store, because its rows are kept differently.
 */
import type { CoreRelation, CoreRule, FunctionDef, Stratum } from "../../check/core.ts";
import { type RuleNames, ruleText } from "../../check/rule-text.ts";
import type { Program } from "../../compile.ts";
import type { Budget } from "./budget.ts";
import { AggregateRelation } from "./evaluate-aggregate.ts";
import { CountingRelation } from "./evaluate-counting.ts";
import { ExtremeStratum } from "./evaluate-extreme.ts";
import { RecursiveStratum } from "./evaluate-recursive.ts";
import type { PlanContext } from "../plan/plan.ts";
import { RelationError } from "../errors.ts";
import { type RowNotes, RowStore } from "../rows/row-store.ts";
import type { Definition, Evaluator, RuleChange } from "./rule-change.ts";
import { INIT, withStart } from "./start.ts";
import { ALIVE, OLD_STATE } from "../rows/views.ts";

/** An evaluator and what it works on. */
export interface Unit {
  readonly evaluator: Evaluator;
  /** As the evaluator has it, rules in its order. */
  readonly definition: Definition;
  readonly extremes: readonly (CoreRelation["extreme"] | undefined)[];
  readonly isRecursive: boolean;
  readonly stores: readonly RowStore[];
  readonly reads: ReadonlySet<RowStore>;
}

/** A program that can be evaluated. */
export interface LinkedProgram {
  readonly program: Program;
  /** The program's rules as they are evaluated: each has a positive table. */
  readonly rules: readonly CoreRule[];
  readonly stores: ReadonlyMap<string, RowStore>;
  /** In the order of evaluation. */
  readonly units: readonly Unit[];
  /** The evaluators that keep something besides rows. */
  readonly keepers: readonly Evaluator[];
  /** Units that read a store, as positions among all. */
  readonly readers: ReadonlyMap<RowStore, readonly number[]>;
}

/** What is other than in the program before. */
export interface ProgramChange {
  /** By position of the unit. */
  readonly rules: ReadonlyMap<number, RuleChange>;
  /** Relations that no rule derives any more, or that were no inputs before: their rows go. */
  readonly emptied: readonly RowStore[];
}

/** What all evaluators of an engine share. */
export interface Shared {
  readonly context: PlanContext;
  readonly budget: Budget;
}

/** The relations of a program: those of the program before where both have them, with their rows. */
export function storesFor(program: Program, before: LinkedProgram | undefined): Map<string, RowStore> {
  const stores = new Map([[INIT, before?.stores.get(INIT) ?? new RowStore(INIT, 0)]]);
  const notes = notesOf(program);
  for (const { name, columns } of program.relations.values()) {
    const known = before?.stores.get(name);
    const isSame = known?.arity === columns.length;
    const wanted = notes.get(name) ?? "none";
    if (isSame) stores.set(name, known.notes === wanted ? known : copyOf(known, wanted));
    else stores.set(name, new RowStore(name, columns.length, wanted));
  }
  return stores;
}

/** Links a program to its relations, which the context must know already. */
export function linkProgram(
  program: Program,
  stores: ReadonlyMap<string, RowStore>,
  shared: Shared,
  before: LinkedProgram | undefined,
): { linked: LinkedProgram; change: ProgramChange } {
  return new Linker(program, stores, shared, before).link();
}

type Draft = Omit<Unit, "evaluator">;

class Linker {
  readonly #program: Program;
  readonly #stores: ReadonlyMap<string, RowStore>;
  readonly #shared: Shared;
  readonly #before: LinkedProgram | undefined;
  readonly #rules: readonly CoreRule[];
  readonly #rulesOf = new Map<string, CoreRule[]>();
  readonly #unitsBefore = new Map<RowStore, Unit>();
  readonly #names = new ExactNames();
  readonly #units: Unit[] = [];
  readonly #changes = new Map<number, RuleChange>();
  readonly #emptied: RowStore[] = [];

  constructor(program: Program, stores: ReadonlyMap<string, RowStore>, shared: Shared, before: LinkedProgram | undefined) {
    this.#program = program;
    this.#stores = stores;
    this.#shared = shared;
    this.#before = before;
    this.#rules = program.rules.map(withStart);
    for (const rule of this.#rules) {
      const known = this.#rulesOf.get(rule.relation);
      if (known === undefined) this.#rulesOf.set(rule.relation, [rule]);
      else known.push(rule);
    }
    for (const unit of before?.units ?? []) for (const store of unit.stores) this.#unitsBefore.set(store, unit);
  }

  link(): { linked: LinkedProgram; change: ProgramChange } {
    const aggregates = new Map(this.#program.aggregates.map((aggregate) => [aggregate.relation, aggregate]));
    for (const stratum of this.#program.strata) {
      const [name = ""] = stratum.relations;
      const aggregate = aggregates.get(name);
      const rules = stratum.relations.flatMap((member) => this.#rulesOf.get(member) ?? []);
      if (aggregate === undefined && rules.length === 0) this.#addEmpty(name);
      else this.#add(this.#draft(stratum, { rules, ...(aggregate && { aggregate }) }));
    }
    const linked = {
      program: this.#program,
      rules: this.#rules,
      stores: this.#stores,
      units: this.#units,
      keepers: this.#units.map(({ evaluator }) => evaluator).filter((evaluator) => evaluator.finish !== undefined),
      readers: readersOf(this.#units),
    };
    return { linked, change: { rules: this.#changes, emptied: this.#emptied } };
  }

  /** A relation without rules: its rows stay if it is and was an input. */
  #addEmpty(name: string): void {
    const { relations } = this.#program;
    const isInput = relations.get(name)?.kind === "input" && this.#before?.program.relations.get(name)?.kind === "input";
    const store = this.#store(name);
    if (!isInput && store.size > 0) this.#emptied.push(store);
  }

  #draft({ relations, isRecursive }: Stratum, definition: Definition): Draft {
    const stores = relations.map((name) => this.#store(name));
    const read = definition.rules.flatMap(({ body }) =>
      body.flatMap((literal) => (literal.kind === "atom" || literal.kind === "not" ? [this.#store(literal.relation)] : [])),
    );
    if (definition.aggregate !== undefined) read.push(this.#store(definition.aggregate.body));
    const reads = new Set(read.filter((store) => !stores.includes(store)));
    const extremes = relations.map((name) => this.#program.relations.get(name)?.extreme);
    return { definition, extremes, isRecursive, stores, reads };
  }

  #add(draft: Draft): void {
    const [store] = draft.stores;
    const before = store && this.#unitsBefore.get(store);
    const isAlike = before !== undefined && isOfOneKind(draft, before);
    const from = isAlike ? this.#match(draft.definition, before.definition) : undefined;
    if (isAlike && from !== undefined && isUnchanged(draft, before, from)) this.#keep(draft, before, from);
    else if (isAlike && from?.some((position) => position >= 0) === true && draft.extremes[0] === undefined) {
      this.#change(draft, before, from);
    } else {
      const added = new Set(draft.definition.rules.keys());
      this.#push(draft, this.#evaluatorOf(draft), { isAnew: true, added, removed: [], before: this.#shared.context });
    }
  }

  /** For each rule the position of an equal one in the definition before, or -1; `undefined` if they are other aggregates. */
  #match({ rules, aggregate }: Definition, before: Definition): number[] | undefined {
    const isSame = (["fn", "nGroup", "nParts", "limit"] as const).every((part) => aggregate?.[part] === before.aggregate?.[part]);
    if (!isSame) return undefined;
    const positions = new Map<string, number[]>();
    for (const [i, rule] of before.rules.entries()) {
      const key = this.#names.keyOf(rule);
      const known = positions.get(key);
      if (known === undefined) positions.set(key, [i]);
      else known.push(i);
    }
    return rules.map((rule) => positions.get(this.#names.keyOf(rule))?.shift() ?? -1);
  }

  #keep(draft: Draft, { evaluator, definition }: Unit, from: readonly number[]): void {
    const rules = Array.from(definition.rules);
    for (const [i, rule] of draft.definition.rules.entries()) rules[from[i] as number] = rule;
    const moved = { ...draft.definition, rules };
    evaluator.adopt(moved);
    this.#push({ ...draft, definition: moved }, evaluator);
  }

  #change(draft: Draft, { evaluator, definition }: Unit, from: readonly number[]): void {
    const added = new Set(from.flatMap((position, i) => (position < 0 ? [i] : [])));
    const removed = definition.rules.filter((_, i) => !from.includes(i));
    const { context, budget } = this.#shared;
    const [store] = draft.stores;
    const known = evaluator instanceof CountingRelation ? from.map((position) => evaluator.ruleAt(position)) : [];
    const next =
      evaluator instanceof CountingRelation && store !== undefined
        ? new CountingRelation(store, draft.definition.rules, context, budget, known)
        : this.#evaluatorOf(draft);
    const storeOf = (relation: string): RowStore => this.#before?.stores.get(relation) ?? this.#store(relation);
    const before = { ...context, storeOf, spend: () => undefined };
    this.#push(draft, next, { isAnew: false, added, removed, before });
  }

  #evaluatorOf({ definition, extremes, isRecursive, stores }: Draft): Evaluator {
    const { context, budget } = this.#shared;
    const { rules, aggregate } = definition;
    const [store = this.#store("")] = stores;
    if (aggregate !== undefined) {
      return new AggregateRelation(aggregate, store, this.#store(aggregate.body), context.interner, budget);
    }
    if (extremes[0] !== undefined) return new ExtremeStratum(stores, extremes, rules, context, budget);
    if (isRecursive) return new RecursiveStratum(stores, rules, context, budget);
    return new CountingRelation(store, rules, context, budget);
  }

  #push(draft: Draft, evaluator: Evaluator, change?: RuleChange): void {
    const position = this.#units.push({ ...draft, evaluator }) - 1;
    if (change !== undefined && this.#before !== undefined) this.#changes.set(position, change);
  }

  #store(relation: string): RowStore {
    const store = this.#stores.get(relation);
    if (store === undefined) throw new RelationError(`Cannot find relation "${relation}"`);
    return store;
  }
}

/** Writes rules so that equal texts mean the same: functions are told apart even if they have one name. */
class ExactNames implements RuleNames {
  readonly #functions = new Map<FunctionDef, number>();
  readonly #keys = new Map<CoreRule, string>();

  relation(name: string): string {
    return name;
  }

  fn(fn: FunctionDef): string {
    const known = this.#functions.get(fn) ?? this.#functions.size;
    this.#functions.set(fn, known);
    return String(known);
  }

  keyOf(rule: CoreRule): string {
    const known = this.#keys.get(rule) ?? `${JSON.stringify(rule.relation)}${ruleText(rule, this)}`;
    this.#keys.set(rule, known);
    return known;
  }
}

/** True if the strata keep the same relations in the same way. */
function isOfOneKind(a: Draft, b: Draft): boolean {
  const extremeIn = ({ stores, extremes }: Draft, store: RowStore): CoreRelation["extreme"] => extremes[stores.indexOf(store)];
  return (
    a.isRecursive === b.isRecursive &&
    (a.definition.aggregate === undefined) === (b.definition.aggregate === undefined) &&
    a.stores.length === b.stores.length &&
    a.stores.every((store) => {
      const [now, then] = [extremeIn(a, store), extremeIn(b, store)];
      return b.stores.includes(store) && now?.column === then?.column && now?.fn === then?.fn;
    })
  );
}

function isUnchanged(draft: Draft, before: Unit, from: readonly number[]): boolean {
  return (
    from.length === before.definition.rules.length &&
    !from.includes(-1) &&
    draft.reads.size === before.reads.size &&
    [...draft.reads].every((store) => before.reads.has(store))
  );
}

function readersOf(units: readonly Unit[]): Map<RowStore, number[]> {
  const readers = new Map<RowStore, number[]>();
  for (const [position, { reads }] of units.entries()) {
    for (const store of reads) {
      const known = readers.get(store);
      if (known === undefined) readers.set(store, [position]);
      else known.push(position);
    }
  }
  return readers;
}

/** What the relations keep per row: aggregates nothing. */
function notesOf({ strata, aggregates }: Program): Map<string, RowNotes> {
  const notes = new Map<string, RowNotes>();
  for (const { relations, isRecursive } of strata) for (const name of relations) notes.set(name, isRecursive ? "rank" : "count");
  for (const { relation } of aggregates) notes.set(relation, "none");
  return notes;
}

/** The rows of before, kept in another way. */
function copyOf(before: RowStore, notes: RowNotes): RowStore {
  const store = new RowStore(before.name, before.arity, notes);
  const { data, stride, arity } = before;
  for (const row of before.shown(OLD_STATE).values()) {
    const copy = store.findOrAdd(data.subarray(row * stride, row * stride + arity));
    store.flags[copy] = (store.flags[copy] as number) | ALIVE;
  }
  store.settle();
  store.finish();
  return store;
}
