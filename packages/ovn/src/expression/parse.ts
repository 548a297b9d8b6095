/**
 * Parser of OVN's match language: recursive descent, one function per level of precedence.
 *
 * What can be judged without knowing port numbers and address sets is judged here (names, types, widths, the level
 * of measurement), so that a match that parses is one that can be turned into flows.
 *
 * @see ovn-sb(5), Logical_Flow, column match
 */
import type { Constant, Expression, Operand, ParsedExpression, PredicateSymbol, Relation, SymbolTable } from "./syntax.ts";
import { faultAt, type Source } from "./lexer.ts";
import { TokenReader } from "./token-reader.ts";

const RELATIONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);
const MIRRORED: Readonly<Record<Relation, Relation>> = { "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" };
const MAX_DEPTH = 100;

/**
 * Parses a match.
 *
 * @param symbols - names that may be used; see `createSymbols`
 * @throws SourceError with the position and what was expected
 */
export function parseExpression(source: Source, symbols: SymbolTable): ParsedExpression {
  const parser = new ExpressionParser(new TokenReader(source, symbols));
  return { source, root: parser.whole() };
}

class ExpressionParser {
  readonly #reader: TokenReader;
  #depth = 0;
  #lastRelationAt = -1;

  constructor(reader: TokenReader) {
    this.#reader = reader;
  }

  whole(): Expression {
    const root = this.#disjunction(true);
    if (this.#reader.peek().type !== "end") throw this.#reader.unexpected(`"&&", "||" or the end`);
    return root;
  }

  /** `isPositive`: outside an odd number of negations, which nominal fields need. */
  #disjunction(isPositive: boolean): Expression {
    const reader = this.#reader;
    const first = this.#negation(isPositive);
    const operator = reader.peek().text;
    if (operator !== "&&" && operator !== "||") return first;
    const parts = [first];
    while (reader.accept(operator)) parts.push(this.#negation(isPositive));
    const other = operator === "&&" ? "||" : "&&";
    const next = reader.peek();
    if (next.type === "operator" && next.text === other) {
      throw faultAt(reader.source, next.at, `"&&" and "||" cannot be mixed`, { hint: "Put parentheses around the inner part" });
    }
    return { type: operator === "&&" ? "and" : "or", parts };
  }

  #negation(isPositive: boolean): Expression {
    const reader = this.#reader;
    if (!reader.accept("!")) return this.#primary(isPositive);
    const at = reader.peek().at;
    const part = this.#nested(() => this.#negation(!isPositive));
    if (this.#lastRelationAt >= at && reader.source.text[at] !== "(") {
      throw faultAt(reader.source, at, `"!" before a comparison needs parentheses around it`);
    }
    return { type: "not", part };
  }

  #primary(isPositive: boolean): Expression {
    const reader = this.#reader;
    const token = reader.peek();
    if (reader.accept("(")) {
      const inner = this.#nested(() => this.#disjunction(isPositive));
      reader.expect(")");
      return inner;
    }
    if (reader.acceptName("is_chassis_resident")) {
      reader.expect("(");
      const port = reader.expectString();
      reader.expect(")");
      return { type: "resident", port, at: token.at };
    }
    if (token.type === "name") return this.#fieldFirst(isPositive);
    if (token.type === "number" && !this.#relationFollowsConstant()) {
      if (token.text === "0" || token.text === "1") {
        reader.take();
        return { type: "boolean", value: token.text === "1" };
      }
    }
    return this.#constantFirst(isPositive);
  }

  #relationFollowsConstant(): boolean {
    const next = this.#reader.peek(1);
    return next.type === "operator" && (RELATIONS.has(next.text) || next.text === "/");
  }

  #nested<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#reader.unexpected(`nesting of at most ${MAX_DEPTH} levels`);
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  #fieldFirst(isPositive: boolean): Expression {
    const reader = this.#reader;
    const at = reader.peek().at;
    const symbol = reader.symbol();
    if (symbol.kind === "predicate") return this.#predicate(symbol, at, isPositive);
    const operand = reader.bitsOf(symbol);
    const relation = this.#relation();
    if (relation === undefined) return this.#mention(operand, at);
    const { values, isSet } = reader.constants();
    return this.#comparison(operand, relation, values, isSet, at, isPositive);
  }

  #predicate(symbol: PredicateSymbol, at: number, isPositive: boolean): Expression {
    const relation = this.#relation();
    let isMet = true;
    if (relation !== undefined) {
      const token = this.#reader.take();
      if ((relation !== "==" && relation !== "!=") || (token.text !== "0" && token.text !== "1")) {
        throw this.#reader.unexpected(`"== 0" or "== 1" after the predicate "${symbol.name}"`, token);
      }
      isMet = (token.text === "1") === (relation === "==");
    }
    if (symbol.isNominal && isMet !== isPositive) {
      const hint = `"${symbol.name}" rests on a field that can only be compared for equality`;
      throw faultAt(this.#reader.source, at, `Cannot negate the predicate "${symbol.name}"`, { hint });
    }
    const node: Expression = { type: "predicate", symbol, at };
    return isMet ? node : { type: "not", part: node };
  }

  #mention(operand: Operand, at: number): Expression {
    if (operand.nBits !== 1 || operand.symbol.isString) throw this.#reader.unexpected(`a comparison, such as "!= 0"`);
    const one: Constant = { type: "integer", value: 1n, mask: undefined, form: "decimal", at };
    return { type: "comparison", operand, relation: "==", constants: [one], at };
  }

  #constantFirst(isPositive: boolean): Expression {
    const reader = this.#reader;
    const at = reader.peek().at;
    const { values, isSet } = reader.constants();
    const relation = this.#relation();
    if (relation === undefined) throw reader.unexpected("a comparison with a field");
    const symbol = reader.symbol();
    if (symbol.kind === "predicate")
      throw faultAt(reader.source, at, `Cannot compare the predicate "${symbol.name}" with a constant`);
    const operand = reader.bitsOf(symbol);
    const first = this.#comparison(operand, MIRRORED[relation], values, isSet, at, isPositive);
    const second = this.#relation();
    if (second === undefined) return first;
    this.#checkChain(relation, second);
    const upper = reader.constants();
    return { type: "and", parts: [first, this.#comparison(operand, second, upper.values, upper.isSet, at, isPositive)] };
  }

  #checkChain(first: Relation, second: Relation): void {
    const isRising = first.startsWith("<") && second.startsWith("<");
    const isFalling = first.startsWith(">") && second.startsWith(">");
    if (!isRising && !isFalling) throw this.#reader.unexpected("a range, such as 1024 <= tcp.src <= 49151");
  }

  #relation(): Relation | undefined {
    const token = this.#reader.peek();
    if (token.type !== "operator" || !RELATIONS.has(token.text)) return undefined;
    this.#reader.take();
    this.#lastRelationAt = token.at;
    return token.text as Relation;
  }

  #comparison(
    operand: Operand,
    relation: Relation,
    constants: readonly Constant[],
    isSet: boolean,
    at: number,
    isPositive: boolean,
  ): Expression {
    const { source } = this.#reader;
    const { symbol } = operand;
    if (symbol.isNominal) {
      if (relation !== "==" && relation !== "!=") {
        throw faultAt(source, at, `Cannot order the nominal field "${symbol.name}"`, { expected: `"==" or "!="` });
      }
      if ((relation === "==") !== isPositive) {
        throw faultAt(source, at, `"${symbol.name}" can only be tested for equality, also under "!"`);
      }
    }
    if (isSet && relation !== "==" && relation !== "!=") {
      throw faultAt(source, at, `Cannot order against a set of constants`, { expected: `"==" or "!="` });
    }
    for (const constant of constants) checkConstant(source, operand, relation, constant);
    return { type: "comparison", operand, relation, constants, at };
  }
}

/** Checks one constant against the bits it is compared with or assigned to. @throws SourceError */
export function checkConstant(source: Source, operand: Operand, relation: Relation, constant: Constant): void {
  const { symbol, nBits } = operand;
  const isText = constant.type === "string" || constant.type === "portGroup";
  if (isText !== symbol.isString) {
    const expected = symbol.isString ? `the quoted name of a port` : `a ${nBits}-bit number`;
    throw faultAt(source, constant.at, `"${symbol.name}" cannot be compared with this`, { expected });
  }
  if (constant.type !== "integer") return;
  const highest = constant.mask ?? constant.value;
  if (highest >> BigInt(nBits) !== 0n && constant.value >> BigInt(nBits) !== 0n) {
    const problem = `A ${constant.value.toString(2).length}-bit constant does not fit the ${nBits} bits of "${symbol.name}"`;
    throw faultAt(source, constant.at, problem);
  }
  if (constant.mask === undefined) return;
  if (relation !== "==" && relation !== "!=") throw faultAt(source, constant.at, "Cannot order against a masked constant");
  const ones = (1n << BigInt(nBits)) - 1n;
  if (symbol.isNominal && (constant.mask & ones) !== ones) {
    throw faultAt(source, constant.at, `Cannot mask the nominal field "${symbol.name}"`);
  }
}
