/** Built-in functions over maps, and json as text. */
import type { FunctionDef } from "../check/core.ts";
import { entriesOf, isList, isMap, type Value, type ValueMap } from "../value.ts";
import { Scalar } from "../scalar.ts";
import { define } from "./define.ts";

/** Map and json functions; a list of `[key, value]` pairs, as tables of databases hold them, serves as a map too. */
export const JSON_FUNCTIONS: readonly FunctionDef[] = [
  define("get", ["v", "v"], get),
  define("has", ["v", "v"], (map, key) => get(map, key) !== undefined),
  define("map", ["l"], mapOf),
  define("merge", ["v", "v"], (a, b) => (isMap(a) && isMap(b) ? { ...a, ...b } : undefined)),
  define("json", ["s"], parseJson),
  define("to_json", ["v"], (v) => JSON.stringify(toJson(v))),
  set("entries", (map) => pairsOf(map)),
  set("keys", (map) => pairsOf(map)?.map(([key]) => key)),
  set("values", (map) => pairsOf(map)?.map(([, value]) => value)),
];

/** What a map has at a key, or a list at a whole number from 0; no value where there is none. */
function get(from: Value, key: Value): Value | undefined {
  if (isList(from)) {
    if (typeof key === "number") return from[key];
    const pair = from.find((item) => isList(item) && item.length === 2 && item[0] === key);
    return pair !== undefined && isList(pair) ? pair[1] : undefined;
  }
  return isMap(from) && typeof key === "string" && Object.hasOwn(from, key) ? from[key] : undefined;
}

function set(name: string, elements: (map: Value) => Value[] | undefined): FunctionDef {
  return { name, nArgs: 1, isSet: true, call: (map) => elements(map ?? null) };
}

function pairsOf(map: Value): (readonly [Value, Value])[] | undefined {
  if (isMap(map)) return entriesOf(map).map(([key, value]) => [key, value]);
  if (!isList(map)) return undefined;
  return map.flatMap((pair) => (isList(pair) && pair.length === 2 ? [[pair[0] ?? null, pair[1] ?? null] as const] : []));
}

/** A map from pairs; a later pair of the same key wins. Keys are text. */
function mapOf(pairs: readonly Value[]): ValueMap | undefined {
  const entries: [string, Value][] = [];
  for (const pair of pairs) {
    if (!isList(pair) || pair.length !== 2 || typeof pair[0] !== "string") return undefined;
    entries.push([pair[0], pair[1] ?? null]);
  }
  return Object.fromEntries(entries);
}

/** Whole numbers that a double cannot hold are read exactly to 64 bits. */
function parseJson(text: string): Value | undefined {
  const exact = text.replace(
    /("(?:[^"\\]|\\.)*")|(-?\d{16,19})(?![\d.eE])/g,
    (whole, quoted: string | undefined, digits: string) =>
      quoted === undefined && !Number.isSafeInteger(Number(digits)) ? `{${JSON.stringify(EXACT)}:"${digits}"}` : whole,
  );
  try {
    return JSON.parse(exact, (_, value: Value) =>
      isMap(value) && isExact(value) ? BigInt(String(value[EXACT])) : value,
    ) as Value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Stands for a whole number while a text is parsed. */
const EXACT = "\u0000int";

function isExact(map: ValueMap): boolean {
  return typeof map[EXACT] === "string";
}

function toJson(value: Value): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Scalar) return value.text;
  if (isList(value)) return value.map(toJson);
  return isMap(value) ? Object.fromEntries(entriesOf(value).map(([key, item]) => [key, toJson(item)])) : value;
}
