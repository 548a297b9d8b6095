/**
 * Runs the `test` blocks of rule files: given rows in, expectations checked, everything rolled back.
 *
 * All tests share one engine and leave no trace in it. A rule counts as covered if some test makes its body hold.
 */
import { positionAt, type SourcePosition } from "@tenet/kit";
import { type CompileOptions, compileWithTests } from "./compile.ts";
import type { ExpandedTest } from "./check/expand-tests.ts";
import { Engine } from "./engine/engine.ts";
import { formatWhyNot } from "./engine/why-not.ts";
import type { SourceText } from "./language/ast.ts";

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

/** An expectation that does not hold. */
export interface TestFailure {
  readonly at: SourcePosition;
  /** The expectation as written. */
  readonly text: string;
  /** How far it gets, and what stops it. */
  readonly because: string;
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
  const engine = new Engine(program);
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

function runOne(engine: Engine, test: ExpandedTest, look: () => void): TestFailure[] {
  const { source } = test;
  const rows = test.given.flatMap(({ input, from }) =>
    engine.rows(from).map((tuple) => ({ relation: input, tuple, weight: 1 as const })),
  );
  const transaction = engine.begin();
  try {
    transaction.apply(rows);
    transaction.evaluate();
    look();
    return test.expected.flatMap(({ relation, span }): TestFailure[] => {
      if (engine.has(relation, [])) return [];
      const text = source.text.slice(span.start, span.end);
      const because = formatWhyNot(engine.whyNot(relation, [])).replace(`${relation}()`, "this does not hold");
      return [{ at: positionAt(source.name, source.text, span.start), text, because }];
    });
  } finally {
    if (transaction.isOpen) transaction.rollback();
  }
}
