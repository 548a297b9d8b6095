/**
 * The layout of one statement, from its tokens.
 *
 * It knows brackets, commas, `or`, `:-` and operators, not the grammar: what the language gains later is laid out as soon as
 * the parser reads it. A rule goes into one line when it fits; otherwise its body starts a line of its own, in which
 * literals are set one after another; alternatives (`or`) then start a line each.
 */
import { concat, type Doc, fill, group, hardLine, indent, line, lineEnd, text } from "./doc.ts";
import type { Comment, Piece } from "./pieces.ts";

const KEYWORDS = new Set(["not", "NOT", "or", "and", "in", "if", "then", "else", "expect"]);
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
/** Symbols between two values. */
const INFIX = new Set(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "=", ":-", ":"]);
/** A line may break behind these. */
const BREAKS_BEHIND = new Set(["+", "&&", "||"]);
/** A line may break before these. */
const BREAKS_BEFORE = new Set(["then", "else"]);

/** What a token means to its neighbours. */
interface Place {
  /** Inside the parentheses of a table or function, where `column=term` may stand. */
  readonly isCall: boolean;
  readonly isDeclaration: boolean;
  /** Between the braces of a map, where `key: value` stands. */
  readonly isMap?: boolean;
}

/** The layout of a declaration, fact, rule or anything that is no block. */
export function layOutStatement(pieces: readonly Piece[], isDeclaration: boolean): Doc {
  return new Layout(pieces, isDeclaration).statement();
}

class Layout {
  readonly #pieces: readonly Piece[];
  readonly #isDeclaration: boolean;
  #at = 0;

  constructor(pieces: readonly Piece[], isDeclaration: boolean) {
    this.#pieces = withCommentsBehindCommas(pieces);
    this.#isDeclaration = isDeclaration;
  }

  statement(): Doc {
    const place = { isCall: false, isDeclaration: false };
    const head = this.#alternatives(place);
    if (this.#at >= this.#pieces.length) return group(head);
    const turn = this.#take();
    const body = this.#alternatives(place);
    // Deeper than the body, so that the head does not run into it.
    return group(group(indent(head)), text(" "), turn, indent(line, body));
  }

  /** Conjunctions with `or` between, up to a closing bracket or `:-`. */
  #alternatives(place: Place): Doc {
    const alternatives: Doc[] = [this.#items(place)];
    while (this.#isNext("or")) {
      const or = this.#take();
      alternatives.push(concat(or, text(" "), this.#items(place)));
    }
    const [first, ...others] = alternatives;
    return others.length === 0 ? (first ?? text("")) : group(first ?? text(""), ...others.flatMap((other) => [line, other]));
  }

  /** Items with `,` or `and` between. */
  #items(place: Place): Doc {
    const items: Doc[] = [];
    while (this.#at < this.#pieces.length && !this.#isNext("or") && !this.#isClosing()) {
      const item = this.#item(place);
      if (this.#isNext(",")) items.push(concat(item, this.#take()));
      else if (this.#isNext("and")) items.push(concat(item, text(" "), this.#take()));
      else items.push(item);
    }
    return fill(items);
  }

  /** One literal, argument or element: pieces between which lines may break, the later ones further to the right. */
  #item(place: Place): Doc {
    const parts: Doc[] = [];
    let part: Doc[] = [];
    const first = this.#at;
    for (
      let before: Piece | undefined;
      this.#at < this.#pieces.length && !this.#endsItem();
      before = this.#pieces[this.#at - 1]
    ) {
      const piece = this.#pieces[this.#at];
      if (piece === undefined) break;
      const mayBreak =
        before !== undefined &&
        (BREAKS_BEFORE.has(piece.text) ||
          (BREAKS_BEHIND.has(before.text) && !this.#isSign(this.#at - 1, first) && !this.#isSignedTable(this.#at)));
      if (mayBreak) {
        parts.push(concat(...part));
        part = [];
      } else if (before !== undefined && this.#hasSpace(before, piece, first, place)) part.push(text(" "));
      part.push(this.#unit(place, this.#at === first));
    }
    parts.push(concat(...part));
    return parts.length === 1 ? concat(...parts) : indent(fill(parts));
  }

  /** A token, or brackets with what is in them. */
  #unit(place: Place, isFirst: boolean): Doc {
    const index = this.#at;
    const open = this.#pieces[index];
    const close = open?.kind === "symbol" ? CLOSING[open.text] : undefined;
    if (open === undefined || close === undefined) return this.#take(place, isFirst);
    const before = this.#pieces[index - 1];
    const isCall = open.text === "(" && before !== undefined && isNameOf(before);
    const opening = this.#take(undefined, isFirst);
    // The braces of an aggregate follow its name.
    const isMap = open.text === "{" && !(before !== undefined && index > 0 && isNameOf(before));
    const inner = this.#alternatives({ isCall, isDeclaration: isCall && this.#isDeclaration, isMap });
    const space = open.text === "{" && !isMap ? [text(" ")] : [];
    if (this.#at >= this.#pieces.length) return concat(opening, indent(inner));
    return concat(opening, ...space, indent(inner), ...space, this.#take());
  }

  /** The next token with its comments; `isFirst` when an item starts with it. */
  #take(place?: Place, isFirst = false): Doc {
    const piece = this.#pieces[this.#at++];
    if (piece === undefined) return text("");
    const isTyped = place?.isDeclaration === true && piece.kind === "name";
    const content = text(isTyped ? piece.text.replace(":", ": ") : piece.text);
    if (piece.before.length === 0 && piece.after.length === 0) return content;
    return concat(
      ...piece.before.flatMap((comment) => layOutBefore(comment, isFirst)),
      content,
      ...layOutAfter(piece.after, this.#at === this.#pieces.length),
    );
  }

  #endsItem(): boolean {
    return this.#isNext(",") || this.#isNext("or") || this.#isNext("and") || this.#isClosing();
  }

  /** At a closing bracket, or at the turn from head to body. */
  #isClosing(): boolean {
    const piece = this.#pieces[this.#at];
    return piece?.kind === "symbol" && [")", "]", "}", ":-"].includes(piece.text);
  }

  #isNext(content: string): boolean {
    const piece = this.#pieces[this.#at];
    return piece !== undefined && piece.kind !== "string" && piece.text === content;
  }

  /** True for the sign of a value, false for an operator between two. */
  #isSign(index: number, first: number): boolean {
    const piece = this.#pieces[index];
    if (piece?.kind !== "symbol" || (piece.text !== "-" && piece.text !== "!")) return false;
    const before = index > first ? this.#pieces[index - 1] : undefined;
    if (before === undefined || (before.kind === "name" && KEYWORDS.has(before.text))) return true;
    return before.kind === "symbol" && ![")", "]", "}"].includes(before.text);
  }

  /** At the sign or the parenthesis of `p+(x)`: with blanks it would be arithmetic, so they stay as they are. */
  #isSignedTable(index: number): boolean {
    const sign = this.#pieces[index]?.text === "(" ? index - 1 : index;
    const [name, symbol, open] = [this.#pieces[sign - 1], this.#pieces[sign], this.#pieces[sign + 1]];
    if (symbol === undefined || !["+", "-"].includes(symbol.text) || open?.text !== "(") return false;
    return name !== undefined && isNameOf(name) && symbol.isTight && open.isTight;
  }

  #hasSpace(before: Piece, piece: Piece, first: number, place: Place): boolean {
    const index = this.#at;
    if (this.#isSign(index - 1, first) || this.#isSignedTable(index) || isRange(piece) || isRange(before)) return false;
    // A span of time: `90s`.
    if (before.kind === "number" && piece.kind === "name" && piece.isTight) return false;
    if (place.isCall && index === first + 2 && before.text === "=" && isColumn(this.#pieces[first])) return false;
    if (piece.kind === "symbol") {
      if (piece.text === "(") return !isNameOf(before);
      if (piece.text === "[") return !(piece.isTight && (isNameOf(before) || before.text === ")" || before.text === "]"));
      if (piece.text === "=" && place.isCall && index === first + 1 && isColumn(before)) return false;
      if (piece.text === ":" && (place.isDeclaration || place.isMap === true)) return false;
      if (piece.text === ":" && this.#isDeclaration && before.text === ")") return false;
      if (!INFIX.has(piece.text) && piece.text !== "!" && !(piece.text in CLOSING)) return !piece.isTight;
    }
    if (before.kind === "symbol") {
      if (!INFIX.has(before.text) && ![")", "]", "}"].includes(before.text)) return !piece.isTight;
    }
    return true;
  }
}

/** A name that may be a table's or function's. */
function isNameOf(piece: Piece): boolean {
  return piece.kind === "name" && !KEYWORDS.has(piece.text);
}

/** Between the two ends of `from..to`. */
function isRange({ kind, text: content }: Piece): boolean {
  return kind === "symbol" && content === "..";
}

/** `column=term`, or `1=term` for the second column. */
function isColumn(piece: Piece | undefined): boolean {
  return piece?.kind === "name" || piece?.kind === "number";
}

/** Within an item the lines that follow go further to the right. */
function layOutBefore(comment: Comment, isFirst: boolean): Doc[] {
  if (!comment.isOwnLine) return [text(comment.text), text(" ")];
  const lines = [hardLine, text(comment.text), hardLine];
  return isFirst ? lines : [indent(...lines)];
}

function layOutAfter(comments: readonly Comment[], isLast: boolean): Doc[] {
  if (comments.length === 0) return [];
  const ending = lineEnd(comments.map((comment) => ` ${comment.text}`).join(""), !isLast);
  return isLast ? [ending] : [ending, indent(hardLine)];
}

/** A comment to the end of the line between an item and its comma goes behind the comma, so that the comma stays in the line. */
function withCommentsBehindCommas(pieces: readonly Piece[]): Piece[] {
  const moved = [...pieces];
  for (const [i, piece] of pieces.entries()) {
    const next = pieces[i + 1];
    const isComma = next?.kind === "symbol" && next.text === "," && next.before.length === 0 && next.after.length === 0;
    if (piece.after.length === 0 || !isComma) continue;
    moved[i] = { ...piece, after: [] };
    moved[i + 1] = { ...next, after: piece.after };
  }
  return moved;
}
