/**
 * Compiles expressions to closures over a rule's registers.
 *
 * A register holds the id of a variable's value. A closure gives an id, or {@link NONE} when the expression has no value; ids are
 * compared without looking at values wherever equality is all that counts.
 */
import type { CoreExpr, FunctionDef, RuleOrigin } from "../../check/core.ts";
import { isCostly } from "../../functions/built-in.ts";
import type { BinaryOp } from "../../language/ast.ts";
import { negative, operate } from "../../operate.ts";
import { textOf, type Value } from "../../value.ts";
import { DivergenceError, FunctionError } from "../errors.ts";
import { type Interner, NONE } from "../rows/interner.ts";

/** Computes the id of an expression's value. */
export type IdOf = () => number;

/** What expressions of one engine share. */
export interface ExpressionContext {
  readonly interner: Interner;
  /** Results of functions by the ids of their arguments; only for costly functions. */
  readonly results: Map<FunctionDef, Map<number | string, number>>;
  /** Elements of set functions by the ids of their arguments. */
  readonly sets: Map<FunctionDef, Map<number | string, readonly number[]>>;
  /** Counts an element that a set function gave; throws when a transaction made too many. */
  spend(origin: RuleOrigin, relation: string): void;
}

/** The registers and the rule that expressions are compiled for. The rule may move in its file: where it stands is read when told. */
export interface ExpressionFrame {
  readonly registers: Int32Array;
  readonly rule: { readonly origin: RuleOrigin; readonly relation: string };
}

const MAX_CACHED = 100_000;
const FALSE = 2;
const TRUE = 4;

/** Compiles an expression whose variables are all bound when it runs. */
export function compileExpr(expr: CoreExpr, frame: ExpressionFrame, context: ExpressionContext): IdOf {
  const { interner } = context;
  const { registers } = frame;
  const go = (inner: CoreExpr): IdOf => compileExpr(inner, frame, context);
  switch (expr.kind) {
    case "const": {
      const id = interner.idOf(expr.value);
      return () => id;
    }
    case "var": {
      const { slot } = expr;
      return () => registers[slot] as number;
    }
    case "any":
      return () => NONE;
    case "list": {
      const items = expr.items.map(go);
      return () => {
        const ids = evaluateAll(items);
        return ids === undefined ? NONE : interner.idOf(ids.map((id) => interner.valueOf(id)));
      };
    }
    case "text": {
      const parts = expr.parts.map(go);
      return () => {
        let text = "";
        for (const part of parts) {
          const id = part();
          if (id === NONE) return NONE;
          text += textOf(interner.valueOf(id));
        }
        return interner.idOf(text);
      };
    }
    case "unary": {
      const operand = go(expr.operand);
      if (expr.op === "!") return () => negate(operand());
      return () => {
        const value = valueOrNone(operand(), interner);
        const result = value === undefined ? undefined : negative(value);
        return result === undefined ? NONE : interner.idOf(result);
      };
    }
    case "binary":
      return compileBinary(expr.op, go(expr.left), go(expr.right), interner);
    case "if": {
      const [condition, whenTrue, whenFalse] = [go(expr.condition), go(expr.whenTrue), go(expr.whenFalse)];
      return () => {
        const id = condition();
        return id === TRUE ? whenTrue() : id === FALSE ? whenFalse() : NONE;
      };
    }
    case "call":
      return compileCall(expr.fn, expr.args.map(go), frame, context);
  }
}

/** Compiles the right side of `in`: the ids of the distinct elements. */
export function compileSet(expr: CoreExpr, frame: ExpressionFrame, context: ExpressionContext): () => readonly number[] {
  const { interner } = context;
  if (expr.kind !== "call" || expr.fn.isSet !== true) {
    const list = compileExpr(expr, frame, context);
    return () => {
      const value = valueOrNone(list(), interner);
      return Array.isArray(value) ? distinctIds(value, interner) : [];
    };
  }
  const { fn } = expr;
  const args = expr.args.map((arg) => compileExpr(arg, frame, context));
  const cache = cacheOf(context.sets, fn);
  return () => {
    const ids = evaluateAll(args);
    if (ids === undefined) return [];
    const key = ids.length === 1 ? (ids[0] as number) : ids.join();
    const known = cache.get(key);
    if (known !== undefined) return known;
    const elements = call(fn, ids, frame, interner, (result) => collectElements(result, frame, context));
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(key, elements);
    return elements;
  };
}

function collectElements(
  result: Value | undefined | Iterable<Value>,
  frame: ExpressionFrame,
  context: ExpressionContext,
): number[] {
  if (result === undefined) return [];
  if (result === null || typeof result !== "object") return [context.interner.idOf(result)];
  const ids = new Set<number>();
  for (const element of result as Iterable<Value>) {
    context.spend(frame.rule.origin, frame.rule.relation);
    ids.add(context.interner.idOf(element));
  }
  return [...ids];
}

function distinctIds(values: readonly Value[], interner: Interner): number[] {
  const ids = values.map((value) => interner.idOf(value));
  return ids.length < 2 ? ids : [...new Set(ids)];
}

function compileCall(fn: FunctionDef, args: readonly IdOf[], frame: ExpressionFrame, context: ExpressionContext): IdOf {
  const { interner } = context;
  const toId = (result: Value | undefined | Iterable<Value>): number => {
    if (result === undefined || (typeof result === "number" && !Number.isFinite(result))) return NONE;
    return interner.idOf(result as Value);
  };
  if (!isCostly(fn)) {
    return () => {
      const ids = evaluateAll(args);
      return ids === undefined ? NONE : call(fn, ids, frame, interner, toId);
    };
  }
  const cache = cacheOf(context.results, fn);
  return () => {
    const ids = evaluateAll(args);
    if (ids === undefined) return NONE;
    const key = ids.length === 1 ? (ids[0] as number) : ids.join();
    const known = cache.get(key);
    if (known !== undefined) return known;
    const id = call(fn, ids, frame, interner, toId);
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(key, id);
    return id;
  };
}

function call<R>(
  fn: FunctionDef,
  ids: readonly number[],
  frame: ExpressionFrame,
  interner: Interner,
  use: (result: Value | undefined | Iterable<Value>) => R,
): R {
  const values = ids.map((id) => interner.valueOf(id));
  try {
    return use(fn.call(...values));
  } catch (error) {
    if (error instanceof DivergenceError) throw error;
    throw new FunctionError(fn.name, values, frame.rule.origin, error);
  }
}

function cacheOf<V>(caches: Map<FunctionDef, Map<number | string, V>>, fn: FunctionDef): Map<number | string, V> {
  const known = caches.get(fn);
  if (known !== undefined) return known;
  const cache = new Map<number | string, V>();
  caches.set(fn, cache);
  return cache;
}

function compileBinary(op: BinaryOp, left: IdOf, right: IdOf, interner: Interner): IdOf {
  switch (op) {
    case "==":
      return () => whenBoth(left(), right(), (a, b) => a === b);
    case "!=":
      return () => whenBoth(left(), right(), (a, b) => a !== b);
    case "&&":
      return () => {
        const id = left();
        return id === TRUE ? asBoolean(right()) : asBoolean(id);
      };
    case "||":
      return () => {
        const id = left();
        return id === FALSE ? asBoolean(right()) : asBoolean(id);
      };
    case "in":
    case "not in":
      return () => {
        const a = left();
        const list = valueOrNone(right(), interner);
        if (a === NONE || !Array.isArray(list)) return NONE;
        const isIn = list.some((item: Value) => interner.idOf(item) === a);
        return isIn === (op === "in") ? TRUE : FALSE;
      };
    default:
      return () => {
        const a = left();
        const b = right();
        if (a === NONE || b === NONE) return NONE;
        const value = operate(op, interner.valueOf(a), interner.valueOf(b));
        return value === undefined ? NONE : interner.idOf(value);
      };
  }
}

function whenBoth(a: number, b: number, test: (a: number, b: number) => boolean): number {
  if (a === NONE || b === NONE) return NONE;
  return test(a, b) ? TRUE : FALSE;
}

function asBoolean(id: number): number {
  return id === TRUE || id === FALSE ? id : NONE;
}

function negate(id: number): number {
  return id === TRUE ? FALSE : id === FALSE ? TRUE : NONE;
}

function valueOrNone(id: number, interner: Interner): Value | undefined {
  return id === NONE ? undefined : interner.valueOf(id);
}

function evaluateAll(args: readonly IdOf[]): number[] | undefined {
  const ids: number[] = [];
  for (const arg of args) {
    const id = arg();
    if (id === NONE) return undefined;
    ids.push(id);
  }
  return ids;
}
