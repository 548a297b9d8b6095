/**
 * The tokens of a rule file with the comments between them, as the layout wants them.
 *
 * A comment belongs to the token before it when it ends that token's line, otherwise to the token behind it.
 */
import type { SourceText, Token } from "@tenet/datalog";

/** A comment; `isOwnLine` when nothing else stands on its lines. */
export interface Comment {
  readonly text: string;
  readonly isOwnLine: boolean;
  /** An empty line stands before it. */
  readonly hasBlankBefore: boolean;
}

/** A token with its comments. */
export interface Piece {
  readonly kind: Token["kind"];
  /** As written. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** True if nothing stands between the token before and this one. */
  readonly isTight: boolean;
  /** Before the token: on lines of their own, or in its line. */
  readonly before: readonly Comment[];
  /** Behind the token, to the end of its line. */
  readonly after: readonly Comment[];
  /** An empty line stands before the token (and behind `before`). */
  readonly hasBlankBefore: boolean;
}

const COMMENT = /\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g;

/** The pieces of a source that has no faults; the last one is the end, with the comments before it. */
export function readPieces(source: SourceText, tokens: readonly Token[]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const token of tokens) {
    const { after, before, hasBlankBefore } = splitGap(
      source.text.slice(at, token.start),
      pieces.length === 0,
      token.kind === "end",
    );
    const last = pieces.at(-1);
    if (last !== undefined && after.length > 0) pieces[pieces.length - 1] = { ...last, after };
    const { kind, start, end } = token;
    pieces.push({
      kind,
      text: source.text.slice(start, end),
      start,
      end,
      isTight: at === start && pieces.length > 0,
      before,
      after: [],
      hasBlankBefore,
    });
    at = end;
  }
  return pieces;
}

interface Gap {
  readonly after: readonly Comment[];
  readonly before: readonly Comment[];
  readonly hasBlankBefore: boolean;
}

/** Comments of the text between two tokens. */
function splitGap(gap: string, isFirst: boolean, isLast: boolean): Gap {
  const after: Comment[] = [];
  const before: Comment[] = [];
  let at = 0;
  let isOnFirstLine = !isFirst;
  for (const { 0: comment, index } of gap.matchAll(COMMENT)) {
    const blank = gap.slice(at, index);
    at = index + comment.length;
    if (blank.includes("\n")) isOnFirstLine = false;
    const text = comment.trimEnd();
    const endsLine = text.startsWith("/*")
      ? /^[^\S\n]*(\n|$)/.test(gap.slice(at)) && (gap.slice(at).includes("\n") || isLast)
      : true;
    const hasBlankBefore = isBlankLine(blank);
    // A comment that the next token's line goes on behind belongs to that token.
    if (isOnFirstLine && (endsLine || after.length > 0)) after.push({ text, isOwnLine: false, hasBlankBefore: false });
    else before.push({ text, isOwnLine: endsLine, hasBlankBefore });
    if (text.includes("\n")) isOnFirstLine = false;
  }
  return { after, before, hasBlankBefore: isBlankLine(gap.slice(at)) };
}

function isBlankLine(blank: string): boolean {
  return blank.split("\n").length > 2;
}
