/**
 * Atoms: the five scalar types of OVSDB, their order, their defaults and their text.
 *
 * An atom lives in memory as a plain JavaScript value; a uuid is its 36-character lower-case text.
 * Integers have 64 bits: within ±(2^53-1) they are numbers, beyond bigints, so equal ones are always `===`.
 *
 * @see RFC 7047, sections 3.1 and 5.1
 */

/** A scalar value: integer and real are `number` (`bigint` for integers beyond ±(2^53-1)), string and uuid are `string`. */
export type Atom = boolean | number | bigint | string;

/** The names of the scalar types, as the schema writes them. */
export type AtomicType = "integer" | "real" | "boolean" | "string" | "uuid";

/** All atomic types. */
export const ATOMIC_TYPES: readonly AtomicType[] = ["integer", "real", "boolean", "string", "uuid"];

/** The uuid that stands for "none": the default of a uuid column. */
export const ZERO_UUID = "00000000-0000-0000-0000-000000000000";

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const REAL_DIGITS = 15;
const BARE_WORD = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** Whether `text` has the form of a uuid (either case). */
export function isUuid(text: string): boolean {
  return text.length === 36 && UUID.test(text);
}

/** The value a column of this type has when nobody gave one. */
export function defaultAtom(type: AtomicType): Atom {
  switch (type) {
    case "integer":
    case "real":
      return 0;
    case "boolean":
      return false;
    case "string":
      return "";
    case "uuid":
      return ZERO_UUID;
  }
}

/**
 * Orders two atoms of the same type: numbers by value, false before true, strings by code point.
 *
 * @returns negative, zero or positive
 */
export function compareAtoms(a: Atom, b: Atom): number {
  if (a === b) return 0;
  if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
  return a < b ? -1 : 1;
}

/** Orders strings as their UTF-8 bytes would be, which differs from UTF-16 order beyond U+D7FF. */
function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    return x >= 0xd800 && y >= 0xd800 ? surrogatesLast(x) - surrogatesLast(y) : x - y;
  }
  return a.length - b.length;
}

function surrogatesLast(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** An atom as messages and error details show it: strings are quoted only when they need it, reals are rounded. */
export function formatAtom(atom: Atom, type: AtomicType): string {
  if (type === "real" && typeof atom === "number") return formatReal(atom);
  if (type === "string" && typeof atom === "string") return needsQuotes(atom) ? JSON.stringify(atom) : atom;
  return String(atom);
}

/** Messages tell 15 digits, with an exponent of two where there is one; values themselves keep all they have. */
function formatReal(value: number): string {
  const [mantissa = "", power = "0"] = value.toExponential(REAL_DIGITS - 1).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < REAL_DIGITS) return String(Number(value.toPrecision(REAL_DIGITS)));
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${Number(mantissa)}e${exponent < 0 ? "-" : "+"}${digits}`;
}

function needsQuotes(text: string): boolean {
  return !BARE_WORD.test(text) || text === "true" || text === "false" || isUuid(text);
}
