/**
 * Finds out why a row is not there: for each rule that could derive it, how far it gets and which literal stops it.
 *
 * The rule runs with the wanted columns bound, and the deepest point of the search is kept: the instance that lacks least. If a
 * literal over a derived table stops it, the question is asked again for that table.
 */
import type { CoreRule, Literal, RuleOrigin, Term } from "../../check/core.ts";
import { bindInto } from "../../check/safety.ts";
import { formatAtom, formatValue, type Tuple, type Value } from "../../value.ts";
import { DivergenceError, oneLine } from "../errors.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import { compilePlan, type Plan } from "../plan/plan.ts";
import { INIT } from "../evaluate/start.ts";
import { OLD_STATE } from "../rows/views.ts";

/** Values wanted by column; `undefined` is any. */
export type Pattern = readonly (Value | undefined)[];

/** The answer to "why is there no such row". */
export interface WhyNot {
  readonly relation: string;
  readonly pattern: Pattern;
  /** A row that does agree with the pattern; then there is nothing to explain. */
  readonly exists?: Tuple;
  /** Rules that could derive the row, the one that gets furthest first; empty for inputs. */
  readonly attempts: readonly Attempt[];
}

/** How far one rule gets. */
export interface Attempt {
  readonly rule: RuleOrigin;
  /** Literals that hold, with the values found, in the order they were tried. */
  readonly passed: readonly string[];
  readonly failing: FailingLiteral;
  /** Literals of the rule not satisfied, the failing one included. */
  readonly nMissing: number;
}

/** The literal at which the nearest instance of a rule stops. */
export interface FailingLiteral {
  /** As in the program. */
  readonly text: string;
  /** With the values known at this point; for literals over a table. */
  readonly relation?: string;
  readonly pattern?: Pattern;
  /** For a negated literal: rows that should be absent. */
  readonly present?: readonly Tuple[];
  /** For a derived table: why it has no such row. */
  readonly because?: WhyNot;
}

const MAX_STEPS = 200_000;
const MAX_DEPTH = 4;

/** Looks through the relation's rules. */
export function explainAbsence(
  evaluation: Evaluation,
  relation: string,
  pattern: Pattern,
  match: (relation: string, pattern: Pattern) => Tuple[],
  depth = 0,
): WhyNot {
  const [exists] = match(relation, pattern);
  if (exists !== undefined) return { relation, pattern, exists, attempts: [] };
  const bestByRule = new Map<RuleOrigin, Attempt>();
  for (const rule of evaluation.rules) {
    if (rule.relation !== relation) continue;
    const attempt = new RuleTrial(evaluation, rule, match, depth).run(pattern);
    const before = bestByRule.get(rule.origin);
    if (before === undefined || attempt.nMissing < before.nMissing) bestByRule.set(rule.origin, attempt);
  }
  const attempts = [...bestByRule.values()].sort((a, b) => a.nMissing - b.nMissing);
  return { relation, pattern, attempts };
}

class RuleTrial {
  readonly #evaluation: Evaluation;
  readonly #rule: CoreRule;
  readonly #match: (relation: string, pattern: Pattern) => Tuple[];
  readonly #depth: number;

  constructor(evaluation: Evaluation, rule: CoreRule, match: (relation: string, pattern: Pattern) => Tuple[], depth: number) {
    this.#evaluation = evaluation;
    this.#rule = rule;
    this.#match = match;
    this.#depth = depth;
  }

  run(pattern: Pattern): Attempt {
    const rule = this.#rule;
    const wanted: Literal[] = [];
    for (const [i, term] of rule.head.entries()) {
      const value = pattern[i];
      if (value === undefined || term.kind === "any") continue;
      if (term.kind === "const") {
        if (this.#evaluation.interner.idOf(term.value) === this.#evaluation.interner.idOf(value)) continue;
        const text = `the head's column ${i + 1} is ${JSON.stringify(term.value)}`;
        return { rule: rule.origin, passed: [], failing: { text }, nMissing: rule.body.length + 1 };
      }
      wanted.push({ kind: "equal", left: term, right: { kind: "const", value }, span: { start: 0, end: 0 } });
    }
    return this.#try({ ...rule, body: [...wanted, ...rule.body] }, wanted.length);
  }

  #try(rule: CoreRule, nWanted: number): Attempt {
    let deepest = 0;
    let registers: readonly number[] = [];
    let nSteps = 0;
    const trace = (plan: Plan, nPassed: number): void => {
      if (nSteps++ > MAX_STEPS) throw new SearchEnd();
      if (nPassed <= deepest) return;
      deepest = nPassed;
      registers = [...plan.registers];
    };
    const plan = compilePlan(
      { rule, from: "none", viewOf: () => OLD_STATE, sink: { kind: "call", tell: () => true }, trace },
      this.#evaluation.planContext,
    );
    try {
      this.#evaluation.begin();
      plan.run(new Int32Array(0), 0, 1);
    } catch (error) {
      if (!(error instanceof SearchEnd) && !(error instanceof DivergenceError)) throw error;
    }
    const literals = plan.order.map((position) => rule.body[position] as Literal);
    const known = new Set<number>();
    for (const literal of literals.slice(0, deepest)) bindInto(literal, known);
    const values = registers.map((id, slot) => (known.has(slot) ? this.#evaluation.interner.valueOf(id) : undefined));
    const shown = (literal: Literal): boolean => !(literal.kind === "atom" && literal.relation === INIT);
    const isOwn = (position: number): boolean => position >= nWanted && shown(rule.body[position] as Literal);
    const passed = plan.order
      .slice(0, deepest)
      .filter(isOwn)
      .map((position) => this.#describe(rule.body[position] as Literal, values));
    const failing = literals[deepest];
    const nMissing = literals.length - deepest;
    if (failing === undefined)
      return { rule: rule.origin, passed, failing: { text: "nothing: the row can be derived" }, nMissing };
    return { rule: rule.origin, passed, failing: this.#failure(failing, values), nMissing };
  }

  #failure(literal: Literal, values: readonly (Value | undefined)[]): FailingLiteral {
    const text = this.#textOf(literal);
    if (literal.kind !== "atom" && literal.kind !== "not")
      return { text: text === "" ? "the head does not give these values" : text };
    const { relation, terms } = (literal.kind === "not" ? literal.shown : undefined) ?? literal;
    const pattern = terms.map((term) => valueOf(term, values));
    if (relation.startsWith("$")) return { text };
    if (literal.kind === "not") return { text, relation, pattern, present: this.#match(relation, pattern) };
    const isDerived = this.#evaluation.program.relations.get(relation)?.kind === "derived";
    if (!isDerived || this.#depth >= MAX_DEPTH || relation === this.#rule.relation) return { text, relation, pattern };
    return {
      text,
      relation,
      pattern,
      because: explainAbsence(this.#evaluation, relation, pattern, this.#match, this.#depth + 1),
    };
  }

  #describe(literal: Literal, values: readonly (Value | undefined)[]): string {
    if (literal.kind === "equal" || literal.kind === "member") return this.#textOf(literal);
    if (literal.kind === "atom" && literal.relation.startsWith("$")) {
      const value = valueOf(literal.terms.at(-1) ?? { kind: "any" }, values);
      return `${formatValue(value ?? null)} = ${this.#textOf(literal)}`;
    }
    if (literal.kind !== "atom") return this.#textOf(literal);
    return formatAtom(
      literal.relation,
      literal.terms.map((term) => valueOf(term, values)),
    );
  }

  #textOf(literal: Literal): string {
    return oneLine(this.#rule.sourceText.slice(literal.span.start, literal.span.end));
  }
}

/** Ends a search that takes too long. */
class SearchEnd extends Error {}

function valueOf(term: Term, values: readonly (Value | undefined)[]): Value | undefined {
  if (term.kind === "const") return term.value;
  return term.kind === "var" ? values[term.slot] : undefined;
}

/** The answer for people: the nearest rule first, what holds, what stops it. */
export function formatWhyNot(whyNot: WhyNot, indent = ""): string {
  const lines = [`${indent}${formatAtom(whyNot.relation, whyNot.pattern)}`];
  if (whyNot.exists !== undefined) lines.push(`${indent}  exists: ${formatAtom(whyNot.relation, whyNot.exists)}`);
  else if (whyNot.attempts.length === 0) lines.push(`${indent}  no such row, and no rule derives it`);
  for (const { rule, passed, failing } of whyNot.attempts) {
    lines.push(`${indent}  by ${rule.file}:${rule.line}: ${oneLine(rule.text)}`);
    for (const literal of passed) lines.push(`${indent}    holds: ${literal}`);
    const instance =
      failing.relation !== undefined && failing.pattern !== undefined
        ? `   (${formatAtom(failing.relation, failing.pattern)})`
        : "";
    lines.push(`${indent}    fails: ${failing.text}${instance}`);
    for (const tuple of failing.present ?? []) lines.push(`${indent}      present: ${formatAtom(failing.relation ?? "", tuple)}`);
    if (failing.because !== undefined) lines.push(formatWhyNot(failing.because, `${indent}      `));
  }
  return lines.join("\n");
}
