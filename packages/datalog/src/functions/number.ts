/** Built-in functions over numbers; bit functions are exact for whole numbers from 0 to 2^53. */
import type { FunctionDef } from "../check/core.ts";
import { compareValues } from "../value.ts";
import { define } from "./define.ts";

/** Number functions. */
export const NUMBER_FUNCTIONS: readonly FunctionDef[] = [
  define("abs", ["n"], Math.abs),
  define("floor", ["n"], Math.floor),
  define("ceil", ["n"], Math.ceil),
  define("round", ["n"], Math.round),
  define("min", ["v", "v"], (a, b) => (compareValues(a, b) <= 0 ? a : b)),
  define("max", ["v", "v"], (a, b) => (compareValues(a, b) >= 0 ? a : b)),
  define("div", ["n", "n"], (a, b) => finite(Math.floor(a / b))),
  define("pow", ["n", "n"], (a, b) => finite(a ** b)),
  define("bit_and", ["n", "n"], (a, b) => bits(a, b, (x, y) => x & y)),
  define("bit_or", ["n", "n"], (a, b) => bits(a, b, (x, y) => x | y)),
  define("bit_xor", ["n", "n"], (a, b) => bits(a, b, (x, y) => x ^ y)),
  define("shl", ["n", "n"], (a, n) => whole(a * 2 ** n)),
  define("shr", ["n", "n"], (a, n) => (isWhole(a) && isWhole(n) ? Math.floor(a / 2 ** n) : undefined)),
];

function finite(n: number): number | undefined {
  return Number.isFinite(n) ? n : undefined;
}

function isWhole(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

function whole(n: number): number | undefined {
  return isWhole(n) ? n : undefined;
}

function bits(a: number, b: number, op: (x: bigint, y: bigint) => bigint): number | undefined {
  return isWhole(a) && isWhole(b) ? Number(op(BigInt(a), BigInt(b))) : undefined;
}
