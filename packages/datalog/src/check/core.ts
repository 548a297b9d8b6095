/**
 * The core form of a program: what is left when names are resolved and the comfortable parts of the language are
 * rewritten. `or` became several rules, aggregates and negated groups became hidden relations, arguments that are
 * expressions became variables with an equation, and variables became slot numbers.
 */
import type { AggregateName, BinaryOp, Span } from "../language/ast.ts";
import type { NetworkRelation } from "../functions/network.ts";
import type { Value } from "../value.ts";

/** A function of the language; pure: the same arguments always give the same result. */
export interface FunctionDef {
  readonly name: string;
  /** Number of arguments, the optional ones included. */
  readonly nArgs: number;
  /** Number of arguments that must be given; all of them by default. */
  readonly minArgs?: number;
  /** Results of a function that gives a list of several: as a literal it takes that many arguments more. 1 by default. */
  readonly nResults?: number;
  /** A set function stands on the right side of `in` only and gives its elements (one, if it gives no list or iterable). */
  readonly isSet?: boolean;
  /** For tests: `true` comes only for two networks that lie so, the first to the second, so that an index of networks can serve it. */
  readonly relates?: NetworkRelation;
  /** For tests: `true` comes only for two values of one kind in this order, so that a sorted index can serve it. */
  readonly compares?: "<" | "<=" | ">" | ">=";
  /** `undefined` means "no result": the row is absent. */
  call(...args: Value[]): Value | undefined | Iterable<Value>;
}

/** A variable, constant or anonymous argument. */
export type Term =
  | { readonly kind: "var"; readonly slot: number }
  | { readonly kind: "const"; readonly value: Value }
  | { readonly kind: "any" };

/** An expression over slots; `any` only inside patterns. */
export type CoreExpr =
  | Term
  | { readonly kind: "list"; readonly items: readonly CoreExpr[] }
  | { readonly kind: "text"; readonly parts: readonly CoreExpr[] }
  | { readonly kind: "unary"; readonly op: "-" | "!"; readonly operand: CoreExpr }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly left: CoreExpr; readonly right: CoreExpr }
  | { readonly kind: "if"; readonly condition: CoreExpr; readonly whenTrue: CoreExpr; readonly whenFalse: CoreExpr }
  | { readonly kind: "call"; readonly fn: FunctionDef; readonly args: readonly CoreExpr[] };

/** One condition of a body. `not` never holds anonymous terms: they became a projection relation. */
export type Literal =
  | { readonly kind: "atom"; readonly relation: string; readonly terms: readonly Term[]; readonly span: Span }
  | {
      readonly kind: "not";
      readonly relation: string;
      readonly terms: readonly Term[];
      readonly span: Span;
      /** What the program says: the relation and its terms before projection; absent for hidden relations. */
      readonly shown: { readonly relation: string; readonly terms: readonly Term[] } | undefined;
    }
  | { readonly kind: "equal"; readonly left: CoreExpr; readonly right: CoreExpr; readonly span: Span }
  | { readonly kind: "member"; readonly left: CoreExpr; readonly right: CoreExpr; readonly span: Span }
  | { readonly kind: "test"; readonly expr: CoreExpr; readonly span: Span };

/** Where a rule stands. */
export interface RuleOrigin {
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

/** One core rule; several may come from one rule of the program. */
export interface CoreRule {
  readonly relation: string;
  readonly head: readonly Term[];
  readonly body: readonly Literal[];
  /** Variable name of each slot. */
  readonly slots: readonly string[];
  readonly origin: RuleOrigin;
  /** The source text that spans refer to. */
  readonly sourceText: string;
}

/** A hidden relation `group columns…, value`, computed from the rows of `body`: `group columns…, value columns…[, more]`. */
export interface CoreAggregate {
  readonly relation: string;
  readonly body: string;
  readonly fn: AggregateName;
  readonly nGroup: number;
  /** Number of value columns, if a value is the list of them; `undefined` if it is the one column there is. */
  readonly nParts: number | undefined;
  /** How many values `top` keeps; it lists the second part of each. */
  readonly limit: number | undefined;
  readonly origin: RuleOrigin;
}

/** A column; those with `isKey` together tell an input's rows apart. */
export interface Column {
  readonly name: string;
  readonly type?: string;
  readonly isKey?: boolean;
}

/** A relation of the program; hidden ones (names that start with `$`) come from rewriting. */
export interface CoreRelation {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly kind: "input" | "derived" | "hidden";
  readonly isOutput: boolean;
  /** Recursive relations that keep the least or greatest value of a column per group of the others. */
  readonly extreme?: { readonly column: number; readonly fn: "min" | "max" };
  /** How a hidden relation reads in the program, for errors and proofs. */
  readonly label: string;
}

/** Relations that are computed together: one, or several that depend on each other. */
export interface Stratum {
  readonly relations: readonly string[];
  readonly isRecursive: boolean;
}

/** The variables' slots that occur in an expression, `any` left out. */
export function slotsOf(expr: CoreExpr, into: Set<number> = new Set()): Set<number> {
  switch (expr.kind) {
    case "var":
      into.add(expr.slot);
      break;
    case "list":
      for (const item of expr.items) slotsOf(item, into);
      break;
    case "text":
      for (const part of expr.parts) slotsOf(part, into);
      break;
    case "unary":
      slotsOf(expr.operand, into);
      break;
    case "binary":
      slotsOf(expr.left, into);
      slotsOf(expr.right, into);
      break;
    case "if":
      slotsOf(expr.condition, into);
      slotsOf(expr.whenTrue, into);
      slotsOf(expr.whenFalse, into);
      break;
    case "call":
      for (const arg of expr.args) slotsOf(arg, into);
  }
  return into;
}

/** True for what can stand on the binding side of `=` and `in`: variables, constants, `_`, and lists of such. */
export function isPattern(expr: CoreExpr): boolean {
  if (expr.kind === "list") return expr.items.every(isPattern);
  return expr.kind === "var" || expr.kind === "const" || expr.kind === "any";
}

/** True if the expression has no `_` in it, so that it has a value once its variables have. */
export function isEvaluable(expr: CoreExpr): boolean {
  if (expr.kind === "any") return false;
  return expr.kind === "list" ? expr.items.every(isEvaluable) : true;
}
