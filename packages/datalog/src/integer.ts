/**
 * Whole numbers, exact to 64 bits.
 *
 * What: a whole number within ±(2^53 - 1) is a number, one beyond that and within 64 bits a bigint, and nothing is both. So hot
 * paths keep plain numbers, and a counter that outgrows them stays exact. A number that is not whole, or beyond 64 bits, is a float.
 */

const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;
/** 2^63: from here on a number is a float. */
const FLOAT_FROM = 2 ** 63;

/** The one form of a number: floats that are whole and within 64 bits are integers; `undefined` for NaN and infinities. */
export function normalNumber(value: number | bigint): number | bigint | undefined {
  if (typeof value === "bigint") {
    if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    return value >= MIN_INT && value <= MAX_INT ? value : normalNumber(Number(value));
  }
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  if (!Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && value >= -FLOAT_FROM && value < FLOAT_FROM ? BigInt(value) : value;
}

/** `+ - * / %` of two numbers, exact for whole ones to 64 bits; a whole result beyond that becomes a float. */
export function calculate(op: "+" | "-" | "*" | "/" | "%", a: number | bigint, b: number | bigint): number | bigint | undefined {
  if (typeof a === "number" && typeof b === "number") {
    const result = onNumbers(op, a, b);
    if (Number.isSafeInteger(result) || !isWhole(a) || !isWhole(b) || op === "/") return normalNumber(result);
  }
  if (!isWhole(a) || !isWhole(b)) return normalNumber(onNumbers(op, Number(a), Number(b)));
  const [x, y] = [BigInt(a), BigInt(b)];
  if (op === "/") return y !== 0n && x % y === 0n ? normalNumber(x / y) : normalNumber(Number(a) / Number(b));
  if (op === "%") return y === 0n ? undefined : normalNumber(x % y);
  return normalNumber(op === "+" ? x + y : op === "-" ? x - y : x * y);
}

function onNumbers(op: string, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    default:
      return a % b;
  }
}

function isWhole(value: number | bigint): boolean {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
