/** The infix operators over values: arithmetic and order; `undefined` where the kinds do not fit or there is no result. */
import { calculate } from "./integer.ts";
import type { BinaryOp } from "./language/ast.ts";
import { durationOf, Scalar, timeOf } from "./scalar.ts";
import { compareValues, isList, kindOf, type Value } from "./value.ts";

/** `a op b` for `+ - * / % < <= > >=`. */
export function operate(op: BinaryOp, a: Value, b: Value): Value | undefined {
  switch (op) {
    case "<":
      return kindOf(a) === kindOf(b) ? compareValues(a, b) < 0 : undefined;
    case "<=":
      return kindOf(a) === kindOf(b) ? compareValues(a, b) <= 0 : undefined;
    case ">":
      return kindOf(a) === kindOf(b) ? compareValues(a, b) > 0 : undefined;
    case ">=":
      return kindOf(a) === kindOf(b) ? compareValues(a, b) >= 0 : undefined;
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
      if (isNumber(a) && isNumber(b)) return calculate(op, a, b);
      if (a instanceof Scalar || b instanceof Scalar) return onScalars(op, a, b);
      return op === "+" ? joined(a, b) : undefined;
    default:
      return undefined;
  }
}

/** `-a` of a number or duration. */
export function negative(a: Value): Value | undefined {
  if (isNumber(a)) return calculate("-", 0, a);
  return a instanceof Scalar && a.type === "duration" ? durationOf(-Number(a.order)) : undefined;
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function joined(a: Value, b: Value): Value | undefined {
  if (typeof a === "string" && typeof b === "string") return a + b;
  return isList(a) && isList(b) ? [...a, ...b] : undefined;
}

/** Moments and spans: `time ± duration`, `time - time`, `duration ± duration`, `duration * number`, `duration / number or duration`. */
function onScalars(op: "+" | "-" | "*" | "/" | "%", a: Value, b: Value): Value | undefined {
  const [first, second] = [clock(a), clock(b)];
  if (first === undefined || second === undefined) return undefined;
  const form = `${first.type} ${op} ${second.type}`;
  switch (form) {
    case "time + duration":
    case "time - duration":
      return timeOf(calculate(op === "+" ? "+" : "-", first.n, second.n));
    case "duration + time":
      return timeOf(calculate("+", first.n, second.n));
    case "time - time":
      return durationOf(Number(calculate("-", first.n, second.n)));
    case "duration + duration":
    case "duration - duration":
      return durationOf(Number(calculate(op === "+" ? "+" : "-", first.n, second.n)));
    case "duration * number":
    case "number * duration":
      return durationOf(Number(first.n) * Number(second.n));
    case "duration / number":
      return durationOf(Number(first.n) / Number(second.n));
    case "duration / duration":
      return calculate("/", first.n, second.n);
    case "duration % duration":
      return durationOf(Number(first.n) % Number(second.n));
    default:
      return undefined;
  }
}

function clock(value: Value): { type: "time" | "duration" | "number"; n: number | bigint } | undefined {
  if (typeof value === "number") return { type: "number", n: value };
  if (!(value instanceof Scalar) || (value.type !== "time" && value.type !== "duration")) return undefined;
  return { type: value.type, n: value.order as number | bigint };
}
