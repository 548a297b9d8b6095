/**
 * JSON whose whole numbers are exact to 64 bits, as integers of OVSDB are.
 *
 * A number of JavaScript is exact to 2^53. A whole number beyond that is a `bigint` in what {@link parseExact} gives, and
 * {@link stringifyExact} writes it as the number that it is. The type `Json` does not tell of it, because only who reads an
 * integer column meets it; {@link isBig} asks. Text without a run of 16 digits, which is nearly all, is parsed as ever: one
 * character in 16 is looked at, as a run of 16 has one of these.
 */
import type { Json } from "@tenet/kit";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const RUN = 16;
const [ZERO, NINE, QUOTE, BACKSLASH] = [0x30, 0x39, 0x22, 0x5c];
/** Begins the string that stands for a whole number; no string of a peer may hold that character. */
const MARK = "\0";

/** Parses JSON; whole numbers beyond ±(2^53-1) that 64 bits hold become bigints. @throws SyntaxError */
export function parseExact(text: string): Json {
  if (!mayHaveRun(text)) return JSON.parse(text) as Json;
  const quoted = quoteBigIntegers(text);
  if (quoted === text) return JSON.parse(text) as Json;
  return JSON.parse(quoted, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(1)) : value,
  ) as Json;
}

/** Writes JSON that may hold bigints, in lines that are indented by so many spaces if that is asked. */
export function stringifyExact(json: Json, indent?: number): string {
  try {
    return JSON.stringify(json, undefined, indent);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const marked = JSON.stringify(json, (_, value: unknown) => (typeof value === "bigint" ? `${MARK}${value}` : value), indent);
    return marked.replaceAll(/"\\u0000(-?\d+)"/g, "$1");
  }
}

/** Whether a value from {@link parseExact} is a whole number beyond ±(2^53-1). */
export function isBig(json: unknown): json is bigint {
  return typeof json === "bigint";
}

/**
 * A whole number as its atom, if 64 bits hold it: a number as long as that is exact.
 *
 * A number of -2^63 is none: exact text of it is a bigint, so it was less before it was rounded.
 */
export function toInteger(value: number | bigint): number | bigint | undefined {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? BigInt(value) : undefined;
  }
  if (value < INT64_MIN || value > INT64_MAX) return undefined;
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function mayHaveRun(text: string): boolean {
  for (let i = RUN - 1; i < text.length; i += RUN) {
    if (isDigit(text.charCodeAt(i)) && isInRun(text, i)) return true;
  }
  return false;
}

/** Whether the digit at `at` is one of 16 in a row. */
function isInRun(text: string, at: number): boolean {
  let start = at;
  while (start > 0 && at - start < RUN && isDigit(text.charCodeAt(start - 1))) start--;
  let end = at + 1;
  while (end < text.length && end - start < RUN && isDigit(text.charCodeAt(end))) end++;
  return end - start >= RUN;
}

/** Puts whole numbers that a `number` cannot hold into strings; what stands in strings stays as it is. */
function quoteBigIntegers(text: string): string {
  const parts: string[] = [];
  let copied = 0;
  for (let i = 0; i < text.length; ) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (!isDigit(code)) i++;
    else {
      const end = endOfNumber(text, i);
      const start = text[i - 1] === "-" ? i - 1 : i;
      const big = end - i >= RUN ? bigIntegerOf(text.slice(start, end)) : undefined;
      if (big !== undefined) {
        parts.push(text.slice(copied, start), `"\\u0000${big}"`);
        copied = end;
      }
      i = end;
    }
  }
  return parts.length === 0 ? text : `${parts.join("")}${text.slice(copied)}`;
}

/** The whole number that a token of JSON stands for, also with a point or exponent, if a `number` cannot hold it. */
function bigIntegerOf(token: string): bigint | undefined {
  const [, digits, fraction = "", power = "0"] = /^(-?[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,2}))?$/.exec(token) ?? [];
  if (digits === undefined) return undefined;
  const nZeros = Number(power) - fraction.length;
  const all = `${digits}${fraction}${"0".repeat(Math.max(0, nZeros))}`;
  const whole = nZeros < 0 ? all.slice(0, nZeros) : all;
  if (nZeros < 0 && !/^0+$/.test(all.slice(nZeros))) return undefined;
  const integer = /\d/.test(whole) ? toInteger(BigInt(whole)) : undefined;
  return typeof integer === "bigint" ? integer : undefined;
}

/** @returns the offset behind the string of JSON that begins at `start` */
export function endOfString(text: string, start: number): number {
  for (let at = start; ; ) {
    at = text.indexOf('"', at + 1);
    if (at < 0) return text.length;
    let nEscapes = 0;
    while (text.charCodeAt(at - 1 - nEscapes) === BACKSLASH) nEscapes++;
    if (nEscapes % 2 === 0) return at + 1;
  }
}

/** @returns the offset behind the digits, point and exponent from `start` on */
function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && /[\d.eE+-]/.test(text.charAt(end))) end++;
  return end;
}
