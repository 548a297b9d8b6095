/** Built-in functions over numbers; bit functions are exact for whole numbers from 0 to 2^53. */
import type { FunctionDef } from "../check/core.ts";
import { calculate } from "../integer.ts";
import { negative, operate } from "../operate.ts";
import { compareValues, type Value } from "../value.ts";
import { define } from "./define.ts";

/** Number functions. */
export const NUMBER_FUNCTIONS: readonly FunctionDef[] = [
  define("abs", ["v"], (v) => (compareValues(v, 0) < 0 ? negative(v) : isNumber(v) ? v : undefined)),
  define("floor", ["v"], (v) => rounded(v, Math.floor)),
  define("ceil", ["v"], (v) => rounded(v, Math.ceil)),
  define("round", ["v"], (v) => rounded(v, Math.round)),
  define("min", ["v", "v"], (a, b) => (compareValues(a, b) <= 0 ? a : b)),
  define("max", ["v", "v"], (a, b) => (compareValues(a, b) >= 0 ? a : b)),
  define("div", ["v", "v"], divided),
  define("pow", ["v", "v"], power),
  define("bit_and", ["i", "i"], (a, b) => word(a, b, a & b)),
  define("bit_or", ["i", "i"], (a, b) => word(a, b, a | b)),
  define("bit_xor", ["i", "i"], (a, b) => word(a, b, a ^ b)),
  define("shl", ["i", "i"], (a, n) => (n < 64n ? word(a, n, a << n) : undefined)),
  define("shr", ["i", "i"], (a, n) => (n < 64n ? word(a, n, a >> n) : word(a, n, 0n))),
];

function isNumber(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function rounded(value: Value, round: (n: number) => number): Value | undefined {
  return typeof value === "number" ? round(value) : typeof value === "bigint" ? value : undefined;
}

/** Rounded down, exact for whole numbers. */
function divided(a: Value, b: Value): Value | undefined {
  if (!isNumber(a) || !isNumber(b)) return undefined;
  if (typeof a === "number" && typeof b === "number" && !(Number.isInteger(a) && Number.isInteger(b)))
    return finite(Math.floor(a / b));
  const [rest, whole] = [calculate("%", a, b), operate("-", a, calculate("%", a, b) ?? 0)];
  if (rest === undefined || whole === undefined) return undefined;
  const isOver = compareValues(rest, 0) !== 0 && compareValues(rest, 0) < 0 !== compareValues(b, 0) < 0;
  const quotient = operate("/", whole, b);
  return quotient === undefined || !isOver ? quotient : operate("-", quotient, 1);
}

/** Exact for whole numbers to 64 bits. */
function power(a: Value, b: Value): Value | undefined {
  if (!isNumber(a) || !isNumber(b)) return undefined;
  const result = Number(a) ** Number(b);
  const isExact = Number.isSafeInteger(result) || Math.abs(result) > 2 ** 64 || !isWhole(a) || !isWhole(b) || b < 0;
  return isExact ? finite(result) : BigInt(a) ** BigInt(b);
}

function isWhole(value: number | bigint): boolean {
  return typeof value === "bigint" || Number.isInteger(value);
}

function finite(n: number): number | undefined {
  return Number.isFinite(n) ? n : undefined;
}

/** The result if nothing is negative and it fits into 63 bits. */
function word(a: bigint, b: bigint, result: bigint): bigint | undefined {
  return a >= 0n && b >= 0n && result < 2n ** 63n ? result : undefined;
}
