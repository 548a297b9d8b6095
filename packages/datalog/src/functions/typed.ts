/** Built-in functions that make typed values and take them apart. */
import type { FunctionDef } from "../check/core.ts";
import { durationOf, SCALAR_TYPES, Scalar, type ScalarType, scalar, timeOf } from "../scalar.ts";
import type { Value } from "../value.ts";
import { define } from "./define.ts";

/** Constructors from text (a value of the type stays as it is), and conversions. */
export const TYPED_FUNCTIONS: readonly FunctionDef[] = [
  ...SCALAR_TYPES.map((type) => define(type, ["v"], (v) => toScalar(type, v))),
  define("seconds", ["v"], (v) => (v instanceof Scalar && isClock(v) ? Number(v.order) / 1_000_000 : undefined)),
  define("time_of", ["n"], (seconds) => timeOf(Math.round(seconds * 1_000_000))),
  define("duration_of", ["n"], (seconds) => durationOf(seconds * 1_000_000)),
  define("time_floor", ["v", "v"], floorTime),
  define("bytes_of", ["s"], (s) => scalar("bytes", Buffer.from(s, "utf8").toString("hex"))),
  define("text_of", ["v"], (v) => (v instanceof Scalar && v.type === "bytes" ? decode(v.text) : undefined)),
  define("ip_version", ["v"], (v) => (v instanceof Scalar && v.type === "ip" ? (v.text.includes(":") ? 6 : 4) : undefined)),
];

/** True for functions that only read a literal: their calls on constants are computed, and refused, when a program is compiled. */
export function isConstructor(name: string): boolean {
  return (SCALAR_TYPES as readonly string[]).includes(name) || name === "json";
}

function toScalar(type: ScalarType, value: Value): Value | undefined {
  if (value instanceof Scalar) return value.type === type ? value : undefined;
  return typeof value === "string" ? scalar(type, value) : undefined;
}

function isClock({ type }: Scalar): boolean {
  return type === "time" || type === "duration";
}

/** The moment at which the span of this length began that holds the moment, counted from 1970. */
function floorTime(time: Value, span: Value): Value | undefined {
  if (!(time instanceof Scalar && time.type === "time" && span instanceof Scalar && span.type === "duration")) return undefined;
  const [at, length] = [Number(time.order), Number(span.order)];
  return length > 0 ? timeOf(Math.floor(at / length) * length) : undefined;
}

function decode(hex: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(hex, "hex"));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
