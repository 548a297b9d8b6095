/**
 * Finds comparisons and joins of values that are never equal, and never in order: a string with a number.
 *
 * What: a rule with one would silently never hold, which is the worst that a guarding policy can do. How: a variable
 * has the kind of the typed columns it stands in; what is not known is not judged. Columns
 * of derived tables have the kinds that are declared, or that their rules give them.
 */
import type { Argument, Expr, Formula, RuleSyntax, SourceText, Span } from "../language/ast.ts";
import type { ScalarType } from "../scalar.ts";
import { kindName, type Value } from "../value.ts";
import { type CheckContext, type CheckedRelation, qualify } from "./context.ts";
import { resultKind } from "./result-kinds.ts";

/** Kinds of each table's columns; `undefined` where several, or unknown. */
export type InferredKinds = ReadonlyMap<string, readonly (Kind | undefined)[]>;

/** What the language compares with each other. */
export type Kind = "string" | "number" | "boolean" | "list" | "map" | ScalarType;

const KIND_OF_TYPE: Readonly<Record<string, Kind>> = {
  int: "number",
  float: "number",
  number: "number",
  bool: "boolean",
  string: "string",
  uuid: "string",
  bytes: "bytes",
  mac: "mac",
  ip: "ip",
  prefix: "prefix",
  time: "time",
  duration: "duration",
  list: "list",
  map: "map",
};

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);

/** What people may have meant with `x in` a value that is no list. */
const ELEMENTS_OF: { readonly [K in Kind]?: string } = {
  map: "its pairs are entries(…), its keys keys(…)",
  string: "split(…) makes a list of a text, contains(…) looks into it",
  number: "range(from, to) has the numbers from one to another",
  prefix: "ip_in_prefix(ip, prefix) tells whether an address is in it",
};

/** The kind of the values of a column, besides null; `undefined` when it can hold several. */
export function kindOfType(type: string | undefined): Kind | undefined {
  return type === undefined ? undefined : KIND_OF_TYPE[type];
}

/** Reports what in a rule's body never holds for the kinds of its values. */
export function checkKinds(context: CheckContext, source: SourceText, rule: RuleSyntax, kinds: InferredKinds): void {
  new KindCheck(context, source, kinds).rule(rule);
}

/** A variable's kind, and the column that tells it. */
interface Known {
  readonly kind: Kind;
  readonly column: string;
}

class KindCheck {
  readonly #context: CheckContext;
  readonly #source: SourceText;
  readonly #kinds: InferredKinds;

  constructor(context: CheckContext, source: SourceText, kinds: InferredKinds) {
    this.#context = context;
    this.#source = source;
    this.#kinds = kinds;
  }

  /** Judges a rule's body, and what its head puts into columns of declared types. */
  rule(rule: RuleSyntax): void {
    if (rule.body === undefined) return;
    const known = this.body(rule.body, new Map());
    const relation = this.#context.relations.get(qualify(this.#source, rule.name));
    if (relation === undefined) return;
    for (const [i, { name, term }] of rule.args.entries()) {
      const column = name === undefined ? relation.columns[i] : relation.columns.find((each) => each.name === name);
      const wanted = kindOfType(column?.type);
      const given = term.kind === "name" ? known.get(term.name) : undefined;
      if (column === undefined || wanted === undefined || given === undefined || given.kind === wanted) continue;
      this.#context.report(
        this.#source,
        term.span,
        `column "${column.name}" of "${relation.label}" is declared ${column.type}, and gets ${withArticle(given.kind)} of ${given.column}`,
        { hint: "convert it: int(…), str(…), ip(…)" },
      );
    }
  }

  /** What holds together is judged together: first the tables, which tell kinds, then everything else. */
  body(formula: Formula, outer: ReadonlyMap<string, Known>): ReadonlyMap<string, Known> {
    const known = new Map(outer);
    const items = formula.kind === "and" ? formula.items : [formula];
    for (const item of items) {
      const atom = item.kind === "test" ? this.#atomOf(item.expr) : undefined;
      if (atom !== undefined) this.#learn(atom.relation, atom.args, known);
    }
    for (const item of items) this.#learnEquation(item, known);
    for (const item of items) this.#judge(item, known);
    return known;
  }

  #judge(formula: Formula, known: ReadonlyMap<string, Known>): void {
    switch (formula.kind) {
      case "and":
      case "or":
        for (const item of formula.items) this.body(item, known);
        break;
      case "not":
        this.body(formula.body, known);
        break;
      case "test":
        this.#visit(formula.expr, known);
        break;
      case "equal":
        this.#compare(formula.left, formula.right, formula.span, known);
        break;
      default:
        this.#visit(formula.left, known);
        this.#visit(formula.right, known);
        this.#elementsOf(formula.right, known);
    }
  }

  /** Only lists have elements. */
  #elementsOf(expr: Expr, known: ReadonlyMap<string, Known>): void {
    const described = describe(expr, known, this.#context);
    if (described === undefined || described.kind === "list") return;
    this.#context.report(this.#source, expr.span, `${described.text} has no elements`, {
      expected: "a list, or a function that gives a set",
      ...(ELEMENTS_OF[described.kind] && { hint: ELEMENTS_OF[described.kind] }),
    });
  }

  #visit(expr: Expr, known: ReadonlyMap<string, Known>): void {
    if (expr.kind === "binary" && (expr.op === "in" || expr.op === "not in")) this.#elementsOf(expr.right, known);
    if (expr.kind === "binary" && COMPARISONS.has(expr.op)) this.#compare(expr.left, expr.right, expr.span, known);
    else if (expr.kind === "aggregate") this.body(expr.body, known);
    else for (const part of partsOf(expr)) this.#visit(part, known);
  }

  #compare(left: Expr, right: Expr, span: Span, known: ReadonlyMap<string, Known>): void {
    this.#visit(left, known);
    this.#visit(right, known);
    const [a, b] = [describe(left, known, this.#context), describe(right, known, this.#context)];
    if (a === undefined || b === undefined || a.kind === b.kind || !(a.isColumn || b.isColumn)) return;
    this.#context.report(this.#source, span, `${a.text} is compared with ${b.text.replace(/,$/, "")}`, {
      hint: "values of two kinds are never equal or in order; convert one: int(…), str(…), ip(…)",
    });
  }

  #learn(relation: CheckedRelation, args: readonly Argument[], known: Map<string, Known>): void {
    for (const [i, { name, term }] of args.entries()) {
      const column = name === undefined ? relation.columns[i] : relation.columns.find((each) => each.name === name);
      const kind = column && this.#kinds.get(relation.name)?.[relation.columns.indexOf(column)];
      if (column === undefined || kind === undefined || term.kind !== "name") continue;
      const before = known.get(term.name);
      const place = `column "${column.name}" of "${relation.name}"`;
      if (before === undefined) known.set(term.name, { kind, column: place });
      else if (before.kind !== kind) {
        const problem = `"${term.name}" is ${withArticle(kind)} in ${place} and ${withArticle(before.kind)} in ${before.column}`;
        this.#context.report(this.#source, term.span, problem, { hint: "no value is both; convert one: int(…), str(…), ip(…)" });
      }
    }
  }

  /** A variable that no table binds has the kind of what it is set to. */
  #learnEquation(item: Formula, known: Map<string, Known>): void {
    if (item.kind !== "equal" || item.left.kind !== "name" || known.has(item.left.name)) return;
    const kind = kindOfExpr(item.right, this.#context);
    if (kind !== undefined) known.set(item.left.name, { kind, column: "what it is set to" });
  }

  #atomOf(expr: Expr): { relation: CheckedRelation; args: readonly Argument[] } | undefined {
    if (expr.kind !== "call") return undefined;
    const relation = this.#context.relations.get(qualify(this.#source, expr.name));
    return relation && { relation, args: expr.args };
  }
}

interface Described {
  readonly kind: Kind;
  /** It is known from a column: two constants may be compared, if only to see that they are not equal. */
  readonly isColumn: boolean;
  readonly text: string;
}

function describe(expr: Expr, known: ReadonlyMap<string, Known>, context: CheckContext): Described | undefined {
  const variable = expr.kind === "name" ? known.get(expr.name) : undefined;
  if (expr.kind === "name" && variable !== undefined) {
    return { kind: variable.kind, isColumn: true, text: `"${expr.name}", ${withArticle(variable.kind)} of ${variable.column},` };
  }
  const kind = kindOfExpr(expr, context);
  return kind && { kind, isColumn: false, text: withArticle(kind) };
}

function withArticle(kind: Kind): string {
  return kind === "bytes" ? kind : `${kind === "ip" ? "an" : "a"} ${kind}`;
}

/** The kind of an expression's value, where its form tells. */
export function kindOfExpr(expr: Expr, context: CheckContext): Kind | undefined {
  if (expr.kind === "aggregate")
    return expr.fn === "count" || expr.fn === "sum" ? "number" : expr.fn === "collect" || expr.fn === "top" ? "list" : undefined;
  if (expr.kind === "text") return "string";
  if (expr.kind === "list") return "list";
  if (expr.kind === "call") return resultKind(context.functionNamed(expr.name));
  if (expr.kind !== "literal") return undefined;
  return kindOfValue(expr.value);
}

/** The kind of a constant; null is of none. */
export function kindOfValue(value: Value): Kind | undefined {
  const name = kindName(value);
  return name === "null" ? undefined : name === "bool" ? "boolean" : (name as Kind);
}

function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "call":
      return expr.args.map(({ term }) => term);
    case "list":
      return expr.items;
    case "text":
      return expr.parts.filter((part) => typeof part !== "string");
    case "unary":
      return [expr.operand];
    case "binary":
      return [expr.left, expr.right];
    case "if":
      return [expr.condition, expr.whenTrue, expr.whenFalse];
    default:
      return [];
  }
}
