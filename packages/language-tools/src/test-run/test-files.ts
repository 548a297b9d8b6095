/** Runs the `test` blocks of rule files, and tells which rules no test reaches. */
import { ProgramError, type RuleCoverage, runTests, type TestResult } from "@tenet/datalog";
import { formatError } from "@tenet/kit";
import { programsOf } from "../project/programs.ts";
import type { Surroundings } from "../project/surroundings.ts";

/** What the tests of files showed. */
export interface TestRun {
  readonly tests: readonly TestResult[];
  /** Rules of programs that have tests. */
  readonly coverage: readonly RuleCoverage[];
  /** Programs whose tests could not run, for a person. */
  readonly errors: readonly string[];
}

/**
 * Runs the tests of files, each together with its neighbours in the folder.
 *
 * @throws IoError when a file cannot be read
 */
export function testFiles(files: readonly string[], surroundings: Surroundings): TestRun {
  const runs = programsOf(files, surroundings).map(({ sources, surroundings: own, asked }): TestRun => {
    const isAsked = (file: string): boolean => asked.has(file);
    try {
      const { tests, coverage } = runTests(sources, own);
      const wanted = tests.filter(({ at }) => isAsked(at.file));
      return { tests: wanted, coverage: wanted.length === 0 ? [] : coverage.filter(({ file }) => isAsked(file)), errors: [] };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const text = error instanceof ProgramError ? error.message : formatError(error);
      return { tests: [], coverage: [], errors: [text] };
    }
  });
  return {
    tests: runs.flatMap(({ tests }) => tests),
    coverage: runs.flatMap(({ coverage }) => coverage),
    errors: runs.flatMap(({ errors }) => errors),
  };
}

/**
 * For a person: each test, why it failed, and how many rules the tests reach.
 *
 * @param withRules - name the rules that no test reaches
 */
export function formatTestRun({ tests, coverage, errors }: TestRun, withRules: boolean): string {
  const failed = tests.filter(({ failures }) => failures.length > 0);
  const missed = coverage.filter(({ isCovered }) => !isCovered);
  const lines = [
    ...errors,
    ...tests.flatMap((test) => [
      `${test.failures.length === 0 ? "ok  " : "FAIL"}  ${test.name}`,
      ...test.failures.map(formatFailure),
    ]),
    ...(withRules ? missed.map(({ file, line, text }) => `no test reaches ${file}:${line}: ${firstLine(text)}`) : []),
    `${tests.length - failed.length} of ${tests.length} tests hold; they reach ${coverage.length - missed.length} of ${coverage.length} rules`,
  ];
  return `${lines.join("\n")}\n`;
}

function formatFailure({ at, text, because, isRow }: TestResult["failures"][number]): string {
  const reason = because.trimEnd().replaceAll("\n", "\n        ");
  return `      ${at.file}:${at.line}:${at.column}: ${isRow ? "" : "expect "}${text}\n        ${reason}`;
}

function firstLine(text: string): string {
  const [first = "", ...more] = text.split("\n");
  return more.length === 0 ? first : `${first.trimEnd()} …`;
}
