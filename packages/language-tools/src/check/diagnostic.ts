/** What the compiler finds in a rule file, in the form that tools print and editors show. */
import type { SourceError } from "@tenet/kit";

/** A finding; line and column count from 1. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong, without place and expectation. */
  readonly problem: string;
  readonly expected?: string;
  readonly hint?: string;
  readonly code: string;
  /** The faulty line. */
  readonly sourceLine?: string;
}

/** The compiler's error as a finding. */
export function toDiagnostic(error: SourceError, severity: Diagnostic["severity"]): Diagnostic {
  const { at, expected, hint, code, sourceLine } = error;
  const { file, line, column } = at;
  const ending = expected === undefined ? "" : `; expected ${expected}`;
  const problem = error.message.slice(`${file}:${line}:${column}: `.length, error.message.length - ending.length);
  return {
    severity,
    file,
    line,
    column,
    problem,
    code,
    ...(expected === undefined ? {} : { expected }),
    ...(hint === undefined ? {} : { hint }),
    ...(sourceLine === undefined ? {} : { sourceLine }),
  };
}

/** For a person: place, problem, the line with a caret, and what to do. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, problem, expected, hint, sourceLine } = diagnostic;
  const lines = [`${file}:${line}:${column}: ${severity}: ${problem}${expected === undefined ? "" : `; expected ${expected}`}`];
  if (sourceLine !== undefined) {
    lines.push(`  | ${sourceLine}`, `  | ${sourceLine.slice(0, column - 1).replace(/[^\t]/g, " ")}^`);
  }
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines.join("\n");
}
