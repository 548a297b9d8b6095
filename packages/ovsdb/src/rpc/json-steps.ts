/**
 * Parses a large JSON text piece by piece, so that others may come first in between.
 *
 * How: values that are short are cut out and given to `JSON.parse`; of a long array or object the members are looked at one by
 * one. No character is looked at more than a few times. Limits: a string is never cut.
 */
import type { Json } from "@tenet/kit";
import { endOfString } from "../model/exact-json.ts";
import type { Work } from "./work.ts";

/** Values of at most so many characters are parsed at once. */
const PIECE_LENGTH = 4096;
const [QUOTE, COMMA, COLON] = [0x22, 0x2c, 0x3a];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * As `parse`, but it yields between pieces.
 *
 * @param parse - of a piece
 * @throws SyntaxError
 */
export function* parseInSteps(text: string, parse: (piece: string) => Json): Work<Json> {
  const reader = new PieceReader(text, parse);
  const value = yield* reader.value();
  reader.end();
  return value;
}

class PieceReader {
  readonly #text: string;
  readonly #parse: (piece: string) => Json;
  #at = 0;

  constructor(text: string, parse: (piece: string) => Json) {
    this.#text = text;
    this.#parse = parse;
  }

  *value(): Work<Json> {
    const first = this.#next();
    const end = endOfValue(this.#text, this.#at, PIECE_LENGTH);
    if (end === undefined) return first === OPEN_BRACKET ? yield* this.#array() : yield* this.#object();
    const piece = this.#parse(this.#text.slice(this.#at, end));
    this.#at = end;
    yield;
    return piece;
  }

  end(): void {
    if (!Number.isNaN(this.#next())) throw new SyntaxError(`Unexpected text after JSON at position ${this.#at}`);
  }

  *#array(): Work<Json> {
    const elements: Json[] = [];
    do {
      this.#at++;
      elements.push(yield* this.value());
    } while (this.#goesOn(CLOSE_BRACKET));
    return elements;
  }

  *#object(): Work<Json> {
    const object = emptyDictionary();
    do {
      this.#at++;
      const name = this.#name();
      object[name] = yield* this.value();
    } while (this.#goesOn(CLOSE_BRACE));
    return object;
  }

  #name(): string {
    if (this.#next() !== QUOTE) throw this.#unexpected();
    const end = endOfString(this.#text, this.#at);
    const name = this.#parse(this.#text.slice(this.#at, end));
    this.#at = end;
    if (this.#next() !== COLON) throw this.#unexpected();
    this.#at++;
    return String(name);
  }

  /** Whether a comma follows, and no end. */
  #goesOn(close: number): boolean {
    const next = this.#next();
    if (next === COMMA) return true;
    if (next !== close) throw this.#unexpected();
    this.#at++;
    return false;
  }

  /** The next character that is no space; NaN at the end. */
  #next(): number {
    let code = this.#text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = this.#text.charCodeAt(++this.#at);
    return code;
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`Unexpected token in JSON at position ${this.#at}`);
  }
}

/** Without a prototype: for an engine that is a hash table, where another object gets a new layout with every name. */
function emptyDictionary(): { [name: string]: Json } {
  return Object.create(null) as { [name: string]: Json };
}

/** @returns the offset behind the value that begins at `start`; `undefined` for an array or object that is longer than `limit` */
function endOfValue(text: string, start: number, limit: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
    if (depth < 0 || (depth === 0 && code === COMMA)) return at;
    if (depth === 0 && (code === QUOTE || code === CLOSE_BRACE || code === CLOSE_BRACKET)) return at + 1;
    if (depth > 0 && at - start >= limit) return undefined;
  }
  return text.length;
}
