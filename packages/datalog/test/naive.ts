/**
 * The oracle: a small program form, its text, and the plainest evaluator that can be right. It shares no code with the engine:
 * bindings are objects, relations are arrays, every level is repeated until nothing is new.
 */

import { Scalar } from "@tenet/datalog";

/** A variable, a constant, or `_`. */
export type Term = { readonly v: string } | { readonly c: Constant } | "_";

/** What stands in rows of inputs. */
export type Constant = number | string | Scalar;

export type Lit =
  | { readonly k: "atom" | "not"; readonly rel: string; readonly terms: readonly Term[] }
  | { readonly k: "cmp"; readonly op: "<" | "!=" | "=="; readonly l: Term; readonly r: Term }
  | { readonly k: "let"; readonly v: string; readonly from: string; readonly plus: number }
  | { readonly k: "in"; readonly v: string; readonly items: readonly Constant[] }
  | {
      readonly k: "agg";
      readonly out: string;
      readonly fn: Fn;
      readonly value: string | undefined;
      /** Makes pairs of the values: count, min, max, collect and list. */
      readonly second?: string;
      /** What orders the values of argmin, argmax and top. */
      readonly key?: string;
      readonly body: readonly Lit[];
    }
  | { readonly k: "none"; readonly body: readonly Lit[] }
  | { readonly k: "or"; readonly of: readonly (readonly Lit[])[] };

export type Fn = "count" | "sum" | "min" | "max" | "collect" | "list" | "avg" | "argmin" | "argmax" | "top" | "join";
export interface Rule {
  readonly rel: string;
  readonly head: readonly Term[];
  readonly body: readonly Lit[];
}
export type Value = Constant | Value[];
export type Row = readonly Value[];
export type Db = Map<string, Row[]>;
type Binding = Readonly<Record<string, Value>>;

/** Evaluates levels of rules, lowest first, over the input rows. */
export function evaluate(levels: readonly (readonly Rule[])[], inputs: Db): Db {
  const db: Db = new Map([...inputs].map(([rel, rows]) => [rel, [...rows]]));
  for (const rules of levels) {
    for (const { rel } of rules) db.set(rel, []);
    for (let isNew = true; isNew; ) {
      isNew = false;
      for (const { rel, head, body } of rules) {
        for (const binding of solve(body, db, db)) {
          const row = head.map((term) => valueOf(term, binding) ?? -1);
          if (has(db.get(rel), row)) continue;
          db.get(rel)?.push(row);
          isNew = true;
        }
      }
    }
  }
  return db;
}

/** Bindings that satisfy a body; positive literals look into `positive`, all others into `db`. */
export function solve(body: readonly Lit[], positive: Db, db: Db, start: Binding = {}): Binding[] {
  return body.reduce<Binding[]>((bindings, lit) => bindings.flatMap((binding) => extend(lit, binding, positive, db)), [start]);
}

function extend(lit: Lit, b: Binding, positive: Db, db: Db): Binding[] {
  switch (lit.k) {
    case "atom":
      return (positive.get(lit.rel) ?? []).flatMap((row) => match(lit.terms, row, b));
    case "not":
      return (db.get(lit.rel) ?? []).some((row) => match(lit.terms, row, b).length > 0) ? [] : [b];
    case "none":
      return solve(lit.body, db, db, b).length > 0 ? [] : [b];
    case "or":
      return lit.of.flatMap((body) => solve(body, positive, db, b));
    case "in":
      return lit.items.flatMap((item) => match([{ v: lit.v }], [item], b));
    case "let":
      return typeof b[lit.from] === "number" ? match([{ v: lit.v }], [(Number(b[lit.from]) + lit.plus) % 5], b) : [];
    case "cmp": {
      const [l, r] = [valueOf(lit.l, b), valueOf(lit.r, b)];
      const holds = lit.op === "<" ? isLess(l, r) : isSame(l, r) === (lit.op === "==");
      return holds ? [b] : [];
    }
    case "agg": {
      const value = aggregate(lit, solve(lit.body.map(nameWildcards), db, db, b));
      return value === undefined ? [] : [{ ...b, [lit.out]: value }];
    }
  }
}

/** The value over all ways to satisfy the body; `undefined` for an extreme of nothing. */
function aggregate({ fn, value, key, second }: Lit & { k: "agg" }, bindings: readonly Binding[]): Value | undefined {
  const ways = [...new Map(bindings.map((b) => [writtenAs(Object.entries(b).sort()), b])).values()];
  const all = ways.map((way): Value => {
    const first = way[value ?? ""] ?? [];
    return second === undefined ? first : [first, way[second] ?? []];
  });
  const distinct = all.filter((v, i) => all.findIndex((other) => isSame(v, other)) === i).sort(compare);
  const numbers = all.filter((v) => typeof v === "number");
  const pairs = ways.map((way): [Value, Value] => [way[key ?? ""] ?? [], way[value ?? ""] ?? []]);
  const ordered = pairs.filter((pair, i) => pairs.findIndex((other) => isSame(pair, other)) === i).sort(compare);
  if (fn === "avg") return numbers.length === 0 ? undefined : numbers.reduce((sum, v) => sum + v, 0) / numbers.length;
  if (fn === "list") return [...all].sort(compare);
  if (fn === "argmin") return ordered[0]?.[1];
  if (fn === "argmax") return ordered.at(-1)?.[1];
  if (fn === "top")
    return ordered
      .slice(-2)
      .reverse()
      .map(([, v]) => v);
  if (fn === "count") return value === undefined ? ways.length : distinct.length;
  if (fn === "sum") return all.reduce<number>((sum, v) => sum + (typeof v === "number" ? v : 0), 0);
  if (fn === "collect") return distinct;
  if (fn === "join") return distinct.map(textOf).join("+");
  return fn === "min" ? distinct[0] : distinct.at(-1);
}

function nameWildcards(lit: Lit, at: number): Lit {
  if (lit.k !== "atom") return lit;
  return { ...lit, terms: lit.terms.map((term, i) => (term === "_" ? { v: `_${at}_${i}` } : term)) };
}

function match(terms: readonly Term[], row: Row, b: Binding): Binding[] {
  const out: Record<string, Value> = { ...b };
  for (const [i, term] of terms.entries()) {
    const value = row[i] as Value;
    if (term === "_") continue;
    if ("c" in term ? !isSame(term.c, value) : out[term.v] !== undefined && !isSame(out[term.v], value)) return [];
    if ("v" in term) out[term.v] = value;
  }
  return [out];
}

function valueOf(term: Term, b: Binding): Value | undefined {
  return term === "_" ? undefined : "c" in term ? term.c : b[term.v];
}

function compare(a: Value, b: Value): number {
  if (kindOf(a) !== kindOf(b)) return kindOf(a) - kindOf(b);
  return isLess(a, b) ? -1 : isSame(a, b) ? 0 : 1;
}

function kindOf(value: Value | undefined): number {
  return typeof value === "number" ? 0 : typeof value === "string" ? 1 : Array.isArray(value) ? 2 : 3;
}

/** Numbers by size, texts and addresses as they are written, lists element by element; values of two kinds have no order. */
function isLess(l: Value | undefined, r: Value | undefined): boolean {
  if (typeof l === "number" && typeof r === "number") return l < r;
  if (typeof l === "string" && typeof r === "string") return l < r;
  if (l instanceof Scalar && r instanceof Scalar) return l.text < r.text;
  if (!Array.isArray(l) || !Array.isArray(r)) return false;
  const at = l.findIndex((item, i) => !isSame(item, r[i]));
  if (at < 0) return l.length < r.length;
  return at < r.length && compare(l[at] as Value, r[at] as Value) < 0;
}

function textOf(value: Value): string {
  if (Array.isArray(value))
    return `[${value.map((item) => (typeof item === "string" ? JSON.stringify(item) : textOf(item))).join(", ")}]`;
  return value instanceof Scalar ? value.text : String(value);
}

function isSame(a: unknown, b: unknown): boolean {
  return writtenAs(a) === writtenAs(b);
}

/** A value or row as a text that no other has: JSON writes an address and its text alike. */
export function writtenAs(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writtenAs).join(",")}]`;
  return value instanceof Scalar ? `${value.type}(${value.text})` : JSON.stringify(value);
}

function has(rows: readonly Row[] | undefined, row: Row): boolean {
  return rows?.some((other) => isSame(other, row)) ?? false;
}

/** A rule as text, on one line. */
export function print(rule: Rule): string {
  return printNamed(rule, (name) => name);
}

/** A rule as text, with other names for relations. */
export function printNamed({ rel, head, body }: Rule, nameOf: (rel: string) => string): string {
  const goal = `${nameOf(rel)}(${head.map(printTerm).join(", ")})`;
  return body.length > 0 ? `${goal} :- ${printBody(body, nameOf)}` : goal;
}

function printBody(body: readonly Lit[], nameOf: (rel: string) => string): string {
  return body.map((lit) => printLit(lit, nameOf)).join(", ");
}

function printLit(lit: Lit, nameOf: (rel: string) => string): string {
  switch (lit.k) {
    case "atom":
    case "not":
      return `${lit.k === "not" ? "not " : ""}${nameOf(lit.rel)}(${lit.terms.map(printTerm).join(", ")})`;
    case "cmp":
      return `${printTerm(lit.l)} ${lit.op} ${printTerm(lit.r)}`;
    case "let":
      return `${lit.v} = (${lit.from} + ${lit.plus}) % 5`;
    case "in":
      return `${lit.v} in [${lit.items.map(printConstant).join(", ")}]`;
    case "agg":
      return `${lit.out} = ${lit.fn} { ${printValues(lit)}${printBody(lit.body, nameOf)} }`;
    case "none":
      return `not (${printBody(lit.body, nameOf)})`;
    case "or":
      return `(${lit.of.map((body) => printBody(body, nameOf)).join(" or ")})`;
  }
}

function printValues({ fn, value, second, key }: Lit & { k: "agg" }): string {
  const values = [fn === "top" ? "2" : undefined, value, second, key, fn === "join" ? '"+"' : undefined].filter(
    (part) => part !== undefined,
  );
  return values.length === 0 ? "" : `${values.join(", ")} : `;
}

function printTerm(term: Term): string {
  return term === "_" ? "_" : "c" in term ? printConstant(term.c) : term.v;
}

function printConstant(value: Constant): string {
  return value instanceof Scalar ? `${value.type}("${value.text}")` : JSON.stringify(value);
}
