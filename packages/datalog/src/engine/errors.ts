/** What can go wrong while a program runs; every one of them leaves the engine as it was before the transaction. */
import { AppError } from "@tenet/kit";
import type { RuleOrigin } from "../check/core.ts";
import { readTokens } from "../language/tokens.ts";
import { formatAtom, type Value } from "../value.ts";

/** A function of the language threw. */
export class FunctionError extends AppError {
  static override readonly code: string = "DATALOG_FUNCTION";

  constructor(name: string, args: readonly Value[], origin: RuleOrigin, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${placeOf(origin)}: function ${formatAtom(name, args)} failed: ${why}`, {
      hint: "the transaction was rolled back; guard the call with a condition, or correct the row",
      details: { file: origin.file, line: origin.line, function: name, rule: origin.text },
      cause,
    });
  }
}

/** A transaction derives more than it may, or for longer, most likely without end. */
export class DivergenceError extends AppError {
  static override readonly code: string = "DATALOG_DIVERGENCE";

  constructor(relation: string, origin: RuleOrigin, what: string) {
    super(`${placeOf(origin)}: rule for "${relation}" ${what} in one transaction: ${oneLine(origin.text)}`, {
      hint: "the transaction was rolled back; bound the recursion or the join, or raise the engine's limits",
      details: { file: origin.file, line: origin.line, relation, rule: origin.text },
    });
  }
}

/** A relation that the program does not have, or has in another role. */
export class RelationError extends AppError {
  static override readonly code: string = "DATALOG_RELATION";
}

/** An operation that the state of a transaction or engine does not allow. */
export class TransactionError extends AppError {
  static override readonly code: string = "DATALOG_TRANSACTION";
}

/** A rule's text on one line without its comments, cut to a readable length. */
export function oneLine(text: string): string {
  const mayComment = text.includes("//") || text.includes("#") || text.includes("/*");
  const line = (mayComment ? withoutComments(text) : text).replace(/\s+/g, " ").trim();
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

/** What looks like a comment inside a string stays. */
function withoutComments(text: string): string {
  let rest = "";
  let at = 0;
  for (const { start, end } of readTokens({ name: "", text }, [])) {
    const between = text.slice(at, start).replace(/(?:\/\/|#)[^\n]*|\/\*[^]*?\*\//g, " ");
    rest += between + text.slice(start, end);
    at = end;
  }
  return rest;
}

function placeOf(origin: RuleOrigin): string {
  return `${origin.file}:${origin.line}`;
}
