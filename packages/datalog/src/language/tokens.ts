/**
 * Splits a rule file into tokens.
 *
 * Names may contain dots and one service prefix (`nb:Logical_Switch.ports`) when nothing stands between; an interpolated
 * string carries the tokens of its `${…}` parts, so that errors inside it point at the right place.
 */
import { positionAt, SourceError } from "@tenet/kit";
import type { SourceText } from "./ast.ts";
import { characterHint } from "./habits.ts";

/** A token with its offsets; `parts` only for strings that interpolate. */
export interface Token {
  readonly kind: "name" | "number" | "string" | "symbol" | "end";
  /** The name, symbol, or a string's text. */
  readonly text: string;
  readonly number: number;
  readonly parts: readonly (string | readonly Token[])[] | undefined;
  readonly start: number;
  readonly end: number;
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?::[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)?/y;
const NUMBER = /0x[0-9A-Fa-f]+|(?:[0-9]+\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
const BLANK = /(?:\s|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const SYMBOLS = new Set([":-", "==", "!=", "<=", ">=", "&&", "||", "..", ..."()[]{},;.:=<>+-*/%!"]);
/** Strings inside `${…}` of strings. */
const MAX_DEPTH = 50;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\", '"': '"', "'": "'", $: "$" };

/**
 * Tokens of a whole source, ending with one of kind `end`.
 *
 * Faults are added to `errors`, and reading goes on behind them.
 */
export function readTokens(source: SourceText, errors: SourceError[]): Token[] {
  return new TokenReader(source, errors).readUntil(false);
}

class TokenReader {
  readonly #source: SourceText;
  readonly #text: string;
  readonly #errors: SourceError[];
  #at = 0;
  #depth = 0;

  constructor(source: SourceText, errors: SourceError[]) {
    this.#source = source;
    this.#text = source.text;
    this.#errors = errors;
  }

  /** Reads to the end, or (inside `${…}`) to the brace that closes it. */
  readUntil(closingBrace: boolean): Token[] {
    const tokens: Token[] = [];
    let depth = 0;
    for (;;) {
      const token = this.#next();
      if (token === undefined) continue;
      if (closingBrace && token.text === "}" && token.kind === "symbol" && depth-- === 0) {
        tokens.push({ ...token, kind: "end", text: "}" });
        return tokens;
      }
      if (token.text === "{" && token.kind === "symbol") depth++;
      tokens.push(token);
      if (token.kind === "end") return tokens;
    }
  }

  #next(): Token | undefined {
    this.#match(BLANK);
    const start = this.#at;
    if (start >= this.#text.length) return this.#token("end", "", start);
    const name = this.#match(NAME);
    if (name !== undefined) return this.#token("name", name, start);
    const number = this.#match(NUMBER);
    if (number !== undefined) return this.#token("number", number, start, Number(number));
    const char = this.#text[start];
    if (char === '"' || char === "'") return this.#string(char);
    for (const symbol of [this.#text.slice(start, start + 2), char]) {
      if (symbol === undefined || !SYMBOLS.has(symbol)) continue;
      // "/*" that is no comment was never closed.
      if (this.#text.startsWith("/*", start)) break;
      this.#at += symbol.length;
      return this.#token("symbol", symbol, start);
    }
    this.#at++;
    if (this.#text.startsWith("/*", start)) {
      this.#fail("comment is not closed", start, 'the closing "*/"');
      this.#at = this.#text.length;
    } else {
      const hint = characterHint(this.#text, start);
      this.#fail(`unexpected character ${JSON.stringify(char)}`, start, "a name, a value or a symbol of the language", hint);
    }
    return undefined;
  }

  #string(quote: string): Token {
    const start = this.#at++;
    const parts: (string | Token[])[] = [];
    let piece = "";
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char === "\n") {
        this.#fail("string is not closed on its line", start, `a closing ${quote}`);
        break;
      }
      this.#at++;
      if (char === quote) break;
      if (char === "\\") piece += this.#escape();
      else if (char === "$" && quote === '"' && this.#text[this.#at] === "{") {
        this.#at++;
        if (this.#depth > MAX_DEPTH) this.#fail("strings are nested too deep", start, `at most ${MAX_DEPTH} levels`);
        if (this.#depth > MAX_DEPTH) break;
        this.#depth++;
        parts.push(piece, this.readUntil(true));
        this.#depth--;
        piece = "";
      } else piece += char;
    }
    if (parts.length === 0) return this.#token("string", piece, start);
    return { kind: "string", text: "", number: 0, parts: [...parts, piece], start, end: this.#at };
  }

  #escape(): string {
    const at = this.#at - 1;
    const char = this.#text[this.#at++] ?? "";
    const simple = ESCAPES[char];
    if (simple !== undefined) return simple;
    const code = char === "u" ? this.#match(/\{[0-9A-Fa-f]{1,6}\}|[0-9A-Fa-f]{4}/y) : undefined;
    const point = code === undefined ? Number.NaN : Number.parseInt(code.replace(/[{}]/g, ""), 16);
    if (point <= 0x10ffff) return String.fromCodePoint(point);
    this.#fail(`unknown escape "\\${char}"`, at, "one of \\n \\t \\r \\\\ \\\" \\' \\$ \\u{…}");
    return "";
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #token(kind: Token["kind"], text: string, start: number, number = 0): Token {
    return { kind, text, number, parts: undefined, start, end: this.#at };
  }

  #fail(problem: string, offset: number, expected: string, hint?: string): void {
    const at = positionAt(this.#source.name, this.#text, offset);
    this.#errors.push(new SourceError(problem, { at, expected, text: this.#text, ...(hint === undefined ? {} : { hint }) }));
  }
}
