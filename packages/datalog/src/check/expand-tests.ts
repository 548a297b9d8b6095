/**
 * Rewrites `test` blocks into rules: each given row and each expectation gets a table of its own, which the runner reads.
 *
 * So that everything in a test is checked and explained as rules are. The tables' names start with `?`, which no program can write.
 */
import { didYouMean } from "@tenet/kit";
import type { RuleSyntax, SourceText, Span, TestSyntax } from "../language/ast.ts";
import { type CheckContext, qualify } from "./context.ts";
import type { ParsedSource } from "./declare.ts";

/** A test with the tables that hold its parts. */
export interface ExpandedTest {
  readonly source: SourceText;
  readonly syntax: TestSyntax;
  /** Tables whose rows are given to inputs. */
  readonly given: readonly { readonly input: string; readonly from: string }[];
  /** Tables that have a row if an expectation holds. */
  readonly expected: readonly { readonly relation: string; readonly span: Span }[];
}

/** Adds the rules of all tests to the sources. */
export function expandTests(
  context: CheckContext,
  parsed: readonly ParsedSource[],
): { parsed: ParsedSource[]; tests: ExpandedTest[] } {
  const tests: ExpandedTest[] = [];
  const expanded = parsed.map(({ source, statements }) => {
    const rules = statements.flatMap((statement) => {
      if (statement.kind !== "test") return [];
      const expandedTest = expandTest(context, source, statement, tests.length);
      tests.push(expandedTest.test);
      return expandedTest.rules;
    });
    return { source, statements: [...statements, ...rules] };
  });
  return { parsed: expanded, tests };
}

function expandTest(
  context: CheckContext,
  source: SourceText,
  syntax: TestSyntax,
  at: number,
): { test: ExpandedTest; rules: RuleSyntax[] } {
  const rules: RuleSyntax[] = [];
  const given = syntax.given.flatMap((row, i) => {
    const input = qualify(source, row.name);
    if (!isInput(context, source, row, input)) return [];
    const name = `?row${at}.${i}`;
    const columns = context.relations.get(input)?.columns ?? [];
    enter(context, qualify(source, name), columns, input);
    rules.push({ ...row, name });
    return [{ input, from: qualify(source, name) }];
  });
  const expected = syntax.expected.map((body, i) => {
    const name = `?expect${at}.${i}`;
    const { span } = body;
    enter(context, qualify(source, name), [], source.text.slice(span.start, span.end));
    rules.push({ kind: "rule", name, args: [], headSpan: span, body, span });
    return { relation: qualify(source, name), span };
  });
  return { test: { source, syntax, given, expected }, rules };
}

function isInput(context: CheckContext, source: SourceText, row: RuleSyntax, name: string): boolean {
  const relation = context.relations.get(name);
  if (relation?.kind === "input") return true;
  if (relation === undefined) {
    context.report(source, row.headSpan, `unknown table "${name}"`, { hint: context.nearRelation(name) });
  } else {
    const inputs = [...context.relations.values()].filter(({ kind }) => kind === "input").map((input) => input.name);
    context.report(source, row.headSpan, `"${name}" is derived; a test gives rows to inputs`, { hint: didYouMean(name, inputs) });
  }
  return false;
}

function enter(context: CheckContext, name: string, columns: readonly { readonly name: string }[], label: string): void {
  context.relations.set(name, { name, columns, kind: "derived", isOutput: false, label, hasNamedColumns: true });
}
