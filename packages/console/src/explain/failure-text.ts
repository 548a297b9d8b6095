/**
 * Reads the text of an error about a question, as every part of Tenet writes them.
 *
 *   question:1:1: No port or host is called "web9"
 *     | web9 -> db1 tcp 5432
 *     | ^
 *     hint: did you mean "web1"?
 *     code: WHY_QUESTION
 */

/** The parts of an error text; those it does not have are `undefined`. */
export interface FailureText {
  readonly message: string;
  /** The faulty line and, under it, the caret. */
  readonly excerpt: string | undefined;
  readonly hint: string | undefined;
  readonly code: string | undefined;
  /** The question with the word that the hint proposes instead of the faulty one. */
  readonly corrected: string | undefined;
}

/** Takes an error text apart; a text of another form is all message. */
export function readFailure(problem: string, question: string): FailureText {
  const lines = problem.split("\n");
  const field = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`  ${name}: `))?.slice(name.length + 4);
  const excerpt = lines.filter((line) => line.startsWith("  | ")).map((line) => line.slice(4));
  const message = lines.filter((line) => !/^ {2}(\| |hint: |code: )/.test(line)).join("\n");
  const [, column, rest] = /^question:1:(\d+): (.*)$/s.exec(message) ?? [];
  return {
    message: rest ?? message,
    excerpt: excerpt.length === 0 ? undefined : excerpt.join("\n"),
    hint: field("hint"),
    code: field("code"),
    corrected: column === undefined ? undefined : correct(question, Number(column) - 1, field("hint")),
  };
}

function correct(question: string, at: number, hint = ""): string | undefined {
  const proposed = /^did you mean "([^"]+)"\?$/.exec(hint)?.[1];
  const faulty = /^[^\s,]+/.exec(question.slice(at))?.[0];
  if (proposed === undefined || faulty === undefined) return undefined;
  return question.slice(0, at) + proposed + question.slice(at + faulty.length);
}
