import { expect, test } from "vitest";
import { readFailure } from "../src/explain/failure-text.ts";

const TYPO = `question:1:1: No port or host is called "web9"
  | web9 -> db1 tcp 5432
  | ^
  hint: did you mean "web1"?
  code: WHY_QUESTION`;

test("message, place, hint and code come apart, and the hint mends the question", () => {
  expect(readFailure(TYPO, "web9 -> db1 tcp 5432")).toEqual({
    message: 'No port or host is called "web9"',
    excerpt: "web9 -> db1 tcp 5432\n^",
    hint: 'did you mean "web1"?',
    code: "WHY_QUESTION",
    corrected: "web1 -> db1 tcp 5432",
  });
});

test("the word at the place is mended, not another one like it", () => {
  const problem = 'question:1:8: No port or host is called "db"\n  hint: did you mean "db1"?';
  expect(readFailure(problem, "db1 -> db tcp 80").corrected).toBe("db1 -> db1 tcp 80");
});

test("a hint that proposes no word mends nothing", () => {
  const problem = "question:1:5: The question ends too early; expected ->\n  hint: For example: web1 -> db1 tcp 5432";
  expect(readFailure(problem, "web1")).toMatchObject({ hint: "For example: web1 -> db1 tcp 5432", corrected: undefined });
});

test("a text of another form is all message", () => {
  expect(readFailure("The server does not answer", "q")).toEqual({
    message: "The server does not answer",
    excerpt: undefined,
    hint: undefined,
    code: undefined,
    corrected: undefined,
  });
});
