/**
 * Rewrites the literals of a body into core literals of a level. What has a level of its own (negated groups, aggregates) is only noted
 * there.
 */
import type { Argument, Expr, Formula, SourceText, Span } from "../language/ast.ts";
import { arrangeArguments } from "./columns.ts";
import { type CheckContext, qualify } from "./context.ts";
import type { CoreExpr, Literal, RuleOrigin, Term } from "./core.ts";
import type { Level } from "./level.ts";
import { isSingle, type NameRules } from "./names.ts";
import { ExpressionRewriter } from "./rewrite-expression.ts";

/** The literal part of rewriting a rule. */
export class LiteralRewriter extends ExpressionRewriter {
  readonly origin: RuleOrigin;

  constructor(context: CheckContext, source: SourceText, origin: RuleOrigin) {
    super(context, source);
    this.origin = origin;
  }

  addFormula(level: Level, formula: Formula): void {
    const { span } = formula;
    switch (formula.kind) {
      case "and":
        for (const item of formula.items) this.addFormula(level, item);
        break;
      case "or":
        level.groups.push({ body: { kind: "not", body: formula, span }, span });
        break;
      case "not":
        this.#addNot(level, formula.body, span);
        break;
      case "equal":
        level.literals.push({
          kind: "equal",
          left: this.toExpr(level, formula.left),
          right: this.toExpr(level, formula.right),
          span,
        });
        break;
      case "in":
        level.literals.push({
          kind: "member",
          left: this.toExpr(level, formula.left),
          right: this.toSet(level, formula.right),
          span,
        });
        break;
      case "test":
        this.#addTest(level, formula.expr);
    }
  }

  #addTest(level: Level, expr: Expr): void {
    const atom = this.atomOf(expr);
    if (atom === undefined) {
      level.literals.push({ kind: "test", expr: this.toExpr(level, expr), span: expr.span });
      return;
    }
    const relation = this.#relation(level, atom.name, atom.args, expr.span);
    if (relation === undefined) return;
    const terms = relation.args.map((arg): Term => {
      if (arg !== undefined && arg.kind !== "wildcard") return this.toTerm(level, arg);
      if (!level.countsWays) return { kind: "any" };
      const slot = level.fresh("_", expr.span);
      level.ways.push(slot);
      return { kind: "var", slot };
    });
    level.literals.push({ kind: "atom", relation: relation.name, terms, span: expr.span });
  }

  #addNot(level: Level, body: Formula, span: Span): void {
    if (body.kind === "not") return this.addFormula(level, body.body);
    const atom = body.kind === "test" ? this.atomOf(body.expr) : undefined;
    if (!isSingle(body) || hasInnerWildcard(body, atom !== undefined) || (body.kind === "in" && this.isSetCall(body.right))) {
      level.groups.push({ body, span });
      return;
    }
    if (atom !== undefined) return this.#addNegatedAtom(level, atom.name, atom.args, span);
    if (body.kind === "test") {
      level.literals.push({ kind: "test", expr: { kind: "unary", op: "!", operand: this.toExpr(level, body.expr) }, span });
    } else if (body.kind === "equal" || body.kind === "in") {
      const op = body.kind === "equal" ? "!=" : "not in";
      const expr: CoreExpr = { kind: "binary", op, left: this.toExpr(level, body.left), right: this.toExpr(level, body.right) };
      level.literals.push({ kind: "test", expr, span });
    }
  }

  #addNegatedAtom(level: Level, name: string, args: readonly Argument[], span: Span): void {
    const relation = this.#relation(level, name, args, span);
    if (relation === undefined) return;
    const terms = relation.args.map((arg): Term => (arg === undefined ? { kind: "any" } : this.toTerm(level, arg)));
    this.negate(level, relation.name, terms, span, true);
  }

  /** Adds `not relation(terms)`; anonymous terms go through a projection of the relation. */
  negate(level: Level, relation: string, terms: readonly Term[], span: Span, isShown: boolean): Literal[] {
    const kept = [...terms.keys()].filter((i) => terms[i]?.kind !== "any");
    const shown = isShown ? { relation, terms } : undefined;
    const literal: Literal =
      kept.length === terms.length
        ? { kind: "not", relation, terms, span, shown }
        : {
            kind: "not",
            relation: this.#projection(relation, kept),
            terms: kept.map((i) => terms[i] ?? { kind: "any" }),
            span,
            shown,
          };
    if (isShown) level.literals.push(literal);
    return [literal];
  }

  #projection(relation: string, kept: readonly number[]): string {
    const name = `$any:${relation}:${kept.join(",")}`;
    if (this.context.relations.has(name)) return name;
    const { columns = [], label = relation } = this.context.relations.get(relation) ?? {};
    this.context.addHiddenNamed(
      name,
      kept.map((i) => columns[i]?.name ?? ""),
      label,
    );
    const terms = columns.map((_, i): Term => (kept.includes(i) ? { kind: "var", slot: kept.indexOf(i) } : { kind: "any" }));
    this.context.rules.push({
      relation: name,
      head: kept.map((_, slot) => ({ kind: "var", slot })),
      body: [{ kind: "atom", relation, terms, span: { start: 0, end: 0 } }],
      slots: kept.map((i) => columns[i]?.name ?? ""),
      origin: this.origin,
      sourceText: this.source.text,
    });
    return name;
  }

  nameRules(isDeep: boolean): NameRules {
    return { isDeep, isTable: (name) => this.context.relations.has(qualify(this.source, name)) };
  }

  atomOf(expr: Expr): { name: string; args: readonly Argument[] } | undefined {
    if (expr.kind === "call" && this.context.functionNamed(expr.name) === undefined) return expr;
    return expr.kind === "name" ? { name: expr.name, args: [] } : undefined;
  }

  #relation(
    level: Level,
    name: string,
    args: readonly Argument[],
    span: Span,
  ): { name: string; args: (Expr | undefined)[] } | undefined {
    const relation = this.context.relations.get(qualify(this.source, name));
    if (relation === undefined) {
      const hint = this.context.nearRelation(qualify(this.source, name));
      this.context.report(this.source, span, `unknown table "${qualify(this.source, name)}"`, { hint });
    }
    const arranged = relation && arrangeArguments(this.context, this.source, relation, args, span);
    if (relation !== undefined && arranged !== undefined) return { name: relation.name, args: arranged };
    level.isBroken = true;
    return undefined;
  }
}

/** True if `_` stands where a projection cannot reach it: inside a list, or in an equation. */
function hasInnerWildcard(formula: Formula, isAtom: boolean): boolean {
  const look = (expr: Expr): boolean => expr.kind === "wildcard" || (expr.kind === "list" && expr.items.some(look));
  if (formula.kind === "equal" || formula.kind === "in") return look(formula.left) || look(formula.right);
  if (formula.kind !== "test" || !isAtom || formula.expr.kind !== "call") return false;
  return formula.expr.args.some(({ term }) => term.kind !== "wildcard" && look(term));
}
