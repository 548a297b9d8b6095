/** What people write who know another language, and how it is written here: hints for tokens that are in the way. */
import { AGGREGATE_NAMES } from "./aggregates.ts";
import type { Token } from "./tokens.ts";

/** A hint for the token at which reading stopped, from it and its neighbours; `undefined` if nothing is known about it. */
export function habitHint(before: Token | undefined, token: Token, next: Token): string | undefined {
  const isAfter = (text: string): boolean => before?.kind === "symbol" && before.text === text && before.end === token.start;
  const isBefore = (text: string): boolean => next.kind === "symbol" && next.text === text && next.start === token.end;
  if (token.kind !== "symbol") return undefined;
  switch (token.text) {
    case ">":
      return isAfter("<") ? 'not equal is written "!="' : undefined;
    case "<":
      return isBefore("-") ? "a rule is written head :- conditions" : undefined;
    case ":":
      return isBefore("=") ? 'a rule is written head :- conditions, and a value is bound by "="' : undefined;
    case "=":
      return isAfter("=") || isBefore("=") ? 'equality is written "=="' : undefined;
    case "-":
      return before?.kind === "name" ? 'names have letters, digits, "_" and "."' : undefined;
    case "{":
      return before?.kind === "name" ? `aggregates are ${AGGREGATE_NAMES.join(", ")}` : undefined;
    default:
      return undefined;
  }
}

/** A hint for a character that no token has. */
export function characterHint(text: string, at: number): string | undefined {
  const pair = text.slice(at, at + 2);
  if (pair === "\\+" || text[at] === "~" || text[at] === "¬") return 'a negated condition is written "not table(…)"';
  if (text[at] === "|") return 'alternatives are joined by "or"';
  if (text[at] === "&" || text[at] === "∧") return 'conditions are joined by ","';
  if (text[at] === "^") return "powers are written pow(a, b)";
  return undefined;
}
