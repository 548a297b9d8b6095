/** Built-in functions over text, and conversions to and from it. */
import type { FunctionDef } from "../check/core.ts";
import { normalNumber } from "../integer.ts";
import { Scalar } from "../scalar.ts";
import { isList, isMap, kindName, textOf, type Value } from "../value.ts";
import { define } from "./define.ts";

/** Text and conversion functions. */
export const TEXT_FUNCTIONS: readonly FunctionDef[] = [
  define("len", ["v"], lengthOf),
  define("lower", ["s"], (s) => s.toLowerCase()),
  define("upper", ["s"], (s) => s.toUpperCase()),
  define("trim", ["s"], (s) => s.trim()),
  define("split", ["s", "s"], (s, separator) => s.split(separator)),
  define("join", ["l", "s"], (list, separator) => list.map(textOf).join(separator)),
  define("replace", ["s", "s", "s"], (s, from, to) => s.replaceAll(from, () => to)),
  define("starts_with", ["s", "s"], (s, start) => s.startsWith(start)),
  define("ends_with", ["s", "s"], (s, end) => s.endsWith(end)),
  define("contains", ["s", "s"], (s, part) => s.includes(part)),
  define("index_of", ["s", "s"], (s, part) => (s.includes(part) ? s.indexOf(part) : undefined)),
  define("substr", ["s", "n", "n?"], (s, from, length) => s.slice(from, length === undefined ? undefined : from + length)),
  define("pad_left", ["s", "n", "s"], (s, length, fill) => s.padStart(Math.min(length, 65_536), fill)),
  define("pad_right", ["s", "n", "s"], (s, length, fill) => s.padEnd(Math.min(length, 65_536), fill)),
  define("repeat", ["s", "n"], (s, n) => (n >= 0 && s.length * n <= 1_000_000 ? s.repeat(n) : undefined)),
  define("fixed", ["v", "n"], fixed),
  define("matches", ["s", "s"], (s, regex) => new RegExp(regex, "u").test(s)),
  define("capture", ["s", "s"], (s, regex) =>
    new RegExp(regex, "u")
      .exec(s)
      ?.slice(1)
      .map((group) => group ?? null),
  ),
  define("str", ["v"], textOf),
  define("int", ["v"], toInt),
  define("float", ["v"], toFloat),
  define("hex", ["i", "n?"], (n, digits = 0) => (n >= 0n ? n.toString(16).padStart(Math.min(digits, 64), "0") : undefined)),
  define("parse_int", ["s", "n"], parseInteger),
  define("type_of", ["v"], (v) => kindName(v)),
  define("is_null", ["v"], (v) => v === null),
  define("coalesce", ["v", "v"], (a, b) => a ?? b),
];

function fixed(value: Value, digits: number): string | undefined {
  if (digits < 0 || digits > 20) return undefined;
  if (typeof value === "bigint") return digits < 1 ? String(value) : `${value}.${"0".repeat(digits)}`;
  return typeof value === "number" ? value.toFixed(digits) : undefined;
}

function lengthOf(value: Value): number | undefined {
  if (typeof value === "string" || isList(value)) return value.length;
  if (value instanceof Scalar) return value.type === "bytes" ? value.text.length / 2 : undefined;
  return isMap(value) ? Object.keys(value).length : undefined;
}

/** Towards 0; none beyond 64 bits. */
function toInt(value: Value): Value | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return value;
  if (typeof value === "string" && /^\s*[+-]?\d{16,}\s*$/.test(value)) return whole(BigInt(value));
  const number = toFloat(value);
  return number === undefined ? undefined : whole(Math.trunc(number));
}

/** The whole number if it has at most 64 bits. */
function whole(value: number | bigint): number | bigint | undefined {
  const normal = normalNumber(value);
  return typeof normal === "bigint" || Number.isSafeInteger(normal) ? normal : undefined;
}

function toFloat(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Digits only; none beyond 64 bits. */
function parseInteger(text: string, base: number): number | bigint | undefined {
  if (!Number.isInteger(base) || base < 2 || base > 36) return undefined;
  const digits = base === 16 ? text.replace(/^0x/i, "") : text;
  const values = Array.from(digits, (digit) => (/^[0-9a-z]$/i.test(digit) ? Number.parseInt(digit, 36) : base));
  if (values.length === 0 || values.some((value) => value >= base)) return undefined;
  const number = values.reduce((total, value) => total * base + value, 0);
  if (Number.isSafeInteger(number)) return number;
  return number < 2 ** 64 ? whole(values.reduce((total, value) => total * BigInt(base) + BigInt(value), 0n)) : undefined;
}
