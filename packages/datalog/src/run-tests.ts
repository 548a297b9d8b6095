/**
 * Runs the `test` blocks of rule files: given rows in, expectations checked, everything rolled back.
 *
 * All tests share one engine and leave no trace in it. A rule counts as covered if some test makes its body hold.
 */
import { positionAt, type SourcePosition } from "@tenet/kit";
import type { CoreRelation } from "./check/core.ts";
import { type CompileOptions, compileWithTests, type Program } from "./compile.ts";
import type { ExpandedTest } from "./check/expand-tests.ts";
import { Engine } from "./engine/engine.ts";
import { RelationError } from "./engine/errors.ts";
import { formatWhyNot } from "./engine/proof/why-not.ts";
import type { SourceText, Span } from "./language/ast.ts";

/** What running the tests of a program showed. */
export interface TestReport {
  readonly tests: readonly TestResult[];
  /** Every rule with a body, in the order of the sources. */
  readonly coverage: readonly RuleCoverage[];
}

/** One test; it passed if nothing failed. */
export interface TestResult {
  readonly name: string;
  readonly at: SourcePosition;
  readonly failures: readonly TestFailure[];
}

/** An expectation that does not hold, or a row that its table does not take. */
export interface TestFailure {
  readonly at: SourcePosition;
  /** The expectation or the row as written. */
  readonly text: string;
  /** How far it gets, and what stops it. */
  readonly because: string;
  /** True for a row. */
  readonly isRow: boolean;
}

/** Whether some test makes a rule's body hold. */
export interface RuleCoverage {
  readonly relation: string;
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly isCovered: boolean;
}

/**
 * Runs all tests of the sources.
 *
 * @throws ProgramError if the sources or their tests have faults; FunctionError and DivergenceError as `Engine.transact`
 */
export function runTests(sources: readonly SourceText[], options: CompileOptions = {}): TestReport {
  const { program, tests, covers } = compileWithTests(sources, options);
  const engine = new Engine(withAnyTextAsUuid(program));
  const covered = new Set<string>();
  const results = tests.map((test): TestResult => {
    const { source, syntax } = test;
    const failures = runOne(engine, test, () => {
      for (const { relation } of covers) if (engine.has(relation, [])) covered.add(relation);
    });
    return { name: syntax.name, at: positionAt(source.name, source.text, syntax.span.start), failures };
  });
  const coverage = covers.map(({ relation, derives, origin }) => {
    const { file, line, text } = origin;
    return { relation: derives, file, line, text, isCovered: covered.has(relation) };
  });
  return { tests: results, coverage };
}

/** Tests are read by people: `"p1"` may stand for a UUID. */
function withAnyTextAsUuid(program: Program): Program {
  const relations = [...program.relations].map(([name, relation]): [string, CoreRelation] => {
    const columns = relation.columns.map((column) => (column.type === "uuid" ? { ...column, type: "string" } : column));
    return [name, { ...relation, columns }];
  });
  return { ...program, relations: new Map(relations) };
}

function runOne(engine: Engine, test: ExpandedTest, look: () => void): TestFailure[] {
  const { source, syntax, given, expected } = test;
  const failureAt = ({ start, end }: Span, because: string, isRow: boolean): TestFailure => ({
    at: positionAt(source.name, source.text, start),
    text: source.text.slice(start, end),
    because,
    isRow,
  });
  const transaction = engine.begin();
  let row = syntax.span;
  try {
    for (const [i, { input, from }] of given.entries()) {
      row = syntax.given[i]?.span ?? syntax.span;
      for (const tuple of engine.rows(from)) transaction.insert(input, tuple);
    }
    transaction.evaluate();
    look();
    return expected.flatMap(({ relation, span }): TestFailure[] => {
      if (engine.has(relation, [])) return [];
      const because = formatWhyNot(engine.whyNot(relation, [])).replace(`${relation}()`, "this does not hold");
      return [failureAt(span, because, false)];
    });
  } catch (error) {
    if (error instanceof RelationError) return [failureAt(row, error.message, true)];
    throw error;
  } finally {
    if (transaction.isOpen) transaction.rollback();
  }
}
