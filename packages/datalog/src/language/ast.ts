/** The syntax tree of a rule file, as the parser gives it: names are not resolved, nothing is checked. */
import type { Value } from "../value.ts";

/** A source text; `name` is the file name used in positions. */
export interface SourceText {
  readonly name: string;
  readonly text: string;
  /** A policy's name: unqualified tables of this source belong to it (`error` becomes `pii:error`). */
  readonly namespace?: string;
}

/** Offsets in the source, end excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** An argument of an atom or call; `name` for `column=term`. */
export interface Argument {
  readonly name: string | undefined;
  readonly term: Expr;
  readonly span: Span;
}

/** The aggregates that the engine keeps; the language has more, made of these. */
export type AggregateName = "count" | "sum" | "min" | "max" | "collect" | "top";

/** An expression; atoms look like calls until names are resolved. */
export type Expr =
  | { readonly kind: "literal"; readonly value: Value; readonly span: Span }
  | { readonly kind: "name"; readonly name: string; readonly span: Span }
  | { readonly kind: "wildcard"; readonly span: Span }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Argument[]; readonly span: Span }
  | { readonly kind: "list"; readonly items: readonly Expr[]; readonly span: Span }
  | { readonly kind: "text"; readonly parts: readonly (string | Expr)[]; readonly span: Span }
  | { readonly kind: "unary"; readonly op: "-" | "!"; readonly operand: Expr; readonly span: Span }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly left: Expr; readonly right: Expr; readonly span: Span }
  | { readonly kind: "if"; readonly condition: Expr; readonly whenTrue: Expr; readonly whenFalse: Expr; readonly span: Span }
  | AggregateExpr;

/** `count { value : body }`. */
export interface AggregateExpr {
  readonly kind: "aggregate";
  readonly fn: AggregateName;
  readonly value: Expr | undefined;
  /** `collect` once per way to satisfy the body, not once per distinct value. */
  readonly hasDuplicates: boolean;
  /** `top` alone: how many values it keeps, at least one. */
  readonly limit: number | undefined;
  readonly body: Formula;
  readonly span: Span;
}

export type BinaryOp = "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||" | "in" | "not in";

/** A body or a part of it. */
export type Formula =
  | { readonly kind: "and" | "or"; readonly items: readonly Formula[]; readonly span: Span }
  | { readonly kind: "not"; readonly body: Formula; readonly span: Span }
  | { readonly kind: "test"; readonly expr: Expr; readonly span: Span }
  | { readonly kind: "equal"; readonly left: Expr; readonly right: Expr; readonly span: Span }
  | { readonly kind: "in"; readonly left: Expr; readonly right: Expr; readonly span: Span };

/** `head :- body`; a fact has no body. */
export interface RuleSyntax {
  readonly kind: "rule";
  readonly name: string;
  readonly args: readonly Argument[];
  readonly headSpan: Span;
  readonly body: Formula | undefined;
  readonly span: Span;
}

/** `column: type key`; the type and `key` may be left out. */
export interface ColumnSyntax {
  readonly name: string;
  readonly type?: string;
  readonly isKey?: boolean;
  readonly span: Span;
}

/** `input name(column: type, …)`. */
export interface DeclarationSyntax {
  readonly kind: "declaration";
  readonly role: "input" | "relation" | "output";
  readonly name: string;
  readonly columns: readonly ColumnSyntax[];
  readonly span: Span;
}

/** `import "path"`: the rules of another file belong to the program too. */
export interface ImportSyntax {
  readonly kind: "import";
  readonly path: string;
  readonly span: Span;
}

/** `module name`: the file's unqualified tables belong to this namespace. */
export interface ModuleSyntax {
  readonly kind: "module";
  readonly name: string;
  readonly span: Span;
}

/** `program name`: the file's tables belong to nobody, and the program that runs the file gives what it declares. */
export interface ProgramSyntax {
  readonly kind: "program";
  readonly name: string;
  readonly span: Span;
}

/** `function name(argument, …): set`: the program that runs the rules gives this function. */
export interface FunctionSyntax {
  readonly kind: "function";
  readonly name: string;
  /** Names of the arguments, for those who read the file. */
  readonly args: readonly string[];
  readonly isSet: boolean;
  readonly span: Span;
}

/** `test "name" { rows … expect body … }`. */
export interface TestSyntax {
  readonly kind: "test";
  readonly name: string;
  readonly given: readonly RuleSyntax[];
  readonly expected: readonly Formula[];
  readonly span: Span;
}

export type Statement =
  | RuleSyntax
  | DeclarationSyntax
  | ImportSyntax
  | ModuleSyntax
  | ProgramSyntax
  | FunctionSyntax
  | TestSyntax;
