/**
 * The aggregates of the language, in terms of the six that the engine keeps: count, sum, min, max, collect and top.
 *
 * `avg { v : body }` is a sum divided by another, `argmin { what, key : body }` the second element of the least `[key, what]`. So each is
 * exact under every change, and costs what its parts cost.
 */
import type { AggregateExpr, AggregateName, Expr, Formula, Span } from "./ast.ts";

/** How an aggregate is called: `fn { a, b : body }`. */
interface Form {
  readonly min: number;
  readonly max: number;
  /** What stands before the colon. */
  readonly shown: string;
  readonly build: (values: readonly Expr[], make: Make, span: Span) => Expr;
}

type Make = (fn: AggregateName, value: Expr | undefined, more?: Partial<AggregateExpr>) => AggregateExpr;

const ONE_OR_MORE = { min: 1, max: Number.MAX_SAFE_INTEGER, shown: "value" };

const FORMS: ReadonlyMap<string, Form> = new Map<string, Form>([
  ["count", { ...ONE_OR_MORE, min: 0, build: (values, make, span) => make("count", together(values, span)) }],
  ["sum", { min: 1, max: 1, shown: "value", build: ([v], make) => make("sum", v) }],
  ["min", { ...ONE_OR_MORE, build: (values, make, span) => make("min", together(values, span)) }],
  ["max", { ...ONE_OR_MORE, build: (values, make, span) => make("max", together(values, span)) }],
  ["collect", { ...ONE_OR_MORE, build: (values, make, span) => make("collect", together(values, span)) }],
  ["list", { ...ONE_OR_MORE, build: (values, make, span) => make("collect", together(values, span), { hasDuplicates: true }) }],
  ["avg", { min: 1, max: 1, shown: "value", build: average }],
  [
    "argmin",
    {
      min: 2,
      max: 2,
      shown: "what, key",
      build: (values, make, span) => second(make("min", swapped(values, span)), span),
    },
  ],
  [
    "argmax",
    {
      min: 2,
      max: 2,
      shown: "what, key",
      build: (values, make, span) => second(make("max", swapped(values, span)), span),
    },
  ],
  ["longest", { min: 1, max: 1, shown: "prefix", build: longest }],
  ["top", { min: 3, max: 3, shown: "how many, what, key", build: top }],
  [
    "join",
    { min: 2, max: 2, shown: "value, separator", build: ([v, by], make, span) => call("join", [make("collect", v), by], span) },
  ],
  [
    "map",
    {
      min: 2,
      max: 2,
      shown: "key, value",
      build: (values, make, span) => call("map", [make("collect", together(values, span))], span),
    },
  ],
]);

/** Aggregates that may stand in a head, `load(h, sum(r))`: those whose names are no functions of as many arguments. */
const IN_HEADS: ReadonlySet<string> = new Set([
  "count",
  "sum",
  "min",
  "max",
  "collect",
  "avg",
  "argmin",
  "argmax",
  "longest",
  "top",
]);

/** All aggregates, by name. */
export const AGGREGATE_NAMES: readonly string[] = [...FORMS.keys()];

/** True for what opens an aggregate before `{`. */
export function isAggregateName(name: string): boolean {
  return FORMS.has(name);
}

export function isHeadAggregate(name: string): boolean {
  return IN_HEADS.has(name);
}

/** What an aggregate wants before its colon if the number of values is wrong. */
export function misfit(name: string, nValues: number): string | undefined {
  const form = FORMS.get(name);
  return form !== undefined && (nValues < form.min || nValues > form.max) ? form.shown : undefined;
}

/** The aggregate as an expression over the engine's own; `values` must fit. */
export function buildAggregate(name: string, values: readonly Expr[], body: Formula, span: Span): Expr {
  const make: Make = (fn, value, more) => {
    return { kind: "aggregate", fn, value, body, hasDuplicates: false, limit: undefined, span, ...more };
  };
  return FORMS.get(name)?.build(values, make, span) ?? make("count", undefined);
}

function together(values: readonly Expr[], span: Span): Expr | undefined {
  return values.length < 2 ? values[0] : { kind: "list", items: values, span };
}

function swapped([what, key]: readonly Expr[], span: Span): Expr {
  return { kind: "list", items: [key, what].filter((value) => value !== undefined), span };
}

function second(extreme: Expr, span: Span): Expr {
  return call("nth", [extreme, { kind: "literal", value: 1, span }], span);
}

/** The prefix with the most bits: the argmax of its length. */
function longest([prefix]: readonly Expr[], make: Make, span: Span): Expr {
  const items = prefix === undefined ? [] : [call("prefix_length", [prefix], span), prefix];
  return second(make("max", { kind: "list", items, span }), span);
}

/** Over the values that are numbers, as `sum` is. */
function average([v]: readonly Expr[], make: Make, span: Span): Expr {
  if (v === undefined) return make("count", undefined);
  const literal = (value: string | number): Expr => ({ kind: "literal", value, span });
  const isNumber: Expr = { kind: "binary", op: "==", left: call("type_of", [v], span), right: literal("number"), span };
  const one: Expr = { kind: "if", condition: isNumber, whenTrue: literal(1), whenFalse: literal(0), span };
  return { kind: "binary", op: "/", left: make("sum", v), right: make("sum", one), span };
}

/** A number that is written out tells the engine how many to keep; any other expression takes them from the whole list. */
function top([k, what, key]: readonly Expr[], make: Make, span: Span): Expr {
  const pair = swapped(
    [what, key].filter((value) => value !== undefined),
    span,
  );
  const limit = k?.kind === "literal" && typeof k.value === "number" ? Math.floor(k.value) : 0;
  if (limit >= 1) return make("top", pair, { limit });
  return call("last_of_pairs", [make("collect", pair), k], span);
}

function call(name: string, terms: readonly (Expr | undefined)[], span: Span): Expr {
  const args = terms.flatMap((term) => (term === undefined ? [] : [{ name: undefined, term, span: term.span }]));
  return { kind: "call", name, args, span };
}
