/**
 * Finds out which relations a program has, and their columns.
 *
 * Declarations first (given by the program's owner, then written in the sources); every other head declares its relation: with
 * column names if its arguments are all named, otherwise by number of arguments.
 */
import { didYouMean } from "@tenet/kit";
import type { DeclarationSyntax, RuleSyntax, SourceText, Statement } from "../language/ast.ts";
import type { Column } from "./core.ts";
import { type CheckContext, qualify, type RelationDecl } from "./context.ts";

/** The types that a column may be declared with. */
export const TYPES: readonly string[] = [
  "int",
  "float",
  "number",
  "bool",
  "string",
  "uuid",
  "mac",
  "ip",
  "prefix",
  "bytes",
  "time",
  "duration",
  "json",
  "map",
  "list",
  "null",
  "any",
];

/** How other languages call them. */
const TYPES_ELSEWHERE: Readonly<Record<string, string>> = {
  str: "string",
  text: "string",
  varchar: "string",
  integer: "int",
  bigint: "int",
  long: "int",
  boolean: "bool",
  double: "float",
  real: "float",
  decimal: "float",
  array: "list",
  object: "map",
  dict: "map",
  address: "ip",
  inet: "ip",
  cidr: "prefix",
  timestamp: "time",
  datetime: "time",
  date: "time",
};

/** A source with its statements. */
export interface ParsedSource {
  readonly source: SourceText;
  readonly statements: readonly Statement[];
}

/** Enters all relations of the program into the context. */
export function declareRelations(context: CheckContext, given: readonly RelationDecl[], sources: readonly ParsedSource[]): void {
  for (const { name, columns, role = "input" } of given) {
    const kind = role === "input" ? "input" : "derived";
    context.relations.set(name, { name, columns, kind, isOutput: role === "output", label: name, hasNamedColumns: true });
    context.given.add(name);
  }
  for (const { source, statements } of sources) {
    for (const statement of statements) if (statement.kind === "declaration") declare(context, source, statement);
  }
  for (const { source, statements } of sources) {
    for (const statement of statements) if (statement.kind === "rule") declareByHead(context, source, statement);
  }
}

function declare(context: CheckContext, source: SourceText, syntax: DeclarationSyntax): void {
  const seen = new Set<string>();
  for (const column of syntax.columns) {
    if (seen.has(column.name)) context.report(source, column.span, `column "${column.name}" is declared twice`);
    seen.add(column.name);
    if (column.type !== undefined && !TYPES.includes(column.type)) {
      context.report(source, column.span, `unknown type "${column.type}"`, {
        hint: didYouMean(TYPES_ELSEWHERE[column.type.toLowerCase()] ?? column.type, TYPES),
      });
    }
  }
  const name = qualify(source, syntax.name);
  if (context.functionNamed(syntax.name) !== undefined) {
    context.report(source, syntax.span, `"${syntax.name}" is a function`, { hint: "give the table another name" });
  }
  const columns = syntax.columns.map((column): Column => {
    const key = column.isKey === true ? { isKey: true } : {};
    return column.type === undefined ? { name: column.name, ...key } : { name: column.name, type: column.type, ...key };
  });
  const keyed = syntax.columns.find((column) => column.isKey === true);
  if (keyed !== undefined && syntax.role !== "input") {
    context.report(source, keyed.span, "only an input has a key", {
      hint: "rules that derive two rows are right: keep one by min or max",
    });
  }
  const known = context.relations.get(name);
  if (known !== undefined) {
    const isSame =
      known.columns.length === columns.length && columns.every((column, i) => column.name === known.columns[i]?.name);
    const expected = `${name}(${known.columns.map((column) => column.name).join(", ")})`;
    if (!isSame) context.report(source, syntax.span, `"${name}" is declared before with other columns`, { expected });
    return;
  }
  const kind = syntax.role === "input" ? "input" : "derived";
  context.relations.set(name, { name, columns, kind, isOutput: syntax.role === "output", label: name, hasNamedColumns: true });
}

function declareByHead(context: CheckContext, source: SourceText, rule: RuleSyntax): void {
  const name = qualify(source, rule.name);
  if (context.relations.has(name)) return;
  const isNamed = rule.args.length > 0 && rule.args.every((arg) => arg.name !== undefined);
  const names = rule.args.map((arg, i) => (isNamed ? arg.name : arg.term.kind === "name" ? arg.term.name : undefined) ?? `c${i}`);
  const columns = names.map((column, i) => ({ name: names.indexOf(column) === i ? column : `c${i}` }));
  context.relations.set(name, { name, columns, kind: "derived", isOutput: false, label: name, hasNamedColumns: isNamed });
}
