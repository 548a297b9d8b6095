/**
 * The values of the language: what they are, their one order, and how they print.
 *
 * Every value that can stand in a row is one of these; the order is total, so that `min`, `sort` and `collect` never
 * depend on the order in which rows arrived.
 */

/** A value of the language: null, boolean, number (integers and floats are one type), string or list. */
export type Value = null | boolean | number | string | readonly Value[];

/** One row of a relation, in column order. */
export type Tuple = readonly Value[];

/**
 * The total order of values: null, false, true, numbers, strings by code unit, lists element by element.
 *
 * @returns negative, zero or positive
 */
export function compareValues(a: Value, b: Value): number {
  const kind = kindOf(a) - kindOf(b);
  if (kind !== 0) return kind;
  if (Array.isArray(a) && Array.isArray(b)) return compareLists(a, b);
  if (a === b) return 0;
  return (a as string | number) < (b as string | number) ? -1 : 1;
}

/** Compares two rows column by column. */
function compareLists(a: readonly Value[], b: readonly Value[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = compareValues(a[i] ?? null, b[i] ?? null);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** The value as it is written in a program: strings quoted. */
export function formatValue(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(formatValue).join(", ")}]`;
  return String(value);
}

/** The value as `${…}` and `str` give it: strings bare, everything else as written. */
export function textOf(value: Value): string {
  return typeof value === "string" ? value : formatValue(value);
}

/** A row as it is written in a program, e.g. `link("a", 1)`; `undefined` prints as `_`. */
export function formatAtom(relation: string, pattern: readonly (Value | undefined)[]): string {
  return `${relation}(${pattern.map((value) => (value === undefined ? "_" : formatValue(value))).join(", ")})`;
}

/** 0 null, 1 boolean, 2 number, 3 string, 4 list: the first key of the order. */
export function kindOf(value: Value): number {
  if (value === null) return 0;
  switch (typeof value) {
    case "boolean":
      return 1;
    case "number":
      return 2;
    case "string":
      return 3;
    default:
      return 4;
  }
}
