/**
 * Sums that are exact, so that they depend on what is in them and not on what came and went.
 *
 * What: a sum of safe integers is a number as long as it is one itself; any other is a whole number of 2^-shift, as a bigint. Every
 * float is such a multiple, so nothing is ever rounded but the result, once. Why: adding floats rounds each time, and taking one
 * away again does not undo that. Limits: numbers far apart in size make long bigints, of 2,100 bits at most.
 */
import { normalNumber } from "../../../integer.ts";

/** `units` times 2^-`shift`. */
interface Multiple {
  readonly units: bigint;
  readonly shift: number;
}

/** A sum; immutable. */
export type ExactSum = number | Multiple;

/** Bits that a number is rounded from: more than twice what a float holds. */
const ROUND_FROM = 128;
/** Fractions are multiplied by so many bits at a time until they are whole. */
const STEP = 32;

/** The sum with a number added once (`1`) or taken away (`-1`). */
export function addTo(sum: ExactSum, value: number | bigint, weight: 1 | -1): ExactSum {
  if (typeof sum === "number" && typeof value === "number" && Number.isSafeInteger(value)) {
    const next = sum + weight * value;
    if (Number.isSafeInteger(next)) return next;
  }
  const [a, b] = [multipleOf(sum), multipleOf(value)];
  const shift = Math.max(a.shift, b.shift);
  const units = (a.units << BigInt(shift - a.shift)) + BigInt(weight) * (b.units << BigInt(shift - b.shift));
  if (BigInt.asUintN(shift, units) !== 0n) return { units, shift };
  const whole = units >> BigInt(shift);
  const small = Number(whole);
  return Number.isSafeInteger(small) ? small : { units: whole, shift: 0 };
}

/** The number next to the sum: whole ones of up to 64 bits exactly; the largest float for what is beyond it. */
export function nearest(sum: ExactSum): number | bigint {
  if (typeof sum === "number") return sum;
  const { units, shift } = sum;
  const largest = units < 0n ? -Number.MAX_VALUE : Number.MAX_VALUE;
  return normalNumber(shift === 0 ? units : quotient(units, shift)) ?? largest;
}

/** units / 2^shift, rounded once. */
function quotient(units: bigint, shift: number): number {
  const magnitude = units < 0n ? -units : units;
  const excess = BigInt(Math.max(0, magnitude.toString(16).length * 4 - ROUND_FROM));
  // What is cut off leaves a trace in the last bit, so that a half is told from what is just above it.
  const rest = BigInt.asUintN(Number(excess), magnitude) === 0n ? 0n : 1n;
  const rounded = Number((magnitude >> excess) | rest);
  const exponent = Number(excess) - shift;
  // In two steps: 2^exponent alone may be too small for a float.
  const half = exponent >> 1;
  return (units < 0n ? -rounded : rounded) * 2 ** half * 2 ** (exponent - half);
}

function multipleOf(value: ExactSum | bigint): Multiple {
  if (typeof value === "bigint") return { units: value, shift: 0 };
  if (typeof value !== "number") return value;
  let [units, shift] = [value, 0];
  for (; !Number.isInteger(units); shift += STEP) units *= 2 ** STEP;
  return { units: BigInt(units), shift };
}
