/**
 * Parses expressions and bodies: the part of the grammar that statements share.
 *
 * Precedence, weakest first: `or`, `,`/`and`, then within one literal `||`, `&&`, comparison and `in`, `+ -`, `* / %`, unary.
 * A parenthesis at the start of a literal may open a group or an expression: what follows its end decides.
 * One class, although long: the levels of the grammar call each other in both directions.
 */
import { positionAt, SourceError } from "@tenet/kit";
import { buildAggregate, isAggregateName, misfit } from "./aggregates.ts";
import type { Argument, BinaryOp, Expr, Formula, SourceText, Span } from "./ast.ts";
import { normalNumber } from "../integer.ts";
import { negative } from "../operate.ts";
import { scalar } from "../scalar.ts";
import type { Value } from "../value.ts";
import { habitHint } from "./habits.ts";
import type { Token } from "./tokens.ts";

const KEYWORDS = new Set(["not", "or", "and", "in", "if", "then", "else", "true", "false", "null"]);
const ACTIONS = new Set(["execute", "insert", "delete"]);
/** Levels of parentheses, braces, lists and signs. */
const MAX_DEPTH = 200;
const COMPARISONS = new Set(["==", "!=", "<", "<=", ">", ">="]);

/** A token cursor with the expression and body grammar. */
export class ExpressionParser {
  readonly source: SourceText;
  #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  /** End offset of the last token taken. */
  lastEnd = 0;

  constructor(source: SourceText, tokens: readonly Token[]) {
    this.source = source;
    this.#tokens = tokens;
  }

  /** `a, b or c`: a whole body. */
  formula(): Formula {
    const start = this.peek().start;
    const items = [this.#conjunction()];
    while (this.takeName("or")) items.push(this.#conjunction());
    const [only] = items;
    return only !== undefined && items.length === 1 ? only : { kind: "or", items, span: this.#span(start) };
  }

  /** `(term, column=term, …)`. */
  args(): Argument[] {
    const open = this.peek();
    this.expectSymbol("(", '"("');
    const args: Argument[] = [];
    while (!this.takeSymbol(")")) {
      if (args.length > 0) this.expectSymbol(",", 'an operator, "," or ")"', open);
      const start = this.peek().start;
      const { kind, text } = this.peek();
      const isNamed = (kind === "name" || (kind === "number" && /^\d+$/.test(text))) && this.#isSymbol(this.peek(1), "=");
      const name = isNamed ? this.advance().text : undefined;
      if (isNamed) this.advance();
      args.push({ name, term: this.expression(), span: this.#span(start) });
    }
    return args;
  }

  expression(): Expr {
    let left = this.#and();
    while (this.takeSymbol("||")) left = this.#binary("||", left, this.#and());
    return left;
  }

  /** Runs a part of the grammar one level deeper; refuses texts that would use up the stack. */
  #nested<T>(parse: () => T): T {
    if (this.#depth >= MAX_DEPTH) throw this.failure("this is nested too deep", this.peek(), `at most ${MAX_DEPTH} levels`);
    this.#depth++;
    try {
      return parse();
    } finally {
      this.#depth--;
    }
  }

  peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)];
    if (token === undefined) throw new RangeError("a token list ends with an end token");
    return token;
  }

  advance(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.#at++;
    this.lastEnd = token.end;
    return token;
  }

  peekSymbol(symbol: string): boolean {
    return this.#isSymbol(this.peek(), symbol);
  }

  takeSymbol(symbol: string): boolean {
    if (!this.peekSymbol(symbol)) return false;
    this.advance();
    return true;
  }

  takeName(name: string): boolean {
    if (this.peek().kind !== "name" || this.peek().text !== name) return false;
    this.advance();
    return true;
  }

  /** @param open - the bracket that is not closed if the symbol is missing */
  expectSymbol(symbol: string, expected: string, open?: Token): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected(expected, this.#unclosed(open));
  }

  expectName(expected: string): Token {
    const token = this.peek();
    if (token.kind !== "name" || KEYWORDS.has(token.text)) throw this.unexpected(expected);
    return this.advance();
  }

  /** True where the statement behind a faulty one most likely begins. */
  isInFirstColumn(offset: number): boolean {
    return offset === 0 || this.source.text[offset - 1] === "\n";
  }

  /** A hint, if what follows looks like the next statement, or there is nothing. */
  #unclosed(open: Token | undefined): string | undefined {
    const { kind, start } = this.peek();
    if (open === undefined || !(kind === "end" || this.isInFirstColumn(start))) return undefined;
    const { line, column } = positionAt(this.source.name, this.source.text, open.start);
    return `the "${open.text}" at ${line}:${column} is not closed`;
  }

  unexpected(expected: string, hint?: string): SourceError {
    const token = this.peek();
    const what =
      token.kind === "end" ? (token.text === "" ? "end of file" : '"}"') : token.kind === "string" ? "string" : `"${token.text}"`;
    const before = this.#at === 0 ? undefined : this.#tokens[this.#at - 1];
    return this.failure(`unexpected ${what}`, token, expected, hint ?? habitHint(before, token, this.peek(1)));
  }

  failure(problem: string, token: Token, expected: string, hint?: string): SourceError {
    const at = positionAt(this.source.name, this.source.text, token.start);
    return new SourceError(problem, { at, expected, text: this.source.text, ...(hint === undefined ? {} : { hint }) });
  }

  #conjunction(): Formula {
    const start = this.peek().start;
    const items = [this.#literal()];
    while (this.takeSymbol(",") || this.takeName("and")) items.push(this.#literal());
    const [only] = items;
    return only !== undefined && items.length === 1 ? only : { kind: "and", items, span: this.#span(start) };
  }

  #literal(): Formula {
    return this.#nested(() => this.#anyLiteral());
  }

  #anyLiteral(): Formula {
    const start = this.peek().start;
    if (this.takeName("not") || this.takeName("NOT") || this.takeSymbol("!")) {
      const body = this.#literal();
      return { kind: "not", body, span: this.#span(start) };
    }
    if (this.peekSymbol("(")) return this.#groupOrExpression();
    return this.#isSignedTable() ? this.#signedTable() : this.#expressionLiteral();
  }

  /** Looks behind the closing parenthesis: an operator there means that the parentheses belong to an expression. */
  #groupOrExpression(): Formula {
    if (this.#continuesExpression(this.#closing("(", ")"))) return this.#expressionLiteral();
    const open = this.advance();
    const { start } = open;
    const group = this.formula();
    this.expectSymbol(")", 'an operator, "," or ")"', open);
    // A group stays a group, also of one literal: under `not` its variables are its own.
    return { kind: "and", items: [group], span: this.#span(start) };
  }

  /** How far ahead the token is that follows the bracket closing the present one. */
  #closing(open: string, close: string): number {
    let depth = 0;
    for (let ahead = 0; ; ahead++) {
      const token = this.peek(ahead);
      if (token.kind === "end") return ahead;
      if (this.#isSymbol(token, open)) depth++;
      else if (this.#isSymbol(token, close) && --depth === 0) return ahead + 1;
    }
  }

  #continuesExpression(ahead: number): boolean {
    const { kind, text } = this.peek(ahead);
    if (kind === "name") return text === "in" || (text === "not" && this.peek(ahead + 1).text === "in");
    return kind === "symbol" && (COMPARISONS.has(text) || ["+", "-", "*", "/", "%", "=", "&&", "||"].includes(text));
  }

  /** `p+(x)` without blanks, and nothing behind it that makes it arithmetic. */
  #isSignedTable(): boolean {
    return this.#hasSign() && !this.#continuesExpression(this.#closing("(", ")"));
  }

  /** True if a `+` or `-` and a parenthesis follow the name here without blanks. */
  #hasSign(): boolean {
    const [name, sign, open] = [this.peek(), this.peek(1), this.peek(2)];
    const isSign = this.#isSymbol(sign, "+") || this.#isSymbol(sign, "-");
    return name.kind === "name" && isSign && this.#isSymbol(open, "(") && name.end === sign.start && sign.end === open.start;
  }

  #signedTable(): Formula {
    const start = this.peek().start;
    const name = this.tableName();
    const expr: Expr = { kind: "call", name, args: this.args(), span: this.#span(start) };
    return { kind: "test", expr, span: expr.span };
  }

  /** A table's name where a table must stand, with the sign of `p+(x)` if it has one. */
  tableName(expected = "a table"): string {
    const isSigned = this.#hasSign();
    const { text } = this.expectName(expected);
    return isSigned ? text + this.advance().text : text;
  }

  #expressionLiteral(): Formula {
    const start = this.peek().start;
    const left = this.expression();
    if (this.takeSymbol("=")) {
      const right = this.expression();
      return { kind: "equal", left, right, span: this.#span(start) };
    }
    const span = this.#span(start);
    if (left.kind === "binary" && left.op === "in") return { kind: "in", left: left.left, right: left.right, span };
    return { kind: "test", expr: left, span };
  }

  #and(): Expr {
    let left = this.#comparison();
    while (this.takeSymbol("&&")) left = this.#binary("&&", left, this.#comparison());
    return left;
  }

  #comparison(): Expr {
    const left = this.#sum();
    const { kind, text } = this.peek();
    if (kind === "symbol" && COMPARISONS.has(text)) {
      this.advance();
      return this.#binary(text as BinaryOp, left, this.#sum());
    }
    if (this.takeName("in")) return this.#membership("in", left);
    if (kind === "name" && text === "not" && this.peek(1).text === "in") {
      this.advance();
      this.advance();
      return this.#membership("not in", left);
    }
    return left;
  }

  /** What follows `in`: a list, or two ends, `x in from..to`, which are two comparisons. */
  #membership(op: "in" | "not in", value: Expr): Expr {
    const from = this.#sum();
    if (!this.takeSymbol("..")) return this.#binary(op, value, from);
    const to = this.#sum();
    const span = { start: value.span.start, end: to.span.end };
    const within = { ...this.#binary("&&", this.#binary(">=", value, from), { ...this.#binary("<=", value, to), span }), span };
    return op === "in" ? within : { kind: "unary", op: "!", operand: within, span };
  }

  #sum(): Expr {
    let left = this.#product();
    for (;;) {
      if (this.takeSymbol("+")) left = this.#binary("+", left, this.#product());
      else if (this.takeSymbol("-")) left = this.#binary("-", left, this.#product());
      else return left;
    }
  }

  #product(): Expr {
    let left = this.#unary();
    for (;;) {
      if (this.takeSymbol("*")) left = this.#binary("*", left, this.#unary());
      else if (this.takeSymbol("/")) left = this.#binary("/", left, this.#unary());
      else if (this.takeSymbol("%")) left = this.#binary("%", left, this.#unary());
      else return left;
    }
  }

  #unary(): Expr {
    return this.#nested(() => this.#anyUnary());
  }

  /** `value["key"]`, `value[0]`, and `.name` behind one: written without a blank before the bracket. */
  #postfix(start: number, base: Expr): Expr {
    let expr = base;
    let hasIndex = false;
    for (;;) {
      const [next, name] = [this.peek(), this.peek(1)];
      const isAdjacent = next.kind === "symbol" && next.start === this.lastEnd;
      if (isAdjacent && next.text === "[") {
        this.advance();
        const key = this.expression();
        this.expectSymbol("]", 'an operator or "]"');
        expr = access(expr, key, this.#span(start));
        hasIndex = true;
      } else if (
        isAdjacent &&
        hasIndex &&
        next.text === "." &&
        name.kind === "name" &&
        name.start === next.end &&
        !/:/.test(name.text)
      ) {
        this.advance();
        this.advance();
        expr = path(expr, name.text.split("."), this.#span(start));
      } else return expr;
    }
  }

  /** `{"key": value, …}`. */
  #map(open: Token): Expr {
    const { start } = open;
    const pairs: Expr[] = [];
    while (!this.takeSymbol("}")) {
      if (pairs.length > 0) this.expectSymbol(",", 'an operator, "," or "}"', open);
      const first = this.peek();
      const from = first.start;
      const key = this.expression();
      if (key.kind === "literal" && typeof key.value !== "string") throw this.failure("a map's keys are text", first, "a string");
      this.expectSymbol(":", '":" and the value of the key');
      const value = this.expression();
      pairs.push({ kind: "list", items: [key, value], span: this.#span(from) });
    }
    const span = this.#span(start);
    return { kind: "call", name: "map", args: [{ name: undefined, term: { kind: "list", items: pairs, span }, span }], span };
  }

  #anyUnary(): Expr {
    const start = this.peek().start;
    if (this.takeSymbol("-")) {
      const operand = this.#unary();
      const value = operand.kind === "literal" ? negative(operand.value) : undefined;
      if (value !== undefined) return { kind: "literal", value, span: this.#span(start) };
      return { kind: "unary", op: "-", operand, span: this.#span(start) };
    }
    if (this.takeSymbol("!")) return { kind: "unary", op: "!", operand: this.#unary(), span: this.#span(start) };
    return this.#postfix(start, this.#primary());
  }

  #primary(): Expr {
    const token = this.peek();
    const start = token.start;
    if (token.kind === "number" || token.kind === "string") {
      this.advance();
      if (token.parts !== undefined) return this.#interpolation(token.parts, start);
      return { kind: "literal", value: token.kind === "number" ? this.#numberValue(token) : token.text, span: this.#span(start) };
    }
    if (this.takeSymbol("(")) {
      const inner = this.expression();
      this.expectSymbol(")", 'an operator or ")"', token);
      // A parenthesised `x in xs` is a value, not a literal of the body.
      return inner.kind === "binary" && inner.op === "in"
        ? { kind: "binary", op: "==", left: inner, right: literalTrue(inner.span), span: inner.span }
        : inner;
    }
    if (this.takeSymbol("[")) return this.#list(token);
    if (this.takeSymbol("{")) return this.#map(token);
    if (token.kind !== "name") throw this.unexpected("a value, a variable or a table");
    return this.#named(start);
  }

  /** Whole numbers are exact to 64 bits; a unit right behind makes a span of time: `90s`, `1.5h`. */
  #numberValue(token: Token): Value {
    const unit = this.peek();
    if (unit.kind === "name" && unit.start === token.end) {
      const span = /^0x/i.test(token.text) ? undefined : scalar("duration", token.text + unit.text);
      if (span === undefined) throw this.failure(`"${unit.text}" is no unit of time`, unit, "one of d h m s ms us");
      this.advance();
      return span;
    }
    const isFloat = /[.eE]/.test(token.text) && !/^0x/i.test(token.text);
    const value = normalNumber(isFloat ? token.number : BigInt(token.text));
    if (value === undefined) throw this.failure(`"${token.text}" is too large for a number`, token, "at most 1.7e308");
    return value;
  }

  #named(start: number): Expr {
    const name = this.peek().text;
    if (name === "true" || name === "false" || name === "null") {
      this.advance();
      return { kind: "literal", value: name === "null" ? null : name === "true", span: this.#span(start) };
    }
    if (this.takeName("if")) return this.#conditional(start);
    if (this.takeName("_")) return { kind: "wildcard", span: this.#span(start) };
    const token = this.expectName("a value, a variable or a table");
    if (ACTIONS.has(name) && this.peekSymbol("[") && this.peek().start === token.end) {
      throw this.failure(
        `"${name}[…]" cannot be read`,
        token,
        "a table of facts",
        "such a table stands in heads, for what is to be done",
      );
    }
    if (isAggregateName(name) && this.peekSymbol("{")) return this.#aggregate(name, start);
    if (this.peekSymbol("(")) {
      const args = this.args();
      return { kind: "call", name, args, span: this.#span(start) };
    }
    const [base = "", ...keys] = name.includes(":") ? [name] : name.split(".");
    return path({ kind: "name", name: base, span: this.#span(start) }, keys, this.#span(start));
  }

  #conditional(start: number): Expr {
    const condition = this.expression();
    if (!this.takeName("then")) {
      throw this.unexpected('"then"', this.peekSymbol("=") ? 'equality is written "=="' : undefined);
    }
    const whenTrue = this.expression();
    if (!this.takeName("else")) throw this.unexpected('"else"');
    const whenFalse = this.expression();
    return { kind: "if", condition, whenTrue, whenFalse, span: this.#span(start) };
  }

  #aggregate(fn: string, start: number): Expr {
    const hasValue = this.#hasColonInside();
    const brace = this.advance();
    const values: Expr[] = [];
    while (hasValue && !this.takeSymbol(":")) {
      if (values.length > 0) this.expectSymbol(",", 'an operator, "," or ":"');
      values.push(this.expression());
    }
    const wanted = misfit(fn, values.length);
    if (wanted !== undefined) {
      const problem = values.length === 0 ? "a value" : `"${wanted}"`;
      throw this.failure(`"${fn}" needs ${problem}`, brace, `"${wanted} : body" with a space before the colon`);
    }
    const body = this.formula();
    this.expectSymbol("}", 'an operator, "," or "}"', brace);
    return buildAggregate(fn, values, body, this.#span(start));
  }

  /** True if the braces that open here have a colon of their own, not one of inner braces. */
  #hasColonInside(): boolean {
    const end = this.#closing("{", "}");
    let depth = 0;
    for (let ahead = 0; ahead < end; ahead++) {
      const token = this.peek(ahead);
      if (this.#isSymbol(token, "{")) depth++;
      else if (this.#isSymbol(token, "}")) depth--;
      else if (depth === 1 && this.#isSymbol(token, ":")) return true;
    }
    return false;
  }

  #list(open: Token): Expr {
    const { start } = open;
    const items: Expr[] = [];
    while (!this.takeSymbol("]")) {
      if (items.length > 0) this.expectSymbol(",", 'an operator, "," or "]"', open);
      items.push(this.expression());
    }
    return { kind: "list", items, span: this.#span(start) };
  }

  #interpolation(parts: readonly (string | readonly Token[])[], start: number): Expr {
    const items: (string | Expr)[] = [];
    for (const part of parts) {
      if (typeof part === "string") {
        if (part !== "") items.push(part);
        continue;
      }
      const inner = new ExpressionParser(this.source, part);
      items.push(inner.expression());
      if (inner.peek().kind !== "end") throw inner.unexpected('an operator or "}"');
    }
    return { kind: "text", parts: items, span: this.#span(start) };
  }

  #binary(op: BinaryOp, left: Expr, right: Expr): Expr {
    return { kind: "binary", op, left, right, span: { start: left.span.start, end: right.span.end } };
  }

  #span(start: number): Span {
    return { start, end: this.lastEnd };
  }

  #isSymbol(token: Token, symbol: string): boolean {
    return token.kind === "symbol" && token.text === symbol;
  }
}

/** `base.a.b`. */
function path(base: Expr, keys: readonly string[], span: Span): Expr {
  return keys.reduce<Expr>((expr, key) => access(expr, { kind: "literal", value: key, span }, span), base);
}

function access(from: Expr, key: Expr, span: Span): Expr {
  const args = [from, key].map((term) => ({ name: undefined, term, span: term.span }));
  return { kind: "call", name: "get", args, span };
}

function literalTrue(span: Span): Expr {
  return { kind: "literal", value: true, span };
}
