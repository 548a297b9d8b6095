/** Built-in functions over lists. */
import type { FunctionDef } from "../check/core.ts";
import { calculate } from "../integer.ts";
import { compareValues, isList, type Value } from "../value.ts";
import { define } from "./define.ts";

/** The most elements `range` makes. */
const MAX_RANGE = 1_000_000;

/** List functions. */
export const LIST_FUNCTIONS: readonly FunctionDef[] = [
  define("length", ["l"], (list) => list.length),
  define("nth", ["l", "n"], (list, i) => list[i]),
  define("first", ["l"], (list) => list[0]),
  define("last", ["l"], (list) => list.at(-1)),
  define("sort", ["l"], (list) => [...list].sort(compareValues)),
  define("reverse", ["l"], (list) => [...list].reverse()),
  define("distinct", ["l"], distinct),
  define("slice", ["l", "n", "n?"], (list, from, to) => list.slice(from, to)),
  define("last_of_pairs", ["l", "n"], lastOfPairs),
  define("enumerate", ["l"], (list) => list.map((item, i) => [i, item])),
  define("range", ["v", "v"], range),
];

function distinct(list: readonly Value[]): Value[] {
  return list.filter((item, i) => list.findIndex((other) => compareValues(item, other) === 0) === i);
}

/** The second elements of the last `n` pairs, the last one first: what `top` is made of. */
function lastOfPairs(pairs: readonly Value[], n: number): Value[] {
  const last = n >= 1 ? pairs.slice(-Math.floor(n)).reverse() : [];
  return last.flatMap((pair) => (isList(pair) ? [pair[1] ?? null] : []));
}

function range(from: Value, to: Value): Value[] | undefined {
  const distance = isNumber(from) && isNumber(to) ? calculate("-", to, from) : undefined;
  if (!isNumber(from) || distance === undefined) return undefined;
  const length = Math.max(0, Math.ceil(Number(distance)));
  if (length > MAX_RANGE) throw new RangeError(`range(${from}, ${String(to)}) has more than ${MAX_RANGE} elements`);
  const isSmall = typeof from === "number" && typeof to === "number" && Math.abs(to) <= Number.MAX_SAFE_INTEGER;
  return Array.from({ length }, (_, i) => (isSmall ? from + i : (calculate("+", from, i) ?? null)));
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
