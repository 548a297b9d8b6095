/**
 * Finds the kinds of derived columns that are not declared, from the rules that fill them.
 *
 * What: a column has a kind if every rule of its table puts that kind there (null aside). Why: joins and comparisons that can never hold are
 * then found through tables in between too. How: kinds pass from heads to bodies until nothing changes; a rule whose own tables are
 * not known yet says nothing, so recursion does not stand in the way. Limits: what an expression gives is known for constants, texts,
 * lists, aggregates and built-in functions only.
 */
import type { Argument, Expr, Formula, RuleSyntax, SourceText } from "../language/ast.ts";
import { type CheckContext, type CheckedRelation, qualify } from "./context.ts";
import type { ParsedSource } from "./declare.ts";
import { type InferredKinds, type Kind, kindOfExpr, kindOfType } from "./kinds.ts";

/** No rule has said anything yet; or the rules differ, or one is not known. */
type State = Kind | "none" | "any";

/** The kinds of all columns, declared or inferred. */
export function inferKinds(context: CheckContext, parsed: readonly ParsedSource[]): InferredKinds {
  const states = new Map([...context.relations.values()].map((relation) => [relation.name, statesOf(relation)]));
  const rules = parsed.flatMap(({ source, statements }) =>
    statements.flatMap((statement) => (statement.kind === "rule" ? [{ source, rule: statement }] : [])),
  );
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (const { source, rule } of rules) if (new HeadKinds(context, source, states).add(rule)) hasChanged = true;
  }
  return new Map(
    [...states].map(([name, columns]) => [
      name,
      columns.map((state) => (state === "none" || state === "any" ? undefined : state)),
    ]),
  );
}

function statesOf({ kind, columns }: CheckedRelation): State[] {
  return columns.map(({ type }) => kindOfType(type) ?? (kind === "derived" && type === undefined ? "none" : "any"));
}

class HeadKinds {
  readonly #context: CheckContext;
  readonly #source: SourceText;
  readonly #states: Map<string, State[]>;

  constructor(context: CheckContext, source: SourceText, states: Map<string, State[]>) {
    this.#context = context;
    this.#source = source;
    this.#states = states;
  }

  /** Joins what a rule's head says into the states of its table; true if that changed one. */
  add(rule: RuleSyntax): boolean {
    const relation = this.#context.relations.get(qualify(this.#source, rule.name));
    const states = relation && this.#states.get(relation.name);
    if (relation === undefined || states === undefined) return false;
    const known = new Map<string, State>();
    const items = rule.body === undefined ? [] : rule.body.kind === "and" ? rule.body.items : [rule.body];
    for (const item of items) this.#learn(item, known);
    let hasChanged = false;
    for (const [column, term] of arranged(relation, rule.args)) {
      if (relation.columns[column]?.type !== undefined) continue;
      const before = states[column] ?? "any";
      const after = joined(before, this.#stateOf(term, known));
      states[column] = after;
      hasChanged ||= after !== before;
    }
    return hasChanged;
  }

  #learn(item: Formula, known: Map<string, State>): void {
    if (item.kind === "equal" && item.left.kind === "name") {
      const kind = kindOfExpr(item.right, this.#context);
      if (kind !== undefined && !known.has(item.left.name)) known.set(item.left.name, kind);
      this.#learnGroups(item.right, known);
      return;
    }
    if (item.kind !== "test" || item.expr.kind !== "call") return;
    const relation = this.#context.relations.get(qualify(this.#source, item.expr.name));
    if (relation === undefined) return;
    for (const [column, term] of arranged(relation, item.expr.args)) {
      if (term.kind !== "name") continue;
      const state = this.#states.get(relation.name)?.[column] ?? "any";
      const before = known.get(term.name);
      if (before === undefined || before === "any") known.set(term.name, state);
    }
  }

  /** Variables of an aggregate's group have their values from the tables inside. */
  #learnGroups(expr: Expr, known: Map<string, State>): void {
    if (expr.kind === "aggregate") {
      for (const item of expr.body.kind === "and" ? expr.body.items : [expr.body]) this.#learn(item, known);
    } else if (expr.kind === "call") for (const { term } of expr.args) this.#learnGroups(term, known);
    else if (expr.kind === "binary") this.#learnGroups(expr.left, known);
  }

  #stateOf(term: Expr, known: ReadonlyMap<string, State>): State {
    if (term.kind === "name") return known.get(term.name) ?? "any";
    if (term.kind === "literal" && term.value === null) return "none";
    return kindOfExpr(term, this.#context) ?? "any";
  }
}

function* arranged({ columns }: CheckedRelation, args: readonly Argument[]): Generator<[number, Expr]> {
  for (const [i, { name, term }] of args.entries()) {
    const column = name === undefined ? i : columns.findIndex((each) => each.name === name);
    if (column >= 0 && column < columns.length) yield [column, term];
  }
}

function joined(a: State, b: State): State {
  if (a === "none" || a === b) return b;
  return b === "none" ? a : "any";
}
