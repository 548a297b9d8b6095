/**
 * Errors in files that people write (labs, rules, flows, matches), always with their place.
 *
 * One class for all of them, so that every tool prints the same picture: file, line, column, the line
 * itself, a caret under the fault, what was expected, and a hint.
 */
import { AppError, type AppErrorOptions } from "./app-error.ts";

/** A place in a source text: 1-based line and column, 0-based offset. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What went wrong, where. */
export interface SourceErrorOptions extends AppErrorOptions {
  readonly at: SourcePosition;
  /** What would have been right here, e.g. `an IPv4 address`. */
  readonly expected?: string;
  /** The whole source text; its faulty line is shown when given. */
  readonly text?: string;
  /** The faulty line itself, for those who have it at hand: a text with thousands of faults is then not read for each. */
  readonly sourceLine?: string;
}

/** A fault in a source text; `message` starts with `file:line:column: `. */
export class SourceError extends AppError {
  static override readonly code: string = "SOURCE_ERROR";
  readonly at: SourcePosition;
  readonly expected: string | undefined;
  /** The faulty line, or `undefined` when the text was not given. */
  readonly sourceLine: string | undefined;

  constructor(problem: string, options: SourceErrorOptions) {
    const { file, line, column } = options.at;
    const expected = options.expected === undefined ? "" : `; expected ${options.expected}`;
    super(`${file}:${line}:${column}: ${problem}${expected}`, {
      ...options,
      details: { file, line, column, expected: options.expected, ...options.details },
    });
    this.at = options.at;
    this.expected = options.expected;
    this.sourceLine = options.sourceLine ?? options.text?.split("\n")[line - 1];
  }
}

/** Turns a 0-based offset of `text` into a line and column. */
export function positionAt(file: string, text: string, offset: number): SourcePosition {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { file, line, column: offset - before.lastIndexOf("\n") };
}

/**
 * Formats any error for a person: message, the faulty line with a caret, hint, code.
 *
 * Errors other than {@link AppError} give their message alone. Of several errors all are told: those that an
 * AggregateError gathers, and the one that was under way when closing failed as well (SuppressedError), which comes first.
 */
export function formatError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isSuppressed(error)) return `${formatError(error.suppressed)}\nand then: ${formatError(error.error)}`;
  const lines = [error.message];
  if (error instanceof AggregateError) lines.push(...error.errors.map((inner) => `- ${formatError(inner)}`));
  if (error instanceof SourceError && error.sourceLine !== undefined) {
    const indent = error.sourceLine.slice(0, error.at.column - 1).replace(/[^\t]/g, " ");
    lines.push(`  | ${error.sourceLine}`, `  | ${indent}^`);
  }
  if (error instanceof AppError) {
    if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
    lines.push(`  code: ${error.code}`);
  }
  return lines.join("\n");
}

/** Node 20 has no class of that name yet; what the compiler puts in its place looks the same. */
function isSuppressed(error: Error): error is Error & { readonly error: unknown; readonly suppressed: unknown } {
  return error.name === "SuppressedError" && "error" in error && "suppressed" in error;
}
