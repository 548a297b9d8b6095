/** Warnings: what a program may say, but probably does not mean. */
import { actionTable } from "../action-table.ts";
import type { DeclarationSyntax, Expr, RuleSyntax, SourceText } from "../language/ast.ts";
import { type CheckContext, qualify } from "./context.ts";
import type { CoreRule, Stratum } from "./core.ts";
import type { ParsedSource } from "./declare.ts";
import { mentionedIn } from "./references.ts";
import { type NameRules, visitExpr, visitFormula } from "./names.ts";

/** Warns about variables that occur once: often a typing mistake, otherwise better written `_`. */
export function lintRule(context: CheckContext, source: SourceText, rule: RuleSyntax): void {
  if (rule.body === undefined) return;
  const occurrences = new Map<string, Expr[]>();
  const rules: NameRules = { isDeep: true, isTable: (name) => context.relations.has(qualify(source, name)) };
  const note = (name: string, expr: Expr): void => {
    const before = occurrences.get(name);
    if (before === undefined) occurrences.set(name, [expr]);
    else before.push(expr);
  };
  for (const arg of rule.args) visitExpr(arg.term, rules, note);
  visitFormula(rule.body, rules, note);
  for (const [name, exprs] of occurrences) {
    const [only] = exprs;
    if (exprs.length > 1 || only === undefined || name.startsWith("_")) continue;
    context.warn(source, only.span, `variable "${name}" is used once`, {
      hint: isInSingleQuotes(name, source.text.slice(rule.span.start, rule.span.end))
        ? `"\${…}" puts a value into texts in double quotes only`
        : `write "_" if any value will do, or "_${name}" to keep the name`,
    });
  }
}

function isInSingleQuotes(name: string, text: string): boolean {
  return [...text.matchAll(/'[^'\n]*'/g)].some(([quoted]) =>
    [...quoted.matchAll(/\$\{([^}]*)\}/g)].some(([, inside = ""]) => inside.split(/\W+/).includes(name)),
  );
}

/** Warns about recursion that never begins: every rule of its tables needs a row of them already. */
export function lintRecursion(
  context: CheckContext,
  parsed: readonly ParsedSource[],
  rules: readonly CoreRule[],
  strata: readonly Stratum[],
): void {
  const stratumOf = new Map<string, Stratum>();
  for (const stratum of strata) if (stratum.isRecursive) for (const name of stratum.relations) stratumOf.set(name, stratum);
  const starting = new Set<Stratum>();
  for (const { relation, body } of rules) {
    const stratum = stratumOf.get(relation);
    const needsOwn = body.some((literal) => literal.kind === "atom" && stratumOf.get(literal.relation) === stratum);
    if (stratum !== undefined && !needsOwn) starting.add(stratum);
  }
  for (const { source, statements } of parsed) {
    for (const statement of statements) {
      const stratum = statement.kind === "rule" ? stratumOf.get(qualify(source, statement.name)) : undefined;
      if (statement.kind !== "rule" || stratum === undefined || starting.has(stratum)) continue;
      starting.add(stratum);
      const name = qualify(source, statement.name);
      context.warn(source, statement.headSpan, `"${name}" is always empty: each of its rules needs a row of it already`, {
        hint: "add a rule that begins without it",
      });
    }
  }
}

/**
 * Warns about tables that nothing reads, and declared ones that nothing derives.
 *
 * Without an `output` anywhere in its namespace every table may be of interest, and none is called unused.
 */
export function lintTables(context: CheckContext, parsed: readonly ParsedSource[]): void {
  const read = readTables(parsed);
  const derived = new Set<string>();
  for (const { source, statements } of parsed) {
    for (const statement of statements) if (statement.kind === "rule") derived.add(qualify(source, statement.name));
  }
  const outputs = [...context.relations.values()].filter(({ isOutput }) => isOutput);
  const namespaces = new Set(outputs.map(({ name }) => namespaceOf(name)));
  for (const { source, statements } of parsed) {
    const warned = new Set<string>();
    for (const statement of statements) {
      if (statement.kind === "declaration") lintDeclaration(context, source, statement, derived);
      if (statement.kind !== "rule") continue;
      const name = qualify(source, statement.name);
      const isQuiet = read.has(name) || warned.has(name) || statement.name.includes("?") || actionTable(name) !== undefined;
      if (isQuiet || context.relations.get(name)?.isOutput === true || !namespaces.has(namespaceOf(name))) continue;
      warned.add(name);
      context.warn(source, statement.headSpan, `nothing reads "${name}"`, { hint: "declare it as output, or remove its rules" });
    }
  }
}

function lintDeclaration(
  context: CheckContext,
  source: SourceText,
  declared: DeclarationSyntax,
  derived: ReadonlySet<string>,
): void {
  const name = qualify(source, declared.name);
  if (declared.role === "input" || derived.has(name)) return;
  context.warn(source, declared.span, `no rule derives "${name}"`, {
    hint: "it is always empty; declare it as input if rows come from outside",
  });
}

function readTables(parsed: readonly ParsedSource[]): Set<string> {
  const read = new Set<string>();
  for (const { source, statements } of parsed) {
    for (const statement of statements) {
      if (statement.kind === "rule" && statement.body !== undefined) {
        const own = new Set<string>();
        mentionedIn(statement.body, source, own);
        // A table that only its own rules read is not read.
        own.delete(qualify(source, statement.name));
        for (const name of own) read.add(name);
      } else if (statement.kind === "test") for (const body of statement.expected) mentionedIn(body, source, read);
    }
  }
  return read;
}

function namespaceOf(name: string): string {
  return name.includes(":") ? name.slice(0, name.indexOf(":")) : "";
}
