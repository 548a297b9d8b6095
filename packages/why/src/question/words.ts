/** Cuts a question into words: white space parts them, arrows and commas stand alone, quotes hold together. */
import { QuestionError } from "./question-error.ts";
import type { Word } from "./question.ts";

/** A word, and whether it was quoted; a quoted word is never a keyword. */
export interface Token extends Word {
  readonly isQuoted: boolean;
}

/** The arrow between the two ends, as tokens have it. */
export const ARROW = "->";

const TOKEN = /\s+|(->|→)|(,)|"((?:[^"\\]|\\[^])*)"|((?:(?!->|→)[^\s",])+)/y;

/** The words of a question. @throws QuestionError at a quote that does not close */
export function wordsOf(question: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < question.length; at = TOKEN.lastIndex) {
    const found = TOKEN.exec(question);
    if (found === null) throw new QuestionError("This quote does not close", question, { at, expected: 'a closing "' });
    const [, arrow, comma, quoted, bare] = found;
    if (arrow !== undefined) tokens.push({ text: ARROW, at, isQuoted: false });
    else if (quoted !== undefined) tokens.push({ text: quoted.replace(/\\([^])/g, "$1"), at, isQuoted: true });
    else if (comma !== undefined || bare !== undefined) tokens.push({ text: comma ?? bare ?? "", at, isQuoted: false });
  }
  return tokens;
}

/** Whether a word must be quoted to read as a name. */
export function needsQuotes(name: string): boolean {
  const [token, ...more] = /["\\]/.test(name) ? [] : wordsOf(name);
  return token?.text !== name || more.length > 0 || name === ARROW || name === ",";
}
