/** Random programs and changes for the law: recursion, negation, groups, `or`, arithmetic and all aggregates, always stratified and safe. */
import { type Change, type Scalar, scalar } from "@tenet/datalog";
import fc from "fast-check";
import { type Constant, type Db, type Fn, type Lit, type Row, type Rule, type Term, writtenAs } from "./naive.ts";

/** A generated program: rules by level, lowest first. */
export interface Generated {
  readonly arity: ReadonlyMap<string, number>;
  readonly levels: readonly (readonly Rule[])[];
  /** The type of the inputs' columns, if they have one. */
  readonly type: string | undefined;
  /** True if each level is a module of its own. */
  readonly hasModules: boolean;
}

export const INPUTS: ReadonlyMap<string, number> = new Map([
  ["a", 2],
  ["b", 1],
  ["c", 2],
]);
const VARIABLES = ["x", "y", "z", "w"];
const INTS = [0, 1, 2, 3, 4];
const TEXTS = ["a", "b", "c", "d", "e"];
const ADDRESSES = INTS.map((n) => scalar("ip", `10.0.0.${n}`) as Scalar);
const RELATIONAL: readonly Fn[] = ["count", "sum", "min", "max"];
const TEXT_WORLD = { values: TEXTS, type: "string" };
const INT_WORLD = { values: INTS, type: "int" };
/** What stands in inputs, with the type that their columns may be given. */
const WORLDS: readonly { readonly values: readonly Constant[]; readonly type: string | undefined }[] = [
  { values: INTS, type: undefined },
  { values: INTS, type: "int" },
  { values: INTS, type: undefined },
  { values: INTS, type: "int" },
  { values: TEXTS, type: "string" },
  { values: ADDRESSES, type: "ip" },
  { values: [0, 1, 2, "a", "b", ...ADDRESSES.slice(3)], type: undefined },
];

/** What programs are made of. */
export interface GeneratorOptions {
  /** Whole numbers only, and what a relational database has too. */
  readonly isRelational?: boolean;
  /** No constants, and literals that share variables: for thousands of rows of many values. */
  readonly isLarge?: boolean;
}

/** Draws from fast-check's generator, so that failures shrink. */
export class Generator {
  readonly #g: fc.GeneratorValue;
  readonly #arity = new Map(INPUTS);
  readonly #world: (typeof WORLDS)[number];
  readonly #isRelational: boolean;
  readonly #isLarge: boolean;

  constructor(g: fc.GeneratorValue, { isRelational = false, isLarge = false }: GeneratorOptions = {}) {
    this.#g = g;
    this.#isRelational = isRelational;
    this.#isLarge = isLarge;
    this.#world = isRelational ? INT_WORLD : isLarge ? TEXT_WORLD : this.#pick(WORLDS);
  }

  program(): Generated {
    const levels = Array.from({ length: this.#int(1, 4) }, (_, i) => this.#level(i));
    return { arity: this.#arity, levels, type: this.#world.type, hasModules: this.#int(0, 2) === 0 };
  }

  /** The program with a rule more, less, or another one. No relation loses its last rule. */
  changed(program: Generated): Generated {
    const at = this.#int(0, program.levels.length - 1);
    const rules = [...(program.levels[at] ?? [])];
    const i = this.#int(0, rules.length - 1);
    const rel = rules[i]?.rel ?? "";
    const kind = this.#int(0, 2);
    if (kind === 0) rules.push(this.ruleFor(rel));
    else if (kind === 1 && rules.filter((rule) => rule.rel === rel).length > 1) rules.splice(i, 1);
    else rules[i] = this.ruleFor(rel);
    return { ...program, levels: program.levels.map((level, j) => (j === at ? rules : level)) };
  }

  /** Another rule for a relation of the program made last. */
  ruleFor(name: string): Rule {
    const isLower = (other: string): boolean => INPUTS.has(other) || other.slice(0, 2) < name.slice(0, 2);
    const known = [...this.#arity.keys()];
    const lower = known.filter(isLower);
    const own = known.filter((other) => !INPUTS.has(other) && other.slice(0, 2) === name.slice(0, 2));
    return this.#rule(name, lower, [...lower, ...own, ...own]);
  }

  /** Changes of a small world, so that deletions hit; `load` inserts only. */
  changes(load = false): Change[] {
    const most = this.#int(0, 3) === 0 ? 16 : 4;
    return Array.from({ length: load ? 14 : this.#int(0, most) }, () => {
      const relation = this.#pick([...INPUTS.keys()]);
      const tuple = Array.from({ length: INPUTS.get(relation) ?? 0 }, () => this.#constant());
      return { relation, tuple, weight: load || this.#int(0, 1) > 0 ? 1 : -1 } as const;
    });
  }

  choice(max: number): number {
    return this.#int(0, max);
  }

  #level(level: number): Rule[] {
    const lower = [...this.#arity.keys()];
    const names = Array.from({ length: this.#int(1, 2) }, (_, i) => `p${level}${"ab"[i]}`);
    for (const name of names) this.#arity.set(name, this.#int(1, 2));
    // Each relation has a rule over lower ones first, so that recursion has something to start from.
    return names.flatMap((name) => [
      this.#rule(name, lower, lower),
      ...Array.from({ length: this.#int(0, 3) }, () => this.#rule(name, lower, [...lower, ...names, ...names])),
    ]);
  }

  #rule(rel: string, lower: readonly string[], all: readonly string[]): Rule {
    if (this.#arity.get(rel) === 2 && this.#int(0, 2) === 0) return this.#chain(rel, all);
    const bound = new Set<string>();
    const body: Lit[] = this.#atoms(this.#int(0, 3) === 0 ? 3 : this.#int(1, 2), all, bound, true);
    const extras = Array.from({ length: this.#int(0, 2) }, () => this.#extra(lower, all, bound)).flat();
    body.push(...extras);
    const head = Array.from({ length: this.#arity.get(rel) ?? 0 }, (): Term => this.#known(bound));
    return { rel, head, body };
  }

  /** A step along two relations, or through the relation itself twice: what makes closures. */
  #chain(rel: string, all: readonly string[]): Rule {
    const pairs = all.filter((other) => this.#arity.get(other) === 2);
    const atom = (from: string, to: string): Lit => ({ k: "atom", rel: this.#pick(pairs), terms: [{ v: from }, { v: to }] });
    return { rel, head: [{ v: "x" }, { v: "z" }], body: [atom("x", "y"), atom("y", "z")] };
  }

  #atoms(n: number, relations: readonly string[], bound: Set<string>, mayBind: boolean): Lit[] {
    return Array.from({ length: n }, (): Lit => {
      const rel = this.#pick(relations);
      const terms = Array.from({ length: this.#arity.get(rel) ?? 0 }, (_, column): Term => {
        const kind = this.#int(0, 9);
        if (kind === 0 && !this.#isLarge) return { c: this.#constant() };
        if (kind === 1) return "_";
        if (!mayBind) return this.#known(bound);
        const isJoined = this.#isLarge && column === 0 && bound.size > 0;
        const v = this.#pick(isJoined ? [...bound] : VARIABLES);
        bound.add(v);
        return { v };
      });
      return { k: "atom", rel, terms };
    });
  }

  #extra(lower: readonly string[], all: readonly string[], bound: Set<string>): Lit[] {
    const kind = this.#int(0, 9);
    if (kind <= 2) return this.#atoms(1, lower, bound, false).map((lit) => ({ ...lit, k: "not" }) as Lit);
    if (kind === 3) return [{ k: "cmp", op: this.#pick(["<", "!=", "=="]), l: this.#known(bound), r: this.#known(bound) }];
    if (kind === 4) return this.#let(bound);
    if (kind === 5) {
      const v = this.#pick(VARIABLES);
      bound.add(v);
      return [{ k: "in", v, items: [...new Set([this.#constant(), this.#constant()])] }];
    }
    if (kind === 6) return [{ k: "none", body: this.#inner(lower, bound, "u") }];
    if (kind === 7) return [{ k: "or", of: [this.#atoms(1, all, bound, false), this.#atoms(1, all, bound, false)] }];
    return this.#aggregate(lower, bound);
  }

  #let(bound: Set<string>): Lit[] {
    const [from] = [...bound];
    if (from === undefined) return [];
    const v = this.#pick(VARIABLES);
    bound.add(v);
    return [{ k: "let", v, from, plus: this.#int(0, 2) }];
  }

  /** Literals of a negated group or an aggregate: outer variables, local ones, a comparison between them. */
  #inner(lower: readonly string[], bound: ReadonlySet<string>, local: string): Lit[] {
    const mine = new Set<string>([...bound].slice(0, 2));
    const body = Array.from({ length: this.#int(1, 2) }, (): Lit => {
      const rel = this.#pick(lower);
      const terms = Array.from({ length: this.#arity.get(rel) ?? 0 }, (_, i): Term => {
        const kind = this.#int(0, 5);
        if (kind === 0) return "_";
        return kind <= 2 || mine.size === 0 ? { v: `${local}${i}` } : this.#known(mine);
      });
      return { k: "atom", rel, terms };
    });
    const locals = localsOf(body, bound);
    const [first] = locals;
    const plain = [...bound].filter((name) => !name.startsWith("n"));
    if (first !== undefined && plain.length > 0 && this.#int(0, 2) === 0) {
      body.push({ k: "cmp", op: this.#pick(["<", "!="]), l: { v: first }, r: { v: this.#pick(plain) } });
    }
    return body;
  }

  #aggregate(lower: readonly string[], bound: Set<string>): Lit[] {
    const out = `n${bound.size}`;
    if (bound.has(out)) return [];
    const body = this.#inner(lower, bound, `l${bound.size}_`);
    const locals = localsOf(body, bound);
    const [local] = locals;
    const fns: Fn[] = ["count", "sum", "min", "max", "collect", "count", "avg", "list", "argmin", "argmax", "top", "join"];
    const fn: Fn = local === undefined ? "count" : this.#pick(this.#isRelational ? RELATIONAL : fns);
    const value = fn === "count" && this.#int(0, 1) === 0 ? undefined : local;
    const key = ["argmin", "argmax", "top"].includes(fn) ? { key: this.#pick(locals) } : {};
    const mayPair = !this.#isRelational && value !== undefined && ["count", "min", "max", "collect", "list"].includes(fn);
    const second = mayPair && this.#int(0, 2) === 0 ? { second: this.#pick(locals) } : {};
    bound.add(out);
    return [{ k: "agg", out, fn, value, ...second, ...key, body }];
  }

  #known(bound: ReadonlySet<string>): Term {
    return bound.size === 0 || (this.#int(0, 7) === 0 && !this.#isLarge)
      ? { c: this.#constant() }
      : { v: this.#pick([...bound]) };
  }

  #constant(): Constant {
    return this.#pick(this.#world.values);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#int(0, from.length - 1)] as T;
  }

  #int(min: number, max: number): number {
    return this.#g(fc.integer, { min, max });
  }
}

function localsOf(body: readonly Lit[], bound: ReadonlySet<string>): string[] {
  return body.flatMap((lit) =>
    lit.k === "atom" ? lit.terms.flatMap((term) => (term !== "_" && "v" in term && !bound.has(term.v) ? [term.v] : [])) : [],
  );
}

/** Applies changes to input rows, the plain way. */
export function applyTo(inputs: Db, changes: readonly Change[]): Db {
  const next: Db = new Map([...inputs].map(([rel, rows]) => [rel, [...rows]]));
  for (const { relation, tuple, weight } of changes) {
    const rows = (next.get(relation) ?? []).filter((row) => writtenAs(row) !== writtenAs(tuple));
    next.set(relation, weight > 0 ? [...rows, tuple as Row] : rows);
  }
  return next;
}
