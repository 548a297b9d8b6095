/**
 * Parses a rule file into statements.
 *
 * Recursive descent over the tokens. A statement that fails is reported once, and parsing goes on at the next statement (behind a
 * terminator, or at the next token in column one), so that one run reports every faulty statement.
 */
import { SourceError } from "@tenet/kit";
import type {
  Argument,
  ColumnSyntax,
  DeclarationSyntax,
  Formula,
  FunctionSyntax,
  RuleSyntax,
  SourceText,
  Statement,
  TestSyntax,
} from "./ast.ts";
import { ExpressionParser } from "./parse-expression.ts";
import { readTokens } from "./tokens.ts";

/** Heads that stand for something to be done: `execute[…]`, `insert[…]`, `delete[…]`. */
const ACTION_HEADS: readonly string[] = ["execute", "insert", "delete"];

/** Statements of one source; faults are added to `errors`. */
export function parseProgram(source: SourceText, errors: SourceError[]): Statement[] {
  const parser = new ProgramParser(source, readTokens(source, errors));
  const statements: Statement[] = [];
  while (!parser.isAtEnd()) {
    try {
      statements.push(parser.statement());
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      errors.push(error);
      parser.skipStatement();
    }
  }
  return statements;
}

class ProgramParser extends ExpressionParser {
  isAtEnd(): boolean {
    while (this.takeSymbol(".") || this.takeSymbol(";"));
    return this.peek().kind === "end";
  }

  statement(): Statement {
    const first = this.peek();
    if (first.kind === "name" && this.peek(1).kind === "string") {
      if (first.text === "import") return this.#import();
      if (first.text === "test") return this.#test();
    }
    if (first.kind === "name" && this.peek(1).kind === "name" && !this.isInFirstColumn(this.peek(1).start)) {
      if (first.text === "module" || first.text === "program") return this.#ownership(first.text);
      if (first.text === "function") return this.#function();
      if (first.text === "input" || first.text === "relation" || first.text === "output") return this.#declaration(first.text);
      if (first.text === "import") throw this.failure(`unexpected "${this.peek(1).text}"`, this.peek(1), "a path in quotes");
      const hint = first.text === "expect" ? "expectations stand in the braces of a test" : undefined;
      throw this.failure(`"${first.text}" is no kind of declaration`, first, "input, relation, output, function or a rule", hint);
    }
    return this.#rule();
  }

  skipStatement(): void {
    this.advance();
    for (;;) {
      const token = this.peek();
      if (token.kind === "end") return;
      if (token.kind === "symbol" && (token.text === ";" || token.text === ".")) return;
      if (token.kind === "name" && this.isInFirstColumn(token.start)) return;
      this.advance();
    }
  }

  #declaration(role: DeclarationSyntax["role"]): DeclarationSyntax {
    const start = this.advance().start;
    const name = this.advance();
    const columns: ColumnSyntax[] = [];
    const open = this.peek();
    if (this.takeSymbol("(")) {
      while (!this.takeSymbol(")")) {
        if (columns.length > 0) this.expectSymbol(",", 'a "," or ")"', open);
        columns.push(this.#column());
      }
    }
    return { kind: "declaration", role, name: name.text, columns, span: { start, end: this.lastEnd } };
  }

  #column(): ColumnSyntax {
    const token = this.expectName("a column name");
    const span = { start: token.start, end: token.end };
    const [name = "", joined] = token.text.split(":");
    const type = joined ?? (this.takeSymbol(":") ? this.#type() : undefined);
    const key = this.takeName("key") ? { isKey: true } : {};
    return type === undefined ? { name, ...key, span } : { name, type, ...key, span };
  }

  #type(): string {
    return this.takeName("null") ? "null" : this.expectName("a type").text;
  }

  #import(): Statement {
    const { start } = this.advance();
    return { kind: "import", path: this.#plainString("a path"), span: { start, end: this.lastEnd } };
  }

  #ownership(kind: "module" | "program"): Statement {
    const { start } = this.advance();
    const name = this.advance();
    if (/[:.]/.test(name.text))
      throw this.failure(`"${name.text}" is no name for a ${kind}`, name, "a name without dots and colons");
    return { kind, name: name.text, span: { start, end: this.lastEnd } };
  }

  #function(): FunctionSyntax {
    const { start } = this.advance();
    const name = this.advance();
    const args: string[] = [];
    this.expectSymbol("(", '"(" and the names of the arguments');
    while (!this.takeSymbol(")")) {
      if (args.length > 0) this.expectSymbol(",", 'a "," or ")"');
      args.push(this.expectName("the name of an argument").text);
    }
    const isSet = this.takeSymbol(":");
    if (isSet && !this.takeName("set")) throw this.unexpected('"set", or nothing behind the arguments');
    return { kind: "function", name: name.text, args, isSet, span: { start, end: this.lastEnd } };
  }

  #test(): TestSyntax {
    const { start } = this.advance();
    const name = this.#plainString("the test's name");
    const given: RuleSyntax[] = [];
    const expected: Formula[] = [];
    this.expectSymbol("{", '"{"');
    for (;;) {
      while (this.takeSymbol(".") || this.takeSymbol(";"));
      if (this.takeSymbol("}")) break;
      if (this.takeName("expect")) expected.push(this.formula());
      else given.push(this.#rule());
    }
    return { kind: "test", name, given, expected, span: { start, end: this.lastEnd } };
  }

  #plainString(expected: string): string {
    const token = this.peek();
    if (token.kind !== "string" || token.parts !== undefined) throw this.unexpected(`${expected} in quotes, without \${…}`);
    return this.advance().text;
  }

  #rule(): RuleSyntax {
    const { start } = this.peek();
    const { name, args } = this.#head();
    const headSpan = { start, end: this.lastEnd };
    const body = this.takeSymbol(":-") ? this.formula() : undefined;
    const span = { start, end: this.lastEnd };
    this.#expectStatementEnd();
    return { kind: "rule", name, args, headSpan, body, span };
  }

  /** `p(x)`, `p+(x)`, or `execute[nova:pause(x)]`, whose table is named `execute[nova:pause]`. */
  #head(): { name: string; args: Argument[] } {
    const isAction = ACTION_HEADS.includes(this.peek().text) && this.peek(1).kind === "symbol" && this.peek(1).text === "[";
    if (!isAction) {
      const name = this.tableName("a rule, a fact or a declaration");
      return { name, args: this.peekSymbol("(") ? this.args() : [] };
    }
    const kind = this.advance().text;
    this.advance();
    const name = this.tableName("a table");
    const args = this.peekSymbol("(") ? this.args() : [];
    this.expectSymbol("]", '"]"');
    return { name: `${kind}[${name}]`, args };
  }

  #expectStatementEnd(): void {
    const token = this.peek();
    if (token.kind === "end" || token.kind === "name") return;
    if (token.kind === "symbol" && (token.text === "." || token.text === ";" || token.text === "}")) return;
    const expected = 'an operator, ",", "or", ":-" or the end of the statement';
    throw this.unexpected(
      expected,
      token.text === "=" ? "a table's column is named inside its parentheses: name(column=term)" : undefined,
    );
  }
}
