/** Statements one below the other, each in its layout, with the comments and empty lines between them. */
import type { Statement } from "@tenet/datalog";
import { print } from "./doc.ts";
import { layOutStatement } from "./layout.ts";
import type { Piece } from "./pieces.ts";

/** Lines are at most this long where that can be. */
const LINE_WIDTH = 120;

/** Something that starts a line of its own; a block has such things inside. */
interface Item {
  readonly kind: Statement["kind"] | "expect";
  readonly start: number;
  readonly end: number;
  readonly inner?: readonly Item[];
}

/** The text of a whole file. */
export function layOutFile(statements: readonly Statement[], pieces: readonly Piece[]): string {
  const items = statements.map((statement) => toItem(statement, pieces));
  const text = layOutItems(items, pieces, 0).text;
  return text === "" ? "" : `${text}\n`;
}

function toItem(statement: Statement, pieces: readonly Piece[]): Item {
  const { kind, span } = statement;
  if (statement.kind !== "test") return { kind, ...span };
  const given = statement.given.map((rule): Item => ({ kind: "rule", ...rule.span }));
  const expected = statement.expected.map((formula): Item => {
    const keyword = pieces.findLast((piece) => piece.end <= formula.span.start);
    return { kind: "expect", start: keyword?.start ?? formula.span.start, end: formula.span.end };
  });
  return { kind, ...span, inner: [...given, ...expected].toSorted((a, b) => a.start - b.start) };
}

/** Lines that grow from above; empty ones at most one at a time, and none at the start. */
class Lines {
  readonly #out: string[] = [];
  readonly #margin: string;
  #wantsBlank = false;
  #endsInComment = false;

  constructor(indent: number) {
    this.#margin = " ".repeat(indent);
  }

  get text(): string {
    return this.#out.join("\n");
  }

  add(content: string, hasBlankBefore: boolean, endsInComment = true): void {
    if (this.#out.length > 0 && (hasBlankBefore || this.#wantsBlank)) this.#out.push("");
    this.#wantsBlank = false;
    this.#out.push(content);
    this.#endsInComment = endsInComment;
  }

  /** The comments before a token, each on a line of its own. */
  addComments({ before }: Piece): void {
    for (const { text, hasBlankBefore } of before) this.add(`${this.#margin}${text}`, hasBlankBefore);
  }

  /** What is left of a token that is not written: its comments, and an empty line. */
  addRemains({ after, hasBlankBefore }: Piece): void {
    for (const { text } of after) {
      const last = this.#endsInComment ? undefined : this.#out.pop();
      this.add(last === undefined ? `${this.#margin}${text}` : `${last} ${text}`, false);
    }
    this.#wantsBlank ||= hasBlankBefore;
  }
}

function layOutItems(items: readonly Item[], pieces: readonly Piece[], indent: number): Lines {
  const lines = new Lines(indent);
  let next = 0;
  for (let at = 0; at < pieces.length; ) {
    const piece = pieces[at];
    if (piece === undefined) break;
    lines.addComments(piece);
    const item = items[next];
    if (item === undefined || piece.start < item.start) {
      lines.addRemains(piece);
      at++;
      continue;
    }
    let end = at + 1;
    while ((pieces[end]?.start ?? item.end) < item.end) end++;
    const own = pieces.slice(at, end).with(0, { ...piece, before: [] });
    lines.add(layOutItem(item, own, indent), piece.hasBlankBefore, (own.at(-1)?.after.length ?? 0) > 0);
    next++;
    at = end;
  }
  return lines;
}

function layOutItem({ kind, inner }: Item, pieces: readonly Piece[], indent: number): string {
  const start = " ".repeat(indent);
  if (inner === undefined)
    return print(layOutStatement(pieces, kind === "declaration" || kind === "function"), LINE_WIDTH, indent);
  const brace = pieces.findIndex((piece) => piece.kind === "symbol" && piece.text === "{") + 1;
  const head = print(layOutStatement(pieces.slice(0, brace), false), LINE_WIDTH, indent);
  const closing = pieces.at(-1);
  const rest = closing === undefined ? [] : [...pieces.slice(brace, -1), { ...closing, after: [] }];
  const body = layOutItems(inner, rest, indent + 2).text;
  const ending = closing?.after.map(({ text }) => ` ${text}`).join("") ?? "";
  return `${head}\n${body === "" ? "" : `${body}\n`}${start}}${ending}`;
}
