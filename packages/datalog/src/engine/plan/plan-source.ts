/** Writes the JavaScript of a plan: see plan.ts. One file, so that the names in the written text can be followed. */
import { type CoreExpr, type Literal, slotsOf, type Term } from "../../check/core.ts";
import { equalDirection } from "../../check/safety.ts";
import type { Value } from "../../value.ts";
import { compileExpr, compileSet, type ExpressionFrame } from "./expression.ts";
import { IntList } from "../rows/int-list.ts";
import { NONE } from "../rows/interner.ts";
import type { KeyIndex } from "../rows/key-index.ts";
import { BLOCK_HEADER } from "../rows/key-slot.ts";
import { type Access, chooseAccess, plainAccess } from "./access.ts";
import type { NetworkIndex } from "../rows/network-index.ts";
import { orderAsWritten, orderLiterals } from "./order-literals.ts";
import type { PlanContext, PlanRequest } from "./plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import { OPEN, type SortedIndex } from "../rows/sorted-index.ts";
import { ALIVE, MANY, ONE_MORE, PENDING } from "../rows/views.ts";

/** What the source refers to by number. */
export interface PlanEnvironment {
  readonly registers: Int32Array;
  readonly rows: Int32Array;
  readonly stores: RowStore[];
  readonly indexes: KeyIndex[];
  /** Sorted indexes and tries, each with a list of its own for what it finds. */
  readonly searches: { readonly index: SortedIndex | NetworkIndex; readonly found: IntList }[];
  readonly functions: ((...args: never[]) => unknown)[];
}

/** The source of a plan: the body of a function of the environment `E`, which returns `run`. */
export interface PlanSource {
  readonly source: string;
  readonly environment: PlanEnvironment;
  readonly order: readonly number[];
}

const TRUE = 4;
/** The clock is looked at once per so many turns of inner loops; a row of the batch counts as so many. */
const TURNS_PER_LOOK = 1 << 18;
const TURNS_PER_ROW = 1 << 10;
/** Turns after which one row's loops look at it themselves. */
const TURNS_PER_LOOK_WITHIN = 1 << 20;
const ORDER_OPS: ReadonlySet<string> = new Set(["<", "<=", ">", ">="]);

/**
 * Rows of a batch that one call of the function sees. V8 takes faster code at the next call; a loop that runs on would have it compile
 * the function once more, for the middle of the loop.
 */
const ROWS_PER_PART = 64;

/** Writes a plan. */
export function writePlan(request: PlanRequest, context: PlanContext): PlanSource {
  return new PlanWriter(request, context).write();
}

class PlanWriter {
  readonly #request: PlanRequest;
  readonly #context: PlanContext;
  readonly #frame: ExpressionFrame;
  readonly #environment: PlanEnvironment;
  readonly #known = new Set<number>();
  /** Variables that are likely to have another value at each turn of the innermost loop. */
  readonly #turning = new Set<number>();
  /** What is fetched once, before `run`. */
  readonly #shared: string[] = [];
  /** What is fetched once per run. */
  readonly #hoisted: string[] = [];
  readonly #lines: string[] = [];
  readonly #storeNames = new Map<RowStore, string>();
  readonly #isCalled: boolean;
  #nLoops = 0;
  #nNames = 0;
  #indent = 2;

  constructor(request: PlanRequest, context: PlanContext) {
    const { rule, sink } = request;
    this.#request = request;
    this.#context = context;
    this.#isCalled = sink.kind === "call";
    const registers = new Int32Array(rule.slots.length);
    this.#frame = { registers, rule };
    this.#environment = {
      registers,
      rows: new Int32Array(rule.body.length).fill(-1),
      stores: [],
      indexes: [],
      searches: [],
      functions: [],
    };
  }

  write(): PlanSource {
    const { rule, from, trace } = this.#request;
    const { storeOf } = this.#context;
    const skip = typeof from === "object" && "literal" in from ? from.literal : -1;
    this.#open(from === "none" ? "L0: do {" : "L0: for (let at = from; at < to; at++) {");
    if (from !== "none") {
      this.#line(`if ((work += ${TURNS_PER_ROW}) > ${TURNS_PER_LOOK}) { work = 0; E.checkTime(); }`);
      const literal = rule.body[skip];
      const isHead = skip < 0;
      const store = storeOf(isHead ? rule.relation : literal?.kind === "atom" || literal?.kind === "not" ? literal.relation : "");
      const terms = isHead ? rule.head : literal?.kind === "atom" || literal?.kind === "not" ? literal.terms : [];
      const row = isHead ? "headRow" : `r${skip}`;
      this.#line(`const ${row} = rows[at & mask] + (at & ~mask) + start;`);
      if (!isHead) this.#noteRow(skip);
      const open = typeof from === "object" && "open" in from ? from.open : -1;
      const columns = Array.from(terms.keys()).filter((column) => column !== open);
      this.#matchRow(terms, store, columns, row, "L0");
      // Batches are grouped by all columns but the last.
      for (const term of terms.slice(0, -1)) if (term.kind === "var") this.#turning.delete(term.slot);
    }
    const order = trace === undefined ? orderLiterals(rule.body, this.#known, skip, this.#context) : orderAsWritten(rule.body);
    let label = "L0";
    let nBlocks = 1;
    for (const [i, position] of order.entries()) {
      const inner = this.#literal(position, label);
      if (inner !== label) nBlocks++;
      label = inner;
      if (trace !== undefined) this.#line(`E.trace(${i + 1});`);
    }
    this.#sink(label);
    for (; nBlocks > 1; nBlocks--) this.#close("}");
    this.#close(from === "none" ? "} while (false);" : "}");
    const source = [
      '"use strict";',
      "const R = E.registers, W = E.rows;",
      ...this.#shared,
      "function part(rows, from, to, weight, start, mask) {",
      `  let work = ${TURNS_PER_LOOK};`,
      ...this.#hoisted.map((line) => `  ${line}`),
      ...this.#lines,
      "  return false;",
      "}",
      "return function run(rows, n, weight, first = -1) {",
      "  const start = first < 0 ? 0 : first, mask = first < 0 ? -1 : 0;",
      from === "none"
        ? "  return part(rows, 0, 0, weight, start, mask);"
        : `  for (let at = 0; at < n; at += ${ROWS_PER_PART}) if (part(rows, at, Math.min(n, at + ${ROWS_PER_PART}), weight, start, mask)) return true;`,
      "  return false;",
      "};",
    ].join("\n");
    return { source, environment: this.#environment, order };
  }

  #literal(position: number, label: string): string {
    const literal = this.#request.rule.body[position] as Literal;
    switch (literal.kind) {
      case "atom":
        return this.#atom(literal.terms, this.#context.storeOf(literal.relation), position, label);
      case "not": {
        const store = this.#context.storeOf(literal.relation);
        const { absent } = this.#request.viewOf(position);
        const [row, flags] = [this.#name("m"), this.#flagsOf(store)];
        this.#line(`const ${row} = ${this.#find(store, literal.terms)};`);
        this.#line(`if (${row} >= 0 && (${flags}[${row}] & ${absent}) !== 0) continue ${label};`);
        return label;
      }
      case "test":
        this.#test(literal.expr, label);
        return label;
      case "equal":
        this.#equal(literal, label);
        return label;
      case "member": {
        const elements = compileSet(literal.right, this.#frame, this.#context);
        const [list, i, element] = [this.#name("s"), this.#name("i"), this.#name("e")];
        this.#line(`const ${list} = ${this.#call(elements, slotsOf(literal.right))};`);
        this.#spendWork(`${list}.length`);
        const inner = this.#loop(`for (let ${i} = 0; ${i} < ${list}.length; ${i}++) {`);
        this.#line(`const ${element} = ${list}[${i}];`);
        this.#pattern(literal.left, element, inner);
        return inner;
      }
    }
  }

  /** Walks over the rows of a literal that agree with what is known; returns the label of the loop it opened. */
  #atom(terms: readonly Term[], store: RowStore, position: number, label: string): string {
    const { mask, want } = this.#request.viewOf(position);
    const { rule, trace } = this.#request;
    // A search that reports how far it got meets the rows that fail a test, too.
    const choose = trace === undefined ? chooseAccess : plainAccess;
    const { access } = choose(rule.body, position, this.#known, this.#context);
    const row = `r${position}`;
    const flags = this.#flagsOf(store);
    const isHidden = `(${flags}[${row}] & ${mask}) !== ${want}`;
    if (access.kind === "row") {
      this.#line(`const ${row} = ${this.#find(store, terms)};`);
      this.#line(`if (${row} < 0 || ${isHidden}) continue ${label};`);
      this.#noteRow(position);
      return label;
    }
    let columns: readonly number[] = [];
    let inner = label;
    if (access.kind === "all") {
      const end = this.#name("end");
      this.#line(`const ${end} = ${this.#storeName(store)}.end;`);
      this.#spendWork(end);
      inner = this.#loop(`for (let ${row} = 0; ${row} < ${end}; ${row}++) {`);
    } else if (access.kind === "key") {
      const index = store.indexes.nearest(access.columns);
      columns = index.columns;
      inner = this.#walk(index, terms, row, label);
    } else {
      columns = access.kind === "range" ? access.columns.keys : access.keys;
      inner = this.#search(access, store, terms, row, label);
    }
    this.#line(`if (${isHidden}) continue ${inner};`);
    this.#noteRow(position);
    const others = [...terms.keys()].filter((column) => !columns.includes(column));
    this.#matchRow(terms, store, others, row, inner);
    return inner;
  }

  /** Walks over what a sorted index or a trie finds; the tests that it serves come later, and are exact. */
  #search(
    access: Access & { kind: "range" | "network" },
    store: RowStore,
    terms: readonly Term[],
    row: string,
    label: string,
  ): string {
    const { interner } = this.#context;
    const isRange = access.kind === "range";
    const keys = isRange ? access.columns.keys : access.keys;
    const index = isRange
      ? store.indexes.sorted(access.columns, interner)
      : store.indexes.networks({ keys, column: access.column }, interner);
    const i = this.#environment.searches.push({ index, found: new IntList() }) - 1;
    this.#shared.push(`const search${i} = E.searches[${i}].index, found${i} = E.searches[${i}].found;`);
    const bounds = isRange
      ? [access.from, access.to, access.limit].map((bound) => this.#bound(bound, label))
      : [JSON.stringify(access.how), this.#bound(access.expr, label)];
    for (const [k, column] of keys.entries()) this.#line(`search${i}.key[${k}] = ${this.#term(terms[column] as Term)};`);
    this.#line(`search${i}.collect(${[`found${i}`, ...bounds].join(", ")});`);
    const at = this.#name("p");
    this.#spendWork(`found${i}.length`);
    const inner = this.#loop(`for (let ${at} = 0; ${at} < found${i}.length; ${at}++) {`);
    this.#line(`const ${row} = found${i}.items[${at}];`);
    return inner;
  }

  /** The id that a search starts or ends at. */
  #bound(expr: CoreExpr | undefined, label: string): string {
    if (expr === undefined) return String(OPEN);
    if (isSimple(expr)) return this.#term(expr);
    const id = this.#name("x");
    this.#line(`const ${id} = ${this.#expr(expr)};`);
    this.#line(`if (${id} === ${NONE}) continue ${label};`);
    return id;
  }

  /**
   * Walks over the rows of a key. A single row is laid out as a block, so that V8 sees the same operations whatever it meets: it throws
   * code away that takes a turn it never took, and compiling that anew costs more than millions of turns.
   */
  #walk(index: KeyIndex, terms: readonly Term[], row: string, label: string): string {
    const i = this.#environment.indexes.push(index) - 1;
    const [entry, one, block] = [this.#name("entry"), this.#name("one"), this.#name("block")];
    const [list, at, end] = [this.#name("list"), this.#name("p"), this.#name("q")];
    this.#shared.push(
      `const index${i} = E.indexes[${i}], seek${i} = index${i}.seek, ${one} = new Int32Array(${BLOCK_HEADER + 1});`,
    );
    this.#seek(
      i,
      entry,
      index.columns.map((column) => terms[column] as Term),
    );
    this.#line(`if (${entry} === 0) continue ${label};`);
    this.#line(`${one}[0] = 1; ${one}[${BLOCK_HEADER}] = ${entry} - 1;`);
    this.#line(`const ${block} = (0 - ${entry}) & (${entry} >> 31), arena${i} = index${i}.arena;`);
    this.#line(`const ${list} = ${entry} < 0 ? arena${i} : ${one};`);
    this.#line(`let ${at} = ${block} + ${BLOCK_HEADER};`);
    this.#line(`const ${end} = ${at} + ${list}[${block}];`);
    this.#spendWork(`${end} - ${at}`);
    const inner = this.#loop(`for (; ${at} < ${end}; ${at}++) {`);
    this.#line(`const ${row} = ${list}[${at}];`);
    return inner;
  }

  /** Looks a key up. What was found is kept for the next turn if that is likely to ask for the same. */
  #seek(i: number, entry: string, terms: readonly Term[]): void {
    const key = terms.map((term) => this.#term(term));
    const found = `seek${i}(${[`index${i}`, ...key].join(", ")})`;
    if (terms.some((term) => term.kind === "var" && this.#turning.has(term.slot))) {
      this.#line(`const ${entry} = ${found};`);
      return;
    }
    const kept = key.map(() => this.#name("k"));
    this.#hoisted.push(`let ${[`${entry} = 0`, ...kept.map((name) => `${name} = ${NONE}`)].join(", ")};`);
    this.#line(`if (${key.map((id, k) => `${id} !== ${kept[k]}`).join(" || ")}) {`);
    this.#line(`  ${key.map((id, k) => `${kept[k]} = ${id};`).join(" ")}`);
    this.#line(`  ${entry} = ${found};`);
    this.#line("}");
  }

  /** Binds variables from a row, and tests what is known already. */
  #matchRow(terms: readonly Term[], store: RowStore, columns: readonly number[], row: string, label: string): void {
    const used = columns.filter((column) => terms[column]?.kind !== "any");
    if (used.length === 0) return;
    const base = this.#name("b");
    const data = this.#dataOf(store);
    this.#line(`const ${base} = ${row} * ${store.stride};`);
    for (const column of used) {
      const term = terms[column] as Term;
      const value = `${data}[${base} + ${column}]`;
      if (term.kind === "var" && !this.#known.has(term.slot)) this.#bind(term.slot, value);
      else this.#line(`if (${value} !== ${this.#term(term)}) continue ${label};`);
    }
  }

  #test(expr: CoreExpr, label: string): void {
    if (expr.kind === "binary" && isSimple(expr.left) && isSimple(expr.right)) {
      const [left, right] = [this.#term(expr.left), this.#term(expr.right)];
      if (expr.op === "==" || expr.op === "!=") {
        this.#line(`if (${left} ${expr.op === "==" ? "!==" : "==="} ${right}) continue ${label};`);
        return;
      }
      if (ORDER_OPS.has(expr.op)) {
        const inline = `(${left} & ${right} & 1) === 1 ? ${left} ${expr.op} ${right}`;
        this.#line(`if (!(${inline} : ${this.#expr(expr)} === ${TRUE})) continue ${label};`);
        return;
      }
    }
    this.#line(`if (${this.#expr(expr)} !== ${TRUE}) continue ${label};`);
  }

  #equal(literal: Literal & { kind: "equal" }, label: string): void {
    const direction = equalDirection(literal, this.#known);
    const [pattern, expr] = direction === "right" ? [literal.right, literal.left] : [literal.left, literal.right];
    const id = this.#name("x");
    this.#line(`const ${id} = ${this.#expr(expr)};`);
    if (!isSimple(expr)) this.#line(`if (${id} === ${NONE}) continue ${label};`);
    if (direction === "left" || direction === "right") this.#pattern(pattern, id, label);
    else this.#line(`if (${id} !== ${this.#expr(pattern)}) continue ${label};`);
  }

  /** Matches a value against a pattern, binding what is unknown. */
  #pattern(pattern: CoreExpr, id: string, label: string): void {
    if (pattern.kind === "any") return;
    if (pattern.kind === "var" && !this.#known.has(pattern.slot)) this.#bind(pattern.slot, id);
    else if (pattern.kind === "list") {
      const { interner } = this.#context;
      const n = pattern.items.length;
      const idsOf = (list: number): readonly number[] | undefined => {
        const value: Value = interner.valueOf(list);
        return Array.isArray(value) && value.length === n ? value.map((item: Value) => interner.idOf(item)) : undefined;
      };
      const items = this.#name("l");
      this.#line(`const ${items} = ${this.#function(idsOf)}(${id});`);
      this.#line(`if (${items} === undefined) continue ${label};`);
      for (const [i, item] of pattern.items.entries()) this.#pattern(item, `${items}[${i}]`, label);
    } else this.#line(`if (${id} !== ${this.#expr(pattern)}) continue ${label};`);
  }

  #sink(label: string): void {
    const { rule, sink } = this.#request;
    const head = this.#context.storeOf(rule.relation);
    if (sink.kind === "call") {
      this.#line("if (tell()) return true;");
      this.#shared.push("const tell = E.tell;");
      return;
    }
    this.#shared.push("const tell = E.tell;");
    const name = this.#storeName(head);
    const { stride, arity } = head;
    if (sink.kind === "count") {
      this.#line(`const end = ${name}.end, row = ${this.#headRow(head, "add")};`);
      this.#line(`if (${name}.end !== end && !budget.take()) tell();`);
      this.#shared.push("const budget = E.budget;");
      this.#line(`if (!${name}.isFresh) ${name}.touch(row);`);
      this.#line(`const state = ${name}.flags[row];`);
      this.#line(`if (state < ${MANY - ONE_MORE}) ${name}.flags[row] = state + (weight << 8);`);
      this.#line(`else ${name}.setCount(row, ${name}.countOf(row) + weight);`);
      return;
    }
    const ranks = sink.recursive.map((position) => {
      const literal = rule.body[position] as Literal & { kind: "atom" };
      const store = this.#context.storeOf(literal.relation);
      return `${this.#dataOf(store)}[r${position} * ${store.stride} + ${store.arity}]`;
    });
    const [first = "0", ...others] = ranks;
    this.#line(`let rank = ${first};`);
    for (const other of others) this.#line(`if (${other} > rank) rank = ${other};`);
    if (sink.kind === "note") {
      this.#line("tell(headRow, rank);");
      return;
    }
    if (sink.kind === "lose") {
      this.#line(`const row = ${this.#headRow(head, "find")};`);
      this.#line(`if (rank >= ${name}.data[row * ${stride} + ${arity}]) continue ${label};`);
      this.#line(`${name}.touch(row);`);
      this.#line(`const count = ${name}.countOf(row) - 1;`);
      this.#line(`${name}.setCount(row, count);`);
      this.#line("if (count === 0) tell(row, rank);");
      return;
    }
    this.#line(`const row = ${this.#headRow(head, "add")};`);
    this.#hoisted.push(`const nRanked = ${name}.nRanked, isQueued = queue.isUsed;`);
    this.#line(`if (row < nRanked) continue ${label};`);
    this.#line(`const before = ${name}.data[row * ${stride} + ${arity}];`);
    this.#shared.push("const budget = E.budget, queue = E.queue;");
    this.#line("if (before === 0) {");
    this.#line("  if (!budget.take()) tell();");
    this.#line(`  if (!${name}.isFresh) ${name}.touch(row);`);
    this.#line(`  ${name}.data[row * ${stride} + ${arity}] = rank + 1;`);
    this.#line(`  ${name}.flags[row] |= ${ALIVE | PENDING | ONE_MORE};`);
    this.#line("  if (isQueued) queue.rows.push(row);");
    this.#line("}");
    this.#line("else if (rank < before) {");
    this.#line(`  if (!${name}.isFresh) ${name}.touch(row);`);
    this.#line(`  const state = ${name}.flags[row];`);
    this.#line(`  if (state < ${MANY - ONE_MORE}) ${name}.flags[row] = state + ${ONE_MORE};`);
    this.#line(`  else ${name}.setCount(row, ${name}.countOf(row) + 1);`);
    this.#line("}");
  }

  #headRow(head: RowStore, how: "add" | "find"): string {
    this.#shared.push(`const ${how}Head = ${this.#storeName(head)}.access.${how};`);
    const ids = this.#request.rule.head.map((term) => this.#term(term));
    return `${how}Head(${[this.#storeName(head), ...ids].join(", ")})`;
  }

  #find(store: RowStore, terms: readonly Term[]): string {
    const name = this.#name("find");
    this.#shared.push(`const ${name} = ${this.#storeName(store)}.access.find;`);
    return `${name}(${[this.#storeName(store), ...terms.map((term) => this.#term(term))].join(", ")})`;
  }

  /** The value of an expression: a variable, a number, or a call. */
  #expr(expr: CoreExpr): string {
    if (isSimple(expr)) return this.#term(expr);
    return this.#call(compileExpr(expr, this.#frame, this.#context), slotsOf(expr));
  }

  #call(fn: () => unknown, slots: ReadonlySet<number>): string {
    const name = this.#function(fn);
    if (this.#isCalled) return `${name}()`;
    return `(${[...[...slots].map((slot) => `R[${slot}] = v${slot}`), `${name}()`].join(", ")})`;
  }

  #function(fn: (...args: never[]) => unknown): string {
    const i = this.#environment.functions.push(fn) - 1;
    this.#shared.push(`const f${i} = E.functions[${i}];`);
    return `f${i}`;
  }

  #term(term: Term): string {
    switch (term.kind) {
      case "var":
        return `v${term.slot}`;
      case "const":
        return String(this.#context.interner.idOf(term.value));
      case "any":
        return String(NONE);
    }
  }

  #bind(slot: number, value: string): void {
    this.#known.add(slot);
    this.#turning.add(slot);
    this.#line(`const v${slot} = ${value};`);
    if (this.#isCalled) this.#line(`R[${slot}] = v${slot};`);
  }

  #noteRow(position: number): void {
    if (this.#isCalled) this.#line(`W[${position}] = r${position};`);
  }

  #storeName(store: RowStore): string {
    const known = this.#storeNames.get(store);
    if (known !== undefined) return known;
    const i = this.#environment.stores.push(store) - 1;
    this.#storeNames.set(store, `S${i}`);
    this.#shared.push(`const S${i} = E.stores[${i}];`);
    this.#hoisted.push(`const D${i} = S${i}.data, F${i} = S${i}.flags;`);
    return `S${i}`;
  }

  #dataOf(store: RowStore): string {
    return this.#storeName(store).replace("S", "D");
  }

  #flagsOf(store: RowStore): string {
    return this.#storeName(store).replace("S", "F");
  }

  /** Before a loop of so many turns: looks at the clock now and then, so that a join without end is stopped though it derives nothing. */
  #spendWork(nTurns: string): void {
    this.#line(`work += ${nTurns};`);
    this.#line(`if (work > ${TURNS_PER_LOOK_WITHIN}) { work = 0; E.checkTime(); }`);
  }

  #loop(text: string): string {
    const label = `L${++this.#nLoops}`;
    this.#open(`${label}: ${text}`);
    this.#turning.clear();
    return label;
  }

  #name(prefix: string): string {
    return `${prefix}${++this.#nNames}_`;
  }

  #open(text: string): void {
    this.#line(text);
    this.#indent += 2;
  }

  #close(text: string): void {
    this.#indent -= 2;
    this.#line(text);
  }

  #line(text: string): void {
    this.#lines.push(" ".repeat(this.#indent) + text);
  }
}

function isSimple(expr: CoreExpr): expr is Term {
  return expr.kind === "var" || expr.kind === "const" || expr.kind === "any";
}
