/**
 * What stands around a place that is being written, where the text need not parse.
 *
 * The statement's text up to the place is read once, brackets and strings on a stack; a statement starts at a name in the
 * first column, as the parser assumes after a fault.
 */

/** An open parenthesis of a table or function. */
export interface OpenCall {
  readonly name: string;
  /** Columns that are named already. */
  readonly columns: readonly string[];
  /** True when nothing of the present argument is written yet but the prefix. */
  readonly isArgumentStart: boolean;
}

/** The surroundings of a place. */
export interface WritingContext {
  /** The part of a name before the place. */
  readonly prefix: string;
  readonly isComment: boolean;
  /** In the literal part of a string; false inside `${…}`. */
  readonly isString: boolean;
  /** True behind `:-`. */
  readonly isBody: boolean;
  /** True when the statement is nothing but the prefix. */
  readonly isStatementStart: boolean;
  readonly isDeclaration: boolean;
  /** In a declaration, behind a column's colon. */
  readonly isType: boolean;
  readonly call: OpenCall | undefined;
  /** Offsets of the statement, up to the next one. */
  readonly statement: { readonly start: number; readonly end: number };
}

const PREFIX = /[A-Za-z_][\w.]*(?::[\w.]*)?$/;
const NAME = /[A-Za-z_][\w.]*(?::[A-Za-z_][\w.]*)?/y;
const KEYWORDS = new Set(["not", "or", "and", "in", "if", "then", "else"]);

interface Frame {
  readonly open: "(" | "[" | "{" | "${" | '"' | "'";
  readonly name: string | undefined;
  readonly columns: string[];
  argumentStart: number;
}

/** Reads the surroundings of an offset. */
export function contextAt(text: string, offset: number): WritingContext {
  const statement = statementAround(text, offset);
  const scan = new Scan(text, statement.start, offset);
  const top = scan.stack.at(-1);
  const prefix = scan.isComment ? "" : (PREFIX.exec(text.slice(statement.start, offset))?.[0] ?? "");
  const argument = top === undefined ? "" : text.slice(top.argumentStart, offset - prefix.length);
  const isDeclaration = /^(input|relation|output)\s+[A-Za-z_]/.test(text.slice(statement.start, offset));
  return {
    prefix,
    isComment: scan.isComment,
    isString: top?.open === '"' || top?.open === "'",
    isBody: scan.isBody,
    isStatementStart: text.slice(statement.start, offset).trim() === prefix,
    isDeclaration,
    isType: isDeclaration && /:\s*\w*$/.test(text.slice(statement.start, offset)) && top?.open === "(",
    call:
      top?.open === "(" && top.name !== undefined
        ? { name: top.name, columns: top.columns, isArgumentStart: argument.trim() === "" }
        : undefined,
    statement,
  };
}

/** From the last name in the first column to the next one. */
function statementAround(text: string, offset: number): { start: number; end: number } {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const isEmptySoFar = text.slice(lineStart, offset) === "";
  let start = lineStart;
  while (start > 0 && !isEmptySoFar && !/[A-Za-z_]/.test(text[start] ?? "")) start = text.lastIndexOf("\n", start - 2) + 1;
  const next = /\n[A-Za-z_]/g;
  next.lastIndex = offset;
  return { start, end: next.exec(text)?.index ?? text.length };
}

class Scan {
  readonly stack: Frame[] = [];
  isComment = false;
  isBody = false;
  readonly #text: string;
  readonly #end: number;
  #at: number;
  #lastName: { text: string; end: number } | undefined;

  constructor(text: string, start: number, end: number) {
    this.#text = text;
    this.#at = start;
    this.#end = end;
    while (this.#at < end) {
      const open = this.stack.at(-1)?.open;
      if (open === '"' || open === "'") this.#inString(open);
      else this.#inCode();
    }
  }

  #inString(quote: string): void {
    const char = this.#text[this.#at];
    if (char === "\\") this.#at += 2;
    else if (char === quote || char === "\n") this.#close();
    else if (char === "$" && quote === '"' && this.#text[this.#at + 1] === "{") this.#open("${", 2);
    else this.#at++;
  }

  #inCode(): void {
    const char = this.#text[this.#at] ?? "";
    const pair = this.#text.slice(this.#at, this.#at + 2);
    if (char === "#" || pair === "//") return this.#skip("\n");
    if (pair === "/*") return this.#skip("*/");
    if (char === '"' || char === "'") return this.#open(char, 1);
    if (char === "(" || char === "[" || char === "{") return this.#open(char, 1);
    if (char === ")" || char === "]" || char === "}") return this.#close();
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#text)?.[0];
    if (name !== undefined) {
      this.#at += name.length;
      this.#lastName = { text: name, end: this.#at };
      return;
    }
    const frame = this.stack.at(-1);
    if (char === "," && frame !== undefined) frame.argumentStart = this.#at + 1;
    if (char === "=" && frame !== undefined && this.#lastName !== undefined) frame.columns.push(this.#lastName.text);
    if (pair === ":-") this.isBody = true;
    this.#at++;
  }

  #open(open: Frame["open"], length: number): void {
    const last = this.#lastName;
    const isCall = open === "(" && last !== undefined && last.end === this.#at && !KEYWORDS.has(last.text);
    this.#at += length;
    this.stack.push({ open, name: isCall ? last.text : undefined, columns: [], argumentStart: this.#at });
  }

  #close(): void {
    this.stack.pop();
    this.#at++;
  }

  #skip(end: string): void {
    const found = this.#text.indexOf(end, this.#at);
    const behind = found < 0 ? this.#text.length : end === "\n" ? found : found + end.length;
    this.isComment = behind > this.#end || (end === "\n" && behind >= this.#end);
    this.#at = behind;
  }
}
