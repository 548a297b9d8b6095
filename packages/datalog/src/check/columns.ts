/** Brings the arguments of an atom into column order. */
import { didYouMean } from "@tenet/kit";
import type { Argument, Expr, SourceText, Span } from "../language/ast.ts";
import type { CheckContext, CheckedRelation } from "./context.ts";
import { SCALAR_TYPES, type ScalarType, scalar } from "../scalar.ts";
import type { Value } from "../value.ts";
import { kindOfType, kindOfValue } from "./kinds.ts";

/**
 * The argument of each column, `undefined` where none is given; `undefined` altogether if a fault was reported.
 */
export function arrangeArguments(
  context: CheckContext,
  source: SourceText,
  relation: CheckedRelation,
  args: readonly Argument[],
  span: Span,
): (Expr | undefined)[] | undefined {
  const { columns, label: name } = relation;
  const arranged = columns.map((): Expr | undefined => undefined);
  const nErrors = context.errors.length;
  let hasNamed = false;
  for (const [i, arg] of args.entries()) {
    let column = i;
    if (arg.name !== undefined) {
      hasNamed = true;
      column = columnOf(context, source, relation, arg.name, arg.span);
      if (column < 0) continue;
      if (arranged[column] !== undefined) context.report(source, arg.span, `column "${arg.name}" is given twice`);
    } else if (hasNamed) {
      context.report(source, arg.span, "a positional argument follows a named one", { expected: "column=term" });
    }
    if (column < columns.length) {
      arranged[column] = typed(context, source, relation, column, arg.term);
    }
  }
  if (hasNamed ? args.length > columns.length : args.length !== columns.length) {
    const all = columns.map((column) => column.name).join(", ");
    const expected = `${count(columns.length, "argument")}: ${name}(${all})`;
    const hint = relation.hasNamedColumns && args.length < columns.length ? "name the columns you need: column=term" : undefined;
    context.report(source, span, `"${name}" is given ${count(args.length, "argument")}`, { expected, ...(hint && { hint }) });
  }
  return context.errors.length === nErrors ? arranged : undefined;
}

function columnOf(context: CheckContext, source: SourceText, relation: CheckedRelation, name: string, span: Span): number {
  if (/^\d/.test(name)) {
    if (Number(name) < relation.columns.length) return Number(name);
    const expected = `a number below ${relation.columns.length}`;
    context.report(source, span, `"${relation.label}" has no column ${name}`, { expected });
    return -1;
  }
  if (!relation.hasNamedColumns) {
    const hint = `declare them: relation ${relation.name}(${relation.columns.map((column) => column.name).join(", ")})`;
    context.report(source, span, `the columns of "${relation.name}" have no names`, { hint });
    return -1;
  }
  const at = relation.columns.findIndex((column) => column.name === name);
  if (at < 0) {
    const names = relation.columns.map((column) => column.name);
    context.report(source, span, `"${relation.label}" has no column "${name}"`, { hint: didYouMean(name, names) });
  }
  return at;
}

/** Refuses a constant that a column never holds; reads a text for a column of typed values. */
function typed(context: CheckContext, source: SourceText, relation: CheckedRelation, column: number, term: Expr): Expr {
  const { name, type } = relation.columns[column] ?? { name: "" };
  const wanted = kindOfType(type);
  if (wanted === undefined || type === undefined) return term;
  const value = constantOf(term);
  const given = term.kind === "text" ? "string" : value === undefined ? undefined : kindOfValue(value);
  if (isScalarType(type) && typeof value === "string") {
    const read = scalar(type, value);
    if (read !== undefined) return { kind: "literal", value: read, span: term.span };
  }
  const isFraction = type === "int" && typeof value === "number" && !Number.isInteger(value);
  if (given === undefined || (given === wanted && !isFraction)) return term;
  context.report(source, term.span, `column "${name}" of "${relation.label}" never holds this value`, {
    expected: `a value of type ${type}`,
  });
  return term;
}

function constantOf(term: Expr): Value | undefined {
  return term.kind === "literal" ? term.value : undefined;
}

function isScalarType(type: string): type is ScalarType {
  return (SCALAR_TYPES as readonly string[]).includes(type);
}

/** `1 argument`, `2 arguments`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
