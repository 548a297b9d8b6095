/** `tenet test`: the `test` blocks of rule files, and which rules they reach. */
import { findRuleFiles, formatTestRun, testFiles } from "@tenet/language-tools";
import { policySurroundings } from "./language.ts";

/** What the tests showed, as text, and whether all hold. */
export interface TestOutcome {
  readonly text: string;
  readonly isSound: boolean;
}

/**
 * Runs the tests of files, and of all rule files below folders.
 *
 * @param withRules - name the rules that no test reaches
 * @throws NoRuleFilesError, IoError
 */
export function test(paths: readonly string[], format: "text" | "json", withRules: boolean): TestOutcome {
  const run = testFiles(findRuleFiles(paths), policySurroundings());
  const isSound = run.errors.length === 0 && run.tests.every(({ failures }) => failures.length === 0);
  return { text: format === "json" ? `${JSON.stringify(run, undefined, 2)}\n` : formatTestRun(run, withRules), isSound };
}
