/**
 * What the tests of a body tell about a table's columns before its rows are looked at: bounds of an order, and networks around or inside
 * a known one.
 *
 * The tests stay in the body. A narrowing may therefore be wider than the test, never narrower. Expressions that call functions are left
 * to the tests: a function may throw, and must not for rows that nothing else of the rule admits.
 */
import { type CoreExpr, isEvaluable, type Literal, type Term } from "../../check/core.ts";
import { isBound } from "../../check/safety.ts";
import type { NetworkRelation } from "../../functions/network.ts";

/** The column's values lie between these, ends included, and are of the kind of both. */
export interface RangeNarrowing {
  readonly column: number;
  readonly from: CoreExpr | undefined;
  readonly to: CoreExpr | undefined;
}

/** The column's networks lie so to that of `expr`. */
export interface NetworkNarrowing {
  readonly column: number;
  readonly how: NetworkRelation;
  readonly expr: CoreExpr;
}

export interface Narrowings {
  readonly ranges: readonly RangeNarrowing[];
  readonly networks: readonly NetworkNarrowing[];
}

const MIRRORED = {
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
  "==": "==",
  inside: "around",
  around: "inside",
  overlaps: "overlaps",
} as const;
type Order = "<" | "<=" | ">" | ">=" | "==";

/** Finds the narrowings of a table that is about to be searched, from tests that compare one of its columns with what is known. */
export function narrowingsOf(body: readonly Literal[], terms: readonly Term[], known: ReadonlySet<number>): Narrowings {
  const ranges = new Map<number, { column: number; from: CoreExpr | undefined; to: CoreExpr | undefined }>();
  const networks: NetworkNarrowing[] = [];
  const columnOf = (left: CoreExpr, right: CoreExpr): number => {
    if (left.kind !== "var" || known.has(left.slot) || !isBound(right, known) || !isEvaluable(right) || hasCall(right)) return -1;
    return terms.findIndex((term) => term.kind === "var" && term.slot === left.slot);
  };
  const compare = (left: CoreExpr, order: Order, right: CoreExpr): void => {
    const column = columnOf(left, right);
    if (column < 0) return;
    const range = ranges.get(column) ?? { column, from: undefined, to: undefined };
    if (order !== "<" && order !== "<=") range.from ??= right;
    if (order !== ">" && order !== ">=") range.to ??= right;
    ranges.set(column, range);
  };
  const relate = (left: CoreExpr, how: NetworkRelation, right: CoreExpr): void => {
    const column = columnOf(left, right);
    if (column >= 0) networks.push({ column, how, expr: right });
  };
  const visit = (test: CoreExpr): void => {
    if (test.kind === "binary" && test.op === "&&") {
      visit(test.left);
      visit(test.right);
    } else if (test.kind === "binary" && isOrder(test.op)) {
      compare(test.left, test.op, test.right);
      compare(test.right, MIRRORED[test.op], test.left);
    } else if (test.kind === "call") {
      const { fn, args } = test;
      const [left, right] = args;
      if (left === undefined || right === undefined) return;
      if (fn.compares !== undefined) {
        compare(left, fn.compares, right);
        compare(right, MIRRORED[fn.compares], left);
      }
      if (fn.relates !== undefined) {
        relate(left, fn.relates, right);
        relate(right, MIRRORED[fn.relates], left);
      }
    }
  };
  for (const literal of body) if (literal.kind === "test") visit(literal.expr);
  return { ranges: [...ranges.values()], networks };
}

function isOrder(op: string): op is Order {
  return op === "<" || op === "<=" || op === ">" || op === ">=" || op === "==";
}

function hasCall(expr: CoreExpr): boolean {
  switch (expr.kind) {
    case "call":
      return true;
    case "list":
      return expr.items.some(hasCall);
    case "text":
      return expr.parts.some(hasCall);
    case "unary":
      return hasCall(expr.operand);
    case "binary":
      return hasCall(expr.left) || hasCall(expr.right);
    case "if":
      return hasCall(expr.condition) || hasCall(expr.whenTrue) || hasCall(expr.whenFalse);
    default:
      return false;
  }
}
