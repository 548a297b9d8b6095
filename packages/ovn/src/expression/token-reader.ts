/**
 * Reads tokens one by one, for the two parsers (matches and actions), and the parts of syntax they share:
 * a field with an optional bit range, and constants.
 */
import { didYouMean } from "@tenet/kit";
import type { Constant, FieldSymbol, MatchSymbol, Operand, SymbolTable } from "./syntax.ts";
import { faultAt, type NumberForm, type Source, type Token, tokenize } from "./lexer.ts";

/** A cursor over the tokens of one source. */
export class TokenReader {
  readonly source: Source;
  readonly symbols: SymbolTable;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(source: Source, symbols: SymbolTable) {
    this.source = source;
    this.symbols = symbols;
    this.#tokens = tokenize(source);
  }

  /** The next token, not consumed; `ahead` looks further. */
  peek(ahead = 0): Token {
    const last = this.#tokens.length - 1;
    return this.#tokens[Math.min(this.#next + ahead, last)] ?? { type: "end", text: "", at: this.source.text.length };
  }

  /** Consumes and returns the next token. */
  take(): Token {
    const token = this.peek();
    this.#next += 1;
    return token;
  }

  /** Consumes the next token if it is this operator. */
  accept(operator: string): boolean {
    const token = this.peek();
    if (token.type !== "operator" || token.text !== operator) return false;
    this.#next += 1;
    return true;
  }

  /** Consumes the next token if it is this name. */
  acceptName(name: string): boolean {
    const token = this.peek();
    if (token.type !== "name" || token.text !== name) return false;
    this.#next += 1;
    return true;
  }

  /** Consumes this operator. @throws SourceError when something else comes */
  expect(operator: string): void {
    if (!this.accept(operator)) throw this.unexpected(`"${operator}"`);
  }

  /** Consumes a quoted string. */
  expectString(): string {
    const token = this.take();
    if (token.type !== "string") throw this.unexpected("a quoted string", token);
    return token.value;
  }

  /** Consumes a plain number that fits 32 bits. */
  expectNumber(): number {
    const token = this.take();
    if (token.type !== "number" || token.value > 0xffffffffn) throw this.unexpected("a number", token);
    return Number(token.value);
  }

  /** The error of an unexpected token, by default the next one. */
  unexpected(expected: string, token: Token = this.peek(), hint?: string): Error {
    const problem = token.type === "end" ? "Unexpected end" : `Unexpected "${token.text}"`;
    return faultAt(this.source, token.at, problem, hint === undefined ? { expected } : { expected, hint });
  }

  /** Consumes the name of a symbol. @throws SourceError with the nearest known name */
  symbol(): MatchSymbol {
    const token = this.take();
    if (token.type !== "name") throw this.unexpected("the name of a field", token);
    const symbol = this.symbols.get(token.text);
    if (symbol !== undefined) return symbol;
    throw faultAt(this.source, token.at, `Unknown field "${token.text}"`, { hint: didYouMean(token.text, this.symbols.keys()) });
  }

  /** The bits of `symbol` that a following `[n]` or `[lo..hi]` selects; all of them without. */
  bitsOf(symbol: FieldSymbol): Operand {
    const at = this.peek().at;
    if (!this.accept("[")) return { symbol, start: 0, nBits: symbol.bits.nBits };
    const start = this.expectNumber();
    const end = this.accept("..") ? this.expectNumber() : start;
    this.expect("]");
    if (symbol.isNominal) throw faultAt(this.source, at, `Cannot select bits of the nominal field "${symbol.name}"`);
    if (start > end || end >= symbol.bits.nBits) {
      const expected = `bits between 0 and ${symbol.bits.nBits - 1}, lowest first`;
      throw faultAt(this.source, at, `"${symbol.name}" has no bits ${start}..${end}`, { expected });
    }
    return { symbol, start, nBits: end - start + 1 };
  }

  /** Consumes one constant: number with optional mask, string, `$set` or `@group`. */
  constant(): Constant {
    const token = this.take();
    if (token.type === "string") return { type: "string", value: token.value, at: token.at };
    if (token.type === "addressSet" || token.type === "portGroup") return { type: token.type, name: token.name, at: token.at };
    if (token.type !== "number") throw this.unexpected("a constant", token);
    const mask = this.accept("/") ? this.#mask(token.form) : undefined;
    return {
      type: "integer",
      value: mask === undefined ? token.value : token.value & mask,
      mask,
      form: token.form,
      at: token.at,
    };
  }

  /** Consumes a constant or a set of constants in braces. */
  constants(): { values: Constant[]; isSet: boolean } {
    if (!this.accept("{")) {
      const value = this.constant();
      return { values: [value], isSet: value.type === "addressSet" || value.type === "portGroup" };
    }
    const values: Constant[] = [this.constant()];
    this.accept(",");
    while (!this.accept("}")) {
      values.push(this.constant());
      this.accept(",");
    }
    return { values, isSet: true };
  }

  #mask(form: NumberForm): bigint {
    const token = this.take();
    if (token.type !== "number") throw this.unexpected("a mask", token);
    const width = form === "ip4" ? 32n : form === "ip6" ? 128n : undefined;
    if (width === undefined || token.form !== "decimal") {
      if (token.form === form) return token.value;
      throw this.unexpected("a mask in the form of the value", token);
    }
    if (token.value > width) throw this.unexpected(`a prefix length of at most ${width}`, token);
    return ((1n << token.value) - 1n) << (width - token.value);
  }
}
