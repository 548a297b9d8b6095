/**
 * Every name of a rule file and what it stands for: tables, columns, variables and functions, with their places.
 *
 * A variable lives in its statement: all equal names of one statement count as one variable, also across braces, so that
 * renaming all of them together is always right.
 */
import type {
  Argument,
  DeclarationSyntax,
  Expr,
  Formula,
  FunctionSyntax,
  RuleSyntax,
  SourceText,
  Span,
  Statement,
} from "@tenet/datalog";

/** A name in a source. */
export interface Occurrence {
  readonly kind: "table" | "column" | "variable" | "function";
  /** Equal for equal things: a table's full name, `table column`, a variable's statement and name, a function's name. */
  readonly id: string;
  /** As the program calls it: the table's full name, otherwise as written. */
  readonly name: string;
  /** Of the name alone. */
  readonly span: Span;
  readonly role: "declaration" | "head" | "use";
  /** The table of a column, or the one whose column a variable stands for. */
  readonly table?: string;
  /** The column that a variable stands for, by number or by name. */
  readonly column?: number | string;
}

/** What is needed to tell tables from functions and variables. */
export interface KnownNames {
  isTable(fullName: string): boolean;
  isFunction(name: string): boolean;
}

/** The names of one source, in the order of the text. */
export function occurrencesIn(source: SourceText, statements: readonly Statement[], known: KnownNames): Occurrence[] {
  const walk = new Walk(source, known);
  for (const [i, statement] of statements.entries()) walk.statement(statement, i);
  const sorted = walk.found.toSorted((a, b) => a.span.start - b.span.start);
  // What one aggregate is read as may hold a part of it twice.
  return sorted.filter(({ kind, span }, i) => sorted[i - 1]?.span.start !== span.start || sorted[i - 1]?.kind !== kind);
}

/** The full name of a table as written in a source. */
export function fullName(source: SourceText, name: string): string {
  return name.includes(":") || source.namespace === undefined ? name : `${source.namespace}:${name}`;
}

/** Identity of a column. */
function columnId(table: string, column: string): string {
  return `${table} ${column}`;
}

class Walk {
  readonly found: Occurrence[] = [];
  readonly #source: SourceText;
  readonly #known: KnownNames;
  #statement = 0;

  constructor(source: SourceText, known: KnownNames) {
    this.#source = source;
    this.#known = known;
  }

  statement(statement: Statement, index: number): void {
    this.#statement = index;
    switch (statement.kind) {
      case "declaration":
        this.#declaration(statement);
        break;
      case "rule":
        this.#rule(statement);
        break;
      case "function":
        this.#function(statement);
        break;
      case "test":
        for (const rule of statement.given) this.#rule(rule);
        for (const formula of statement.expected) this.#formula(formula);
        break;
      default:
    }
  }

  #declaration({ role, name, columns, span }: DeclarationSyntax): void {
    const table = fullName(this.#source, name);
    const at = this.#source.text.indexOf(name, span.start + role.length);
    this.#add({ kind: "table", id: table, name: table, role: "declaration" }, at, name);
    for (const column of columns) {
      const id = columnId(table, column.name);
      this.#add({ kind: "column", id, name: column.name, role: "declaration", table }, column.span.start, column.name);
    }
  }

  #function({ kind, name, span }: FunctionSyntax): void {
    const at = this.#source.text.indexOf(name, span.start + kind.length);
    this.#add({ kind: "function", id: name, name, role: "declaration" }, at, name);
  }

  #rule({ name, args, headSpan, body }: RuleSyntax): void {
    const table = fullName(this.#source, name);
    this.#add({ kind: "table", id: table, name: table, role: "head" }, headSpan.start, name);
    this.#args(args, table);
    if (body !== undefined) this.#formula(body);
  }

  #formula(formula: Formula): void {
    switch (formula.kind) {
      case "and":
      case "or":
        for (const item of formula.items) this.#formula(item);
        break;
      case "not":
        this.#formula(formula.body);
        break;
      case "test":
        this.#literal(formula.expr);
        break;
      default:
        this.#expr(formula.left);
        this.#expr(formula.right);
    }
  }

  /** A condition: a call or a bare name may be a table here. */
  #literal(expr: Expr): void {
    if (expr.kind !== "call" && expr.kind !== "name") return this.#expr(expr);
    const table = fullName(this.#source, expr.name);
    const isTable = this.#known.isTable(table) || (expr.kind === "call" && !this.#known.isFunction(expr.name));
    if (!isTable) return this.#expr(expr);
    this.#add({ kind: "table", id: table, name: table, role: "use" }, expr.span.start, expr.name);
    if (expr.kind === "call") this.#args(expr.args, table);
  }

  #args(args: readonly Argument[], table: string): void {
    for (const [i, { name, term, span }] of args.entries()) {
      if (name !== undefined) {
        this.#add({ kind: "column", id: columnId(table, name), name, role: "use", table }, span.start, name);
      }
      if (term.kind === "name") this.#variable(term.name, term.span, { table, column: name ?? i });
      else this.#expr(term);
    }
  }

  #expr(expr: Expr): void {
    switch (expr.kind) {
      case "name":
        this.#variable(expr.name, expr.span, {});
        break;
      case "call":
        this.#add({ kind: "function", id: expr.name, name: expr.name, role: "use" }, expr.span.start, expr.name);
        for (const { term } of expr.args) this.#expr(term);
        break;
      case "list":
        for (const item of expr.items) this.#expr(item);
        break;
      case "text":
        for (const part of expr.parts) if (typeof part !== "string") this.#expr(part);
        break;
      case "unary":
        this.#expr(expr.operand);
        break;
      case "binary":
        this.#expr(expr.left);
        this.#expr(expr.right);
        break;
      case "if":
        this.#expr(expr.condition);
        this.#expr(expr.whenTrue);
        this.#expr(expr.whenFalse);
        break;
      case "aggregate":
        this.#aggregate(expr.span.start);
        if (expr.value !== undefined) this.#expr(expr.value);
        this.#formula(expr.body);
        break;
      default:
    }
  }

  /** The name as written: some aggregates are read as several others. */
  #aggregate(start: number): void {
    const name = /[a-z]+/y;
    name.lastIndex = start;
    const [written] = name.exec(this.#source.text) ?? [];
    if (written !== undefined)
      this.#add({ kind: "function", id: `${written} {}`, name: `${written} {}`, role: "use" }, start, written);
  }

  #variable(name: string, span: Span, place: Pick<Occurrence, "table" | "column">): void {
    this.#add({ kind: "variable", id: `${this.#statement} ${name}`, name, role: "use", ...place }, span.start, name);
  }

  /** Notes a name; not one that the parser made up. */
  #add(occurrence: Omit<Occurrence, "span">, start: number, written: string): void {
    if (start < 0 || !this.#source.text.startsWith(written, start)) return;
    this.found.push({ ...occurrence, span: { start, end: start + written.length } });
  }
}
