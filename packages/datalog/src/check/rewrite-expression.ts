/** Rewrites expressions into core form: names to slots, calls to functions, aggregates to variables that the level resolves. */
import { count } from "./columns.ts";
import { isConstructor } from "../functions/typed.ts";
import type { Expr, SourceText, Span } from "../language/ast.ts";
import { formatValue, type Value } from "../value.ts";
import { type CheckContext, qualify } from "./context.ts";
import { type CoreExpr, type FunctionDef, isPattern, type Term } from "./core.ts";
import type { Level } from "./level.ts";

const EXPECTED: Readonly<Record<string, string>> = {
  bytes: "pairs of hexadecimal digits",
  mac: "six pairs of hexadecimal digits with colons",
  ip: "an IPv4 or IPv6 address",
  prefix: "an address, a slash and a length",
  time: "a date and time as in 2026-01-02T03:04:05Z",
  duration: "numbers with the units d h m s ms us, as in 1h30m",
  json: "json",
};

/** The expression part of rewriting a rule. */
export class ExpressionRewriter {
  readonly context: CheckContext;
  readonly source: SourceText;

  constructor(context: CheckContext, source: SourceText) {
    this.context = context;
    this.source = source;
  }

  /** An argument of an atom or head: what is no variable or constant becomes a fresh variable with an equation. */
  toTerm(level: Level, expr: Expr): Term {
    const core = this.toExpr(level, expr);
    if (core.kind === "var" || core.kind === "const" || core.kind === "any") return core;
    const slot = level.fresh(isPattern(core) ? "$list" : "$value", expr.span);
    level.literals.push({ kind: "equal", left: { kind: "var", slot }, right: core, span: expr.span });
    return { kind: "var", slot };
  }

  /** The right side of `in`, where a set function may stand. */
  toSet(level: Level, expr: Expr): CoreExpr {
    return this.isSetCall(expr) ? this.#call(level, expr) : this.toExpr(level, expr);
  }

  isSetCall(expr: Expr): expr is Expr & { kind: "call" } {
    return expr.kind === "call" && this.context.functionNamed(expr.name)?.isSet === true;
  }

  toExpr(level: Level, expr: Expr): CoreExpr {
    const go = (inner: Expr): CoreExpr => this.toExpr(level, inner);
    switch (expr.kind) {
      case "literal":
        return { kind: "const", value: expr.value };
      case "name":
        return { kind: "var", slot: level.slotOf(expr.name, expr.span) };
      case "wildcard":
        return { kind: "any" };
      case "list": {
        const items = expr.items.map(go);
        const values = items.flatMap((item) => (item.kind === "const" ? [item.value] : []));
        return values.length === items.length ? { kind: "const", value: values } : { kind: "list", items };
      }
      case "text":
        return {
          kind: "text",
          parts: expr.parts.map((part) => (typeof part === "string" ? { kind: "const", value: part } : this.#value(level, part))),
        };
      case "unary":
        return { kind: "unary", op: expr.op, operand: this.#value(level, expr.operand) };
      case "binary":
        if ((expr.op === "in" || expr.op === "not in") && this.isSetCall(expr.right)) this.#refuseSet(expr.right);
        return { kind: "binary", op: expr.op, left: this.#value(level, expr.left), right: this.#value(level, expr.right) };
      case "if": {
        const condition = this.#value(level, expr.condition);
        return {
          kind: "if",
          condition,
          whenTrue: this.#value(level, expr.whenTrue),
          whenFalse: this.#value(level, expr.whenFalse),
        };
      }
      case "call":
        if (this.isSetCall(expr)) this.#refuseSet(expr);
        return this.#call(level, expr);
      case "aggregate": {
        const slot = level.fresh(`$${expr.fn}`, expr.span);
        level.aggregates.push({ syntax: expr, slot });
        return { kind: "var", slot };
      }
    }
  }

  /** An expression where `_` makes no sense. */
  #value(level: Level, expr: Expr): CoreExpr {
    if (expr.kind === "wildcard")
      this.context.report(this.source, expr.span, '"_" has no value', { expected: "a variable or a value" });
    return this.toExpr(level, expr);
  }

  #refuseSet(expr: Expr & { kind: "call" }): void {
    const hint = `write: x in ${expr.name}(…)`;
    this.context.report(this.source, expr.span, `"${expr.name}" gives a set of values, and one value is needed here`, { hint });
  }

  #call(level: Level, expr: Expr & { kind: "call" }): CoreExpr {
    const fn = this.context.functionNamed(expr.name);
    if (fn === undefined) {
      level.isBroken = true;
      const isTable = this.context.relations.has(qualify(this.source, expr.name));
      const problem = isTable ? `"${expr.name}" is a table, not a function` : `unknown function "${expr.name}"`;
      const hint = isTable ? "make it a literal of its own, between commas" : this.context.nearFunction(expr.name);
      this.context.report(this.source, expr.span, problem, { hint });
      return { kind: "const", value: null };
    }
    const { nArgs, minArgs = nArgs } = fn;
    if (expr.args.length > nArgs || expr.args.length < minArgs) {
      const expected = minArgs === nArgs ? `${nArgs}` : `${minArgs} to ${nArgs}`;
      this.context.report(this.source, expr.span, `function "${fn.name}" is given ${count(expr.args.length, "argument")}`, {
        expected,
      });
    }
    for (const arg of expr.args) {
      if (arg.name !== undefined)
        this.context.report(this.source, arg.span, "a function's arguments have no names", { expected: "a value" });
    }
    const args = expr.args.map((arg) => this.#value(level, arg.term));
    return this.#constructed(fn, args, expr.span) ?? { kind: "call", fn, args };
  }

  /** The value of a constructor of a constant, e.g. `ip("10.0.0.1")`; reports a constant that makes none. */
  #constructed(fn: FunctionDef, args: readonly CoreExpr[], span: Span): CoreExpr | undefined {
    const [only] = args;
    if (!isConstructor(fn.name) || args.length !== 1 || only?.kind !== "const") return undefined;
    const value = fn.call(only.value) as Value | undefined;
    if (value !== undefined) return { kind: "const", value };
    this.context.report(this.source, span, `${formatValue(only.value)} is no ${fn.name}`, {
      expected: EXPECTED[fn.name] ?? fn.name,
    });
    return undefined;
  }
}
