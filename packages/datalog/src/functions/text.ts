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
  define("fixed", ["n", "n"], (n, digits) => (digits >= 0 && digits <= 20 ? n.toFixed(digits) : undefined)),
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
  define("hex", ["n", "n?"], (n, digits = 0) =>
    Number.isInteger(n) && n >= 0 ? n.toString(16).padStart(Math.min(digits, 64), "0") : undefined,
  ),
  define("parse_int", ["s", "n"], parseInteger),
  define("type_of", ["v"], (v) => kindName(v)),
  define("is_null", ["v"], (v) => v === null),
  define("coalesce", ["v", "v"], (a, b) => a ?? b),
];

function lengthOf(value: Value): number | undefined {
  if (typeof value === "string" || isList(value)) return value.length;
  if (value instanceof Scalar) return value.type === "bytes" ? value.text.length / 2 : undefined;
  return isMap(value) ? Object.keys(value).length : undefined;
}

function toInt(value: Value): Value | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return value;
  if (typeof value === "string" && /^\s*[+-]?\d{16,}\s*$/.test(value)) return normalNumber(BigInt(value));
  const number = toFloat(value);
  return number === undefined ? undefined : Math.trunc(number);
}

function toFloat(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function parseInteger(text: string, base: number): number | undefined {
  if (!Number.isInteger(base) || base < 2 || base > 36) return undefined;
  const digits = base === 16 ? text.replace(/^0x/i, "") : text;
  const number = Number.parseInt(digits, base);
  return /^[0-9a-z]+$/i.test(digits) && digits.toLowerCase() === number.toString(base).padStart(digits.length, "0")
    ? number
    : undefined;
}
