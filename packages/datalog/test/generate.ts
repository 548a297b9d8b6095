/** Random programs and changes for the law: recursion, negation, groups, `or`, arithmetic and all aggregates, always stratified and safe. */
import type { Change } from "@tenet/datalog";
import fc from "fast-check";
import type { Db, Fn, Lit, Rule, Term } from "./naive.ts";

/** A generated program: rules by level, lowest first. */
export interface Generated {
  readonly arity: ReadonlyMap<string, number>;
  readonly levels: readonly (readonly Rule[])[];
}

export const INPUTS: ReadonlyMap<string, number> = new Map([
  ["a", 2],
  ["b", 1],
  ["c", 2],
]);
const VARIABLES = ["x", "y", "z", "w"];
const MAX_VALUE = 4;

/** Draws from fast-check's generator, so that failures shrink. */
export class Generator {
  readonly #g: fc.GeneratorValue;
  readonly #arity = new Map(INPUTS);

  constructor(g: fc.GeneratorValue) {
    this.#g = g;
  }

  program(): Generated {
    const levels = Array.from({ length: this.#int(1, 3) }, (_, i) => this.#level(i));
    return { arity: this.#arity, levels };
  }

  /** Changes of a small world, so that deletions hit; `load` inserts only. */
  changes(load = false): Change[] {
    return Array.from({ length: load ? 12 : this.#int(0, 4) }, () => {
      const relation = this.#pick([...INPUTS.keys()]);
      const tuple = Array.from({ length: INPUTS.get(relation) ?? 0 }, () => this.#int(0, MAX_VALUE));
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
    return names.flatMap((name) =>
      Array.from({ length: this.#int(1, 3) }, () => this.#rule(name, lower, [...lower, ...names, ...names])),
    );
  }

  #rule(rel: string, lower: readonly string[], all: readonly string[]): Rule {
    const bound = new Set<string>();
    const body: Lit[] = this.#atoms(this.#int(0, 3) === 0 ? 3 : this.#int(1, 2), all, bound, true);
    const extras = Array.from({ length: this.#int(0, 2) }, () => this.#extra(lower, all, bound)).flat();
    body.push(...extras);
    const head = Array.from({ length: this.#arity.get(rel) ?? 0 }, (): Term => this.#known(bound));
    return { rel, head, body };
  }

  #atoms(n: number, relations: readonly string[], bound: Set<string>, mayBind: boolean): Lit[] {
    return Array.from({ length: n }, (): Lit => {
      const rel = this.#pick(relations);
      const terms = Array.from({ length: this.#arity.get(rel) ?? 0 }, (): Term => {
        const kind = this.#int(0, 9);
        if (kind === 0) return { c: this.#int(0, MAX_VALUE) };
        if (kind === 1) return "_";
        if (!mayBind) return this.#known(bound);
        const v = this.#pick(VARIABLES);
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
      return [{ k: "in", v, items: [this.#int(0, MAX_VALUE), this.#int(0, MAX_VALUE)] }].map(
        (lit) => ({ ...lit, items: [...new Set(lit.items)] }) as Lit,
      );
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
    const fns: Fn[] = ["count", "sum", "min", "max", "collect", "count", "avg", "list", "argmin", "argmax", "top"];
    const fn: Fn = local === undefined ? "count" : this.#pick(fns);
    const value = fn === "count" && this.#int(0, 1) === 0 ? undefined : local;
    const key = ["argmin", "argmax", "top"].includes(fn) ? { key: this.#pick(locals) } : {};
    bound.add(out);
    return [{ k: "agg", out, fn, value, ...key, body }];
  }

  #known(bound: ReadonlySet<string>): Term {
    return bound.size === 0 || this.#int(0, 7) === 0 ? { c: this.#int(0, MAX_VALUE) } : { v: this.#pick([...bound]) };
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
    const rows = (next.get(relation) ?? []).filter((row) => JSON.stringify(row) !== JSON.stringify(tuple));
    next.set(relation, weight > 0 ? [...rows, tuple as number[]] : rows);
  }
  return next;
}
