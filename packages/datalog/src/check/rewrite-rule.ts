/**
 * Rewrites one rule of the program into core rules.
 *
 * What: `or` becomes one core rule per alternative; `count { … }` and its kin become a hidden relation that is joined by its group;
 * a negated group becomes a hidden relation that is negated; `_` under `not` becomes a projection; expressions as arguments become
 * equations. Why: the engine then knows five literals only, and each keeps exact deltas.
 *
 * A hidden body that is not safe alone, because it mentions variables that only the rule around it binds, gets the
 * positive literals of that rule as context: its rows are the same wherever the rule looks.
 */
import type { AggregateExpr, Expr, Formula, RuleSyntax, SourceText } from "../language/ast.ts";
import { buildAggregate, isHeadAggregate, misfit } from "../language/aggregates.ts";
import { arrangeArguments } from "./columns.ts";
import { type CheckContext, type CheckedRelation, qualify } from "./context.ts";
import type { Literal, RuleOrigin, Term } from "./core.ts";
import { LiteralRewriter } from "./rewrite-literal.ts";
import { alternativesOf, countAlternatives, Level, MAX_ALTERNATIVES } from "./level.ts";
import { collectNames, hasAggregate, visitExpr, visitFormula } from "./names.ts";
import { plainHead } from "./extremes.ts";
import { mentionedIn, type References } from "./references.ts";
import { boundSlots, unsafeSlots } from "./safety.ts";
import { withResult } from "./with-result.ts";

/** Rewrites a rule and adds the result to the context; faults are reported there. */
export function rewriteRule(context: CheckContext, references: References, source: SourceText, rule: RuleSyntax): void {
  const name = qualify(source, rule.name);
  const relation = context.relations.get(name);
  if (relation === undefined) return;
  if (!mayDerive(context, source, rule, relation)) return;
  const args = arrangeArguments(context, source, relation, rule.args, rule.headSpan);
  if (args === undefined) return;
  new RuleRewriter(context, references, source, context.originOf(source, rule.span), name).rewrite(rule, relation, args);
}

function mayDerive(context: CheckContext, source: SourceText, rule: RuleSyntax, relation: CheckedRelation): boolean {
  const { headSpan } = rule;
  if (context.functionNamed(rule.name) !== undefined) {
    context.report(source, headSpan, `"${rule.name}" is a function`, { hint: "give the table another name" });
  } else if (relation.kind === "input") {
    const hint =
      joinHint(source, rule) ?? "rows of an input come from outside, or from a test; derive a table with a name of its own";
    context.report(source, headSpan, `"${relation.name}" is an input; rules cannot derive it`, { hint });
  } else if (source.namespace !== undefined && !relation.name.startsWith(`${source.namespace}:`)) {
    const expected = `a table of "${source.namespace}"`;
    context.report(source, headSpan, `policy "${source.namespace}" cannot derive "${relation.name}"`, { expected });
  } else return true;
  return false;
}

/** A statement behind another one on its line was most likely meant to be one of its conditions. */
function joinHint(source: SourceText, { body, headSpan }: RuleSyntax): string | undefined {
  const before = source.text.slice(source.text.lastIndexOf("\n", headSpan.start - 1) + 1, headSpan.start);
  if (body !== undefined || before.trim() === "") return undefined;
  return 'conditions of one rule are joined by ",", alternatives by "or": this begins another statement';
}

class RuleRewriter extends LiteralRewriter {
  readonly #references: References;
  readonly #derives: string;
  #unsafeHint: string | undefined;
  /** Names that kept the last hidden body from being safe. */
  #missing = new Set<string>();

  constructor(context: CheckContext, references: References, source: SourceText, origin: RuleOrigin, derives: string) {
    super(context, source, origin);
    this.#references = references;
    this.#derives = derives;
  }

  rewrite(rule: RuleSyntax, relation: CheckedRelation, args: readonly (Expr | undefined)[]): void {
    const span = rule.headSpan;
    this.#unsafeHint = joinHint(this.source, rule);
    const head = args.map((arg) => arg ?? ({ kind: "literal", value: null, span } as const));
    const plain = plainHead(this.context, this.source, rule, head);
    const aggregated = plain === undefined ? this.#liftHeadAggregates(rule, head) : { head: plain, body: rule.body };
    const body = aggregated === undefined ? rule.body : aggregated.body;
    const levels = this.#levels(body, [], false);
    for (const level of levels) this.#finish(level, relation.name, aggregated?.head ?? head, new Set(), [], true);
  }

  /** `load(h, sum(r)) :- body` is `load(h, n) :- n = sum { r : body }`. */
  #liftHeadAggregates(rule: RuleSyntax, head: readonly Expr[]): { head: Expr[]; body: Formula | undefined } | undefined {
    const items: Formula[] = [];
    const lifted = head.map((expr): Expr => {
      if (expr.kind !== "call" || !isHeadAggregate(expr.name)) return expr;
      const { name: fn, span, args } = expr;
      const isCall = this.context.functions.has(fn) && args.length > 1;
      if (isCall || rule.body === undefined) return expr;
      const wanted = misfit(fn, args.length);
      if (wanted !== undefined) {
        this.context.report(this.source, span, `aggregate "${fn}" is given ${args.length} arguments`, { expected: wanted });
        return { kind: "literal", value: null, span };
      }
      const result: Expr = { kind: "name", name: `$${fn}${items.length}`, span };
      const right = buildAggregate(
        fn,
        args.map(({ term }) => term),
        rule.body,
        span,
      );
      items.push({ kind: "equal", left: result, right, span });
      return result;
    });
    if (items.length === 0) return lifted.every((expr, i) => expr === head[i]) ? undefined : { head: lifted, body: rule.body };
    return { head: lifted, body: { kind: "and", items, span: rule.span } };
  }

  #levels(body: Formula | undefined, context: readonly Formula[], countsWays: boolean): Level[] {
    if (body !== undefined && countAlternatives(body) > MAX_ALTERNATIVES) {
      const hint = "give a part of it a table of its own";
      this.context.report(this.source, body.span, `"or" gives more than ${MAX_ALTERNATIVES} alternatives here`, { hint });
      return [];
    }
    return alternativesOf(body).map((alternative) => {
      const formulas = alternative.map((formula) => withResult(this.context, formula));
      const level = new Level(formulas);
      level.countsWays = countsWays;
      for (const formula of formulas) this.addFormula(level, formula);
      level.countsWays = false;
      for (const formula of context) this.addFormula(level, formula);
      return level;
    });
  }

  /** Resolves what waits in a level, and adds its core rule. `optional` names become null where the level lacks them. */
  #finish(
    level: Level,
    relation: string,
    head: readonly Expr[],
    optional: ReadonlySet<string>,
    wayOwners: readonly Level[],
    reportsUnsafe: boolean,
    inherited: ReadonlySet<string> = new Set(),
    context: readonly Formula[] = [],
  ): boolean {
    const terms = head.map((expr): Term => {
      if (expr.kind === "name" && optional.has(expr.name) && level.find(expr.name) === undefined)
        return { kind: "const", value: null };
      if (expr.kind === "wildcard") {
        this.context.report(this.source, expr.span, "a head needs a value in each column", { expected: "a variable or a value" });
        level.isBroken = true;
      }
      return this.toTerm(level, expr);
    });
    for (const owner of wayOwners) {
      for (const slot of owner.ways) terms.push(owner === level ? { kind: "var", slot } : { kind: "const", value: null });
    }
    const names = this.#levelNames(level, head, inherited);
    const around = this.#binders([...context, ...level.formulas]);
    this.#resolveGroups(level, names, around);
    const bodies = this.#resolveAggregates(level, names, around);
    let isSafe = true;
    for (const body of bodies) {
      const rule = { relation, head: terms, body, slots: level.slots, origin: this.origin, sourceText: this.source.text };
      const unsafe = level.isBroken ? [] : unsafeSlots(rule);
      for (const slot of unsafe) {
        isSafe = false;
        this.#missing.add(level.slots[slot] ?? "");
        if (reportsUnsafe) this.#reportUnsafe(level, slot);
      }
      if (!isSafe) break;
      this.context.rules.push(rule);
    }
    return isSafe;
  }

  #reportUnsafe(level: Level, slot: number): void {
    const name = level.slots[slot] ?? "";
    const isHidden = name.startsWith("$");
    const problem = isHidden ? "this value depends on a variable that nothing binds" : `variable "${name}" is not bound`;
    const isNegatedOnly = level.literals.some(
      (literal) => literal.kind === "not" && literal.terms.some((t) => t.kind === "var" && t.slot === slot),
    );
    const hint = isNegatedOnly ? 'write "_" if any value will do' : (this.#unsafeHint ?? 'bind it by a table, "=" or "in"');
    this.context.report(this.source, level.spans[slot] ?? { start: 0, end: 0 }, problem, { hint });
  }

  /** Names that the level itself mentions, and those of its surroundings that something inside it mentions. */
  #levelNames(level: Level, head: readonly Expr[], inherited: ReadonlySet<string>): Set<string> {
    const names = collectNames((visit) => {
      for (const expr of head) visitExpr(expr, this.nameRules(false), visit);
      for (const formula of level.formulas) visitFormula(formula, this.nameRules(false), visit);
    });
    const inside = collectNames((visit) => {
      for (const formula of level.formulas) visitFormula(formula, this.nameRules(true), visit);
    });
    for (const name of inherited) if (inside.has(name)) names.add(name);
    return names;
  }

  /** The literals that can bind variables without the aggregates of their level: context for hidden bodies. */
  #binders(formulas: readonly Formula[]): Formula[] {
    const isTable = (formula: Formula): boolean => formula.kind === "test" && this.atomOf(formula.expr) !== undefined;
    const namesOf = (expr: Expr): Set<string> => collectNames((visit) => visitExpr(expr, this.nameRules(true), visit));
    const chosen = formulas.filter(isTable);
    const bound = collectNames((visit) => {
      for (const formula of chosen) visitFormula(formula, this.nameRules(true), visit);
    });
    const waiting = new Set(formulas.filter(({ kind }) => kind === "equal" || kind === "in"));
    for (let hasChanged = true; hasChanged; ) {
      hasChanged = false;
      for (const formula of waiting) {
        if (formula.kind !== "equal" && formula.kind !== "in") continue;
        const [left, right] = [namesOf(formula.left), namesOf(formula.right)];
        const isReady = isSubset(right, bound) || (formula.kind === "equal" && isSubset(left, bound));
        if (!isReady || hasAggregate(formula.left) || hasAggregate(formula.right)) continue;
        for (const name of [...left, ...right]) bound.add(name);
        chosen.push(formula);
        waiting.delete(formula);
        hasChanged = true;
      }
    }
    return chosen;
  }

  #resolveGroups(level: Level, names: ReadonlySet<string>, around: readonly Formula[]): void {
    for (const { body, span } of level.groups) {
      const inside = collectNames((visit) => visitFormula(body, this.nameRules(true), visit));
      const shared = [...inside].filter((name) => names.has(name));
      const label = `not (${this.source.text.slice(body.span.start, body.span.end)})`;
      const hidden = this.#defineHidden("not", shared, body, label, around, []);
      const terms = shared.map((name): Term => ({ kind: "var", slot: level.slotOf(name, span) }));
      level.literals.push({ kind: "not", relation: hidden, terms, span, shown: undefined });
    }
  }

  /** Joins the aggregates of a level; where an empty group has a value, the rule is split in two. */
  #resolveAggregates(level: Level, names: ReadonlySet<string>, around: readonly Formula[]): Literal[][] {
    let bodies: Literal[][] = [level.literals];
    const bound = boundSlots(level.literals);
    const waiting = level.aggregates.map(({ syntax, slot }) => ({
      slot,
      ...this.#defineAggregate(level, syntax, names, around),
    }));
    while (waiting.length > 0) {
      const bindable = waiting.findIndex(({ group }) => group.every((groupSlot) => bound.has(groupSlot)));
      const [next] = waiting.splice(Math.max(bindable, 0), 1);
      if (next === undefined) break;
      const { relation, group, slot, empty, span } = next;
      const keys = group.map((groupSlot): Term => ({ kind: "var", slot: groupSlot }));
      const joined: Literal = { kind: "atom", relation, terms: [...keys, { kind: "var", slot }], span };
      const before = bodies;
      bodies = before.map((body) => [...body, joined]);
      if (bindable >= 0 && empty !== undefined) {
        const missing = this.negate(level, relation, [...keys, { kind: "any" }], span, false);
        const value: Literal = { kind: "equal", left: { kind: "var", slot }, right: { kind: "const", value: empty }, span };
        bodies.push(...before.map((body) => [...body, ...missing, value]));
      }
      for (const bindings of boundSlots(bodies[0] ?? [])) bound.add(bindings);
    }
    return bodies;
  }

  #defineAggregate(level: Level, syntax: AggregateExpr, names: ReadonlySet<string>, around: readonly Formula[]) {
    const { fn, value, body, span, limit } = syntax;
    const inside = collectNames((visit) => {
      visitFormula(body, this.nameRules(true), visit);
      if (value !== undefined) visitExpr(value, this.nameRules(true), visit);
    });
    const groupNames = [...inside].filter((name) => names.has(name));
    const label = this.source.text.slice(span.start, span.end);
    const countsWays = fn === "sum" || value === undefined || syntax.hasDuplicates;
    // Each element of a list has a column of its own: rows then hold no lists, of which most would never be looked at.
    const items = value?.kind === "list" && value.items.every(({ kind }) => kind !== "wildcard") ? value.items : [];
    const isList = items.length > 0 && fn !== "sum";
    const values = isList ? items : [value];
    const hiddenBody = this.#defineHidden("of", groupNames, body, label, around, values, countsWays);
    const relation = this.context.addHidden("agg", [...groupNames, fn], label);
    const nParts = isList ? values.length : undefined;
    const nGroup = groupNames.length;
    this.context.aggregates.push({ relation, body: hiddenBody, fn, nGroup, nParts, limit, origin: this.origin });
    const empty = fn === "collect" || fn === "top" ? [] : fn === "count" || fn === "sum" ? 0 : undefined;
    return { relation, group: groupNames.map((name) => level.slotOf(name, span)), empty, span };
  }

  /** A hidden relation: `shared` columns, then `values`, then (to count ways) everything else that varies. */
  #defineHidden(
    kind: string,
    shared: readonly string[],
    body: Formula,
    label: string,
    around: readonly Formula[],
    values: readonly (Expr | undefined)[],
    countsWays = false,
  ): string {
    const inside = collectNames((visit) => visitFormula(body, this.nameRules(false), visit));
    const locals = countsWays ? [...inside].filter((name) => !shared.includes(name)) : [];
    const toName = (name: string): Expr => ({ kind: "name", name, span: body.span });
    const head = [
      ...shared.map(toName),
      ...values.map((v) => v ?? ({ kind: "literal", value: null, span: body.span } as const)),
      ...locals.map(toName),
    ];
    const mark = this.context.mark();
    const define = (context: readonly Formula[], isLast: boolean): string | undefined => {
      this.context.undoTo(mark);
      this.#missing = new Set();
      const levels = this.#levels(body, context, countsWays);
      const columns = [
        ...shared,
        ...values.map(() => "value"),
        ...locals,
        ...levels.flatMap((level) => level.ways.map(() => "_")),
      ];
      const hidden = this.context.addHidden(kind, columns, label);
      const results = levels.map((level) =>
        this.#finish(level, hidden, head, new Set(locals), levels, isLast, new Set(shared), context),
      );
      return results.every((isSafe) => isSafe) || isLast ? hidden : undefined;
    };
    const lower = around.filter((formula) => !this.#dependsOnHead(formula));
    const attempts = [() => [], () => this.#covering(lower), () => lower];
    for (const attempt of attempts) {
      const hidden = define(attempt(), false);
      if (hidden !== undefined) return hidden;
    }
    return define(around, true) ?? "";
  }

  /** The fewest tables of the surroundings that bind what the last attempt missed. */
  #covering(around: readonly Formula[]): Formula[] {
    const missing = new Set(this.#missing);
    const chosen: Formula[] = [];
    const tables = around.filter((formula) => formula.kind === "test" && this.atomOf(formula.expr) !== undefined);
    const binds = tables.map((formula) => collectNames((visit) => visitFormula(formula, this.nameRules(false), visit)));
    while (missing.size > 0) {
      const gains = binds.map((names) => [...names].filter((name) => missing.has(name)).length);
      const best = gains.indexOf(Math.max(0, ...gains));
      const formula = tables[best];
      if (formula === undefined || gains[best] === 0) break;
      chosen.push(formula);
      for (const name of binds[best] ?? []) missing.delete(name);
    }
    return chosen;
  }

  #dependsOnHead(formula: Formula): boolean {
    const mentioned = new Set<string>();
    mentionedIn(formula, this.source, mentioned);
    return [...mentioned].some((name) => this.#references.dependsOn(name, this.#derives));
  }
}

function isSubset(names: ReadonlySet<string>, of: ReadonlySet<string>): boolean {
  return [...names].every((name) => of.has(name));
}
