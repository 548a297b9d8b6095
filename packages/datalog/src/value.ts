/**
 * The values of the language: what they are, their one order, and how they print.
 *
 * Every value that can stand in a row is one of these; the order is total, so that `min`, `sort` and `collect` never
 * depend on the order in which rows arrived.
 */
import type { Json } from "@tenet/kit";
import { compareScalars, SCALAR_TYPES, Scalar } from "./scalar.ts";

/**
 * A value of the language: null, boolean, number, string, list, map, or one with a type of its own.
 *
 * Whole numbers are exact up to 64 bits: those beyond ±(2^53 - 1) are bigints, all others numbers.
 */
export type Value = null | boolean | number | bigint | string | readonly Value[] | Scalar | ValueMap;

/** A map with text keys, as json has it. Keys have no order of their own. */
export interface ValueMap {
  readonly [key: string]: Value;
}

/** One row of a relation, in column order. */
export type Tuple = readonly Value[];

/**
 * The total order of values: null, false, true, numbers, strings by code unit, lists element by element, bytes, MAC
 * addresses, addresses, prefixes, times, durations, maps (by their sorted entries).
 *
 * @returns negative, zero or positive
 */
export function compareValues(a: Value, b: Value): number {
  const kind = kindOf(a) - kindOf(b);
  if (kind !== 0) return kind;
  if (a === b) return 0;
  if (typeof a !== "object") return a < (b as typeof a) ? -1 : a > (b as typeof a) ? 1 : 0;
  if (isList(a) && isList(b)) return compareTuples(a, b);
  if (a instanceof Scalar && b instanceof Scalar) return compareScalars(a, b);
  return isMap(a) && isMap(b) ? compareTuples(entriesOf(a), entriesOf(b)) : 0;
}

/** The order of rows and of lists: that of the first values that differ. */
export function compareTuples(a: Tuple, b: Tuple): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [left, right] = [a[i] ?? null, b[i] ?? null];
    if (left === right) continue;
    const order = typeof left === "number" && typeof right === "number" ? left - right : compareValues(left, right);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Scalar);
}

/** The `[key, value]` pairs of a map in the order of the keys. */
export function entriesOf(map: ValueMap): (readonly [string, Value])[] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The value as it is written in a program: strings quoted, typed values as a call, e.g. `ip("10.0.0.1")`. */
export function formatValue(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (isList(value)) return `[${value.map(formatValue).join(", ")}]`;
  if (value instanceof Scalar) return `${value.type}("${value.text}")`;
  return `{${entriesOf(value as ValueMap)
    .map(([key, item]) => `${JSON.stringify(key)}: ${formatValue(item)}`)
    .join(", ")}}`;
}

/** The value as `${…}` and `str` give it: strings and typed values bare, everything else as written. */
export function textOf(value: Value): string {
  if (typeof value === "string") return value;
  return value instanceof Scalar ? value.text : formatValue(value);
}

/** The value as JSON: typed values and whole numbers beyond ±(2^53 - 1), which JSON readers would round, as text. */
export function jsonOf(value: Value): Json {
  if (typeof value === "bigint" || value instanceof Scalar) return textOf(value);
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map(jsonOf);
  return Object.fromEntries(entriesOf(value as ValueMap).map(([key, item]) => [key, jsonOf(item)]));
}

/** A row as it is written in a program, e.g. `link("a", 1)`; `undefined` prints as `_`. */
export function formatAtom(relation: string, pattern: readonly (Value | undefined)[]): string {
  return `${relation}(${pattern.map((value) => (value === undefined ? "_" : formatValue(value))).join(", ")})`;
}

const FIRST_SCALAR = 5;
const SCALAR_KINDS = new Map(SCALAR_TYPES.map((type, i) => [type, FIRST_SCALAR + i]));
const MAP_KIND = FIRST_SCALAR + SCALAR_TYPES.length;
const KIND_NAMES = ["null", "bool", "number", "string", "list", ...SCALAR_TYPES, "map"];

/** 0 null, 1 boolean, 2 number, 3 string, 4 list, then the typed values, then maps: the first key of the order. */
export function kindOf(value: Value): number {
  switch (typeof value) {
    case "boolean":
      return 1;
    case "number":
    case "bigint":
      return 2;
    case "string":
      return 3;
    default:
      if (value === null) return 0;
      if (Array.isArray(value)) return 4;
      return value instanceof Scalar ? (SCALAR_KINDS.get(value.type) ?? MAP_KIND) : MAP_KIND;
  }
}

/** The name of a value's kind, as `type_of` gives it. */
export function kindName(value: Value): string {
  return KIND_NAMES[kindOf(value)] ?? "map";
}
