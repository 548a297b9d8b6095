/**
 * Compiles a rule, seen from one of its literals, to a chain of closures.
 *
 * What: nested loops over indexes. A plan starts from a row of one literal (a delta), from a head whose derivations are wanted, or from
 * nothing; each step binds registers and calls the next; the last hands the derivation to the sink.
 * Why closures: rule files start at once, no text has to be compiled. A step answers true to stop the search.
 */
import { type CoreExpr, type CoreRule, type Literal, slotsOf, type Term } from "../check/core.ts";
import { equalDirection } from "../check/safety.ts";
import { compileExpr, compileSet, type ExpressionContext, type ExpressionFrame, type IdOf } from "./expression.ts";
import { NONE } from "./interner.ts";
import { boundColumns, orderAsWritten, orderLiterals } from "./order-literals.ts";
import type { RowStore } from "./row-store.ts";
import type { View } from "./views.ts";

/** What plans of one engine share. */
export interface PlanContext extends ExpressionContext {
  storeOf(relation: string): RowStore;
}

/** Where a plan starts and how it reads. */
export interface PlanRequest {
  readonly rule: CoreRule;
  /** `delta`: a row of the literal at this position; `head`: a row of the head; `none`. */
  readonly from: { readonly literal: number } | "head" | "none";
  /** The view that the literal at a position is read through. */
  viewOf(position: number): View;
  /** Receives each derivation; true stops the search. */
  sink(plan: Plan): boolean;
  /** Literals in the order of the source instead of the cheapest; told of each literal that is reached. */
  readonly trace?: (plan: Plan, nPassed: number) => void;
}

/** A compiled rule. */
export interface Plan {
  readonly rule: CoreRule;
  readonly registers: Int32Array;
  /** Row of each positive literal in the derivation at hand. */
  readonly rows: Int32Array;
  /** The derived row, when the sink is called. */
  readonly head: Int32Array;
  /** Positions of literals in the order they run. */
  readonly order: readonly number[];
  /** Runs from a row of the starting literal or of the head; `-1` for a plan from nothing. */
  run(row: number): boolean;
  /** True while the sizes of the tables are near those it was planned for. */
  isFresh(): boolean;
}

type Step = () => boolean;

/** Compiles a plan. */
export function compilePlan(request: PlanRequest, context: PlanContext): Plan {
  return new PlanCompiler(request, context).compile();
}

class PlanCompiler {
  readonly #request: PlanRequest;
  readonly #context: PlanContext;
  readonly #frame: ExpressionFrame;
  readonly #rows: Int32Array;
  readonly #known = new Set<number>();

  constructor(request: PlanRequest, context: PlanContext) {
    const { rule } = request;
    this.#request = request;
    this.#context = context;
    this.#frame = { registers: new Int32Array(rule.slots.length), origin: rule.origin, relation: rule.relation };
    this.#rows = new Int32Array(rule.body.length).fill(-1);
  }

  compile(): Plan {
    const { rule, from, sink, trace } = this.#request;
    const { registers } = this.#frame;
    const { storeOf } = this.#context;
    const startTerms = from === "head" ? rule.head : from === "none" ? [] : termsOf(rule.body[from.literal]);
    const startRelation = from === "head" ? rule.relation : from === "none" ? undefined : relationOf(rule.body[from.literal]);
    const start =
      startRelation === undefined ? undefined : this.#matchRow(startTerms, storeOf(startRelation), [...startTerms.keys()]);
    const skip = typeof from === "object" ? from.literal : -1;
    const order = trace === undefined ? orderLiterals(rule.body, this.#known, skip, storeOf) : orderAsWritten(rule.body);
    const makers = order.map((position) => this.#compileLiteral(position));
    const plan: Plan = {
      rule,
      registers,
      rows: this.#rows,
      head: new Int32Array(rule.head.length),
      order,
      run: () => false,
      isFresh: this.#freshness(),
    };
    const writeHead = this.#headWriter(plan.head);
    let step: Step = () => {
      writeHead();
      return sink(plan);
    };
    for (let i = makers.length - 1; i >= 0; i--) {
      const make = makers[i] as (next: Step) => Step;
      const next = step;
      const traced: Step = trace === undefined ? next : () => (trace(plan, i + 1), next());
      step = make(traced);
    }
    const first = step;
    const rows = this.#rows;
    const run =
      start === undefined
        ? () => first()
        : (row: number) => {
            if (skip >= 0) rows[skip] = row;
            return start(row) && first();
          };
    return Object.assign(plan, { run });
  }

  /** Binds registers from a row, and tests what is known already. Marks the variables as known. */
  #matchRow(terms: readonly Term[], store: RowStore, columns: readonly number[]): (row: number) => boolean {
    const { registers } = this.#frame;
    const { arity } = store;
    const binds: number[] = [];
    const slots: number[] = [];
    const testColumns: number[] = [];
    const tests: IdOf[] = [];
    const same: [number, number][] = [];
    const columnOfSlot = new Map<number, number>();
    for (const column of columns) {
      const term = terms[column];
      if (term === undefined || term.kind === "any") continue;
      const twin = term.kind === "var" ? columnOfSlot.get(term.slot) : undefined;
      if (twin !== undefined) same.push([twin, column]);
      else if (term.kind === "const" || this.#known.has(term.slot)) {
        testColumns.push(column);
        tests.push(this.#expr(term));
      } else {
        columnOfSlot.set(term.slot, column);
        binds.push(column);
        slots.push(term.slot);
      }
    }
    for (const slot of slots) this.#known.add(slot);
    const nBinds = binds.length;
    if (tests.length === 0 && same.length === 0) {
      return (row) => {
        const base = row * arity;
        const { data } = store;
        for (let i = 0; i < nBinds; i++) registers[slots[i] as number] = data[base + (binds[i] as number)] as number;
        return true;
      };
    }
    return (row) => {
      const base = row * arity;
      const { data } = store;
      for (let i = 0; i < tests.length; i++) {
        if (data[base + (testColumns[i] as number)] !== (tests[i] as IdOf)()) return false;
      }
      for (const [a, b] of same) if (data[base + a] !== data[base + b]) return false;
      for (let i = 0; i < nBinds; i++) registers[slots[i] as number] = data[base + (binds[i] as number)] as number;
      return true;
    };
  }

  #compileLiteral(position: number): (next: Step) => Step {
    const literal = this.#request.rule.body[position] as Literal;
    switch (literal.kind) {
      case "atom":
        return this.#atom(literal.terms, this.#context.storeOf(literal.relation), this.#request.viewOf(position), position);
      case "not":
        return this.#not(literal.terms, this.#context.storeOf(literal.relation), this.#request.viewOf(position));
      case "test": {
        const test = this.#expr(literal.expr);
        return (next) => () => test() === TRUE && next();
      }
      case "equal":
        return this.#equal(literal);
      case "member": {
        const elements = compileSet(literal.right, this.#frame, this.#context);
        const match = this.#pattern(literal.left);
        return (next) => () => {
          for (const element of elements()) if (match(element) && next()) return true;
          return false;
        };
      }
    }
  }

  #atom(terms: readonly Term[], store: RowStore, { mask, want }: View, position: number): (next: Step) => Step {
    const columns = boundColumns(terms, this.#known);
    const rows = this.#rows;
    if (columns.length === store.arity) {
      const readKey = this.#keyReader(terms, columns);
      return (next) => () => {
        const row = store.find(readKey());
        if (row < 0 || ((store.flags[row] as number) & mask) !== want) return false;
        rows[position] = row;
        return next();
      };
    }
    const readKey = columns.length === 0 ? undefined : this.#keyReader(terms, columns);
    const match = this.#matchRow(
      terms,
      store,
      [...terms.keys()].filter((column) => !columns.includes(column)),
    );
    if (readKey === undefined) {
      return (next) => () => {
        const { end } = store;
        for (let row = 0; row < end; row++) {
          if (((store.flags[row] as number) & mask) !== want || !match(row)) continue;
          rows[position] = row;
          if (next()) return true;
        }
        return false;
      };
    }
    return (next) => {
      let index: ReturnType<RowStore["index"]> | undefined;
      return () => {
        index ??= store.index(columns);
        for (let row = index.first(readKey()); row >= 0; row = index.next[row] as number) {
          if (((store.flags[row] as number) & mask) !== want || !match(row)) continue;
          rows[position] = row;
          if (next()) return true;
        }
        return false;
      };
    };
  }

  #not(terms: readonly Term[], store: RowStore, { absent }: View): (next: Step) => Step {
    const readKey = this.#keyReader(terms, [...terms.keys()]);
    return (next) => () => {
      const row = store.find(readKey());
      return (row < 0 || ((store.flags[row] as number) & absent) === 0) && next();
    };
  }

  #equal(literal: Literal & { kind: "equal" }): (next: Step) => Step {
    const direction = equalDirection(literal, this.#known);
    if (direction === "left" || direction === "right") {
      const [pattern, expr] = direction === "left" ? [literal.left, literal.right] : [literal.right, literal.left];
      const value = this.#expr(expr);
      const match = this.#pattern(pattern);
      return (next) => () => {
        const id = value();
        return id !== NONE && match(id) && next();
      };
    }
    const [left, right] = [this.#expr(literal.left), this.#expr(literal.right)];
    return (next) => () => {
      const id = left();
      return id !== NONE && id === right() && next();
    };
  }

  /** Matches a value against a pattern, binding what is unknown. */
  #pattern(pattern: CoreExpr): (id: number) => boolean {
    const { registers } = this.#frame;
    const { interner } = this.#context;
    if (pattern.kind === "any") return () => true;
    const isKnown = [...slotsOf(pattern)].every((slot) => this.#known.has(slot));
    if (pattern.kind === "var" && !isKnown) {
      const { slot } = pattern;
      this.#known.add(slot);
      return (id) => {
        registers[slot] = id;
        return true;
      };
    }
    if (pattern.kind === "list") {
      const items = pattern.items.map((item) => this.#pattern(item));
      return (id) => {
        const value = interner.valueOf(id);
        if (!Array.isArray(value) || value.length !== items.length) return false;
        return items.every((match, i) => match(interner.idOf(value[i] ?? null)));
      };
    }
    const value = this.#expr(pattern);
    return (id) => value() === id;
  }

  #keyReader(terms: readonly Term[], columns: readonly number[]): () => Int32Array {
    const { registers } = this.#frame;
    const key = new Int32Array(columns.length);
    const at: number[] = [];
    const slots: number[] = [];
    for (const [i, column] of columns.entries()) {
      const term = terms[column];
      if (term?.kind === "const") key[i] = this.#context.interner.idOf(term.value);
      else if (term?.kind === "var") {
        at.push(i);
        slots.push(term.slot);
      }
    }
    const nSlots = slots.length;
    return () => {
      for (let i = 0; i < nSlots; i++) key[at[i] as number] = registers[slots[i] as number] as number;
      return key;
    };
  }

  #headWriter(head: Int32Array): () => void {
    const { registers } = this.#frame;
    const at: number[] = [];
    const slots: number[] = [];
    for (const [i, term] of this.#request.rule.head.entries()) {
      if (term.kind === "const") head[i] = this.#context.interner.idOf(term.value);
      else if (term.kind === "var") {
        at.push(i);
        slots.push(term.slot);
      }
    }
    return () => {
      for (let i = 0; i < slots.length; i++) head[at[i] as number] = registers[slots[i] as number] as number;
    };
  }

  #expr(expr: CoreExpr): IdOf {
    return compileExpr(expr, this.#frame, this.#context);
  }

  #freshness(): () => boolean {
    const stores = this.#request.rule.body.flatMap((literal) =>
      literal.kind === "atom" ? [this.#context.storeOf(literal.relation)] : [],
    );
    const limits = stores.map((store) => store.end * 8 + 64);
    return () => stores.every((store, i) => store.end <= (limits[i] as number));
  }
}

const TRUE = 4;

function termsOf(literal: Literal | undefined): readonly Term[] {
  return literal?.kind === "atom" || literal?.kind === "not" ? literal.terms : [];
}

function relationOf(literal: Literal | undefined): string | undefined {
  return literal?.kind === "atom" || literal?.kind === "not" ? literal.relation : undefined;
}
