/** Built-in functions over maps, and json as text. */
import type { FunctionDef } from "../check/core.ts";
import { normalNumber } from "../integer.ts";
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
  define("to_json", ["v"], jsonText),
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

/** The value of a json text; whole numbers are exact to 64 bits. No value if it is no json, or holds a number beyond all doubles. */
function parseJson(text: string): Value | undefined {
  try {
    return MAY_HOLD_LARGE.test(text) ? parseExactly(text) : (JSON.parse(text) as Value);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A number that a double cannot hold has 16 digits, or an exponent of three. */
const MAY_HOLD_LARGE = /\d{16}|[eE]\+?\d{3}/;
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Large whole numbers pass the parser as strings; a letter in front of every string tells them from the others. */
function parseExactly(text: string): Value {
  const marked = text.replace(STRING_OR_NUMBER, (token) => {
    if (token.startsWith('"')) return `"s${token.slice(1)}`;
    return /^-?[1-9]\d{15,}$/.test(token) ? `"i${token}"` : token;
  });
  return JSON.parse(marked, (_, value: Value): Value => {
    if (typeof value === "string") return value.startsWith("i") ? finite(BigInt(value.slice(1))) : value.slice(1);
    if (typeof value === "number") return finite(value);
    return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key.slice(1), item])) : value;
  }) as Value;
}

function finite(number: number | bigint): number | bigint {
  const normal = normalNumber(number);
  if (normal === undefined) throw new SyntaxError(`${number} is beyond all numbers`);
  return normal;
}

/** Whole numbers with all their digits; typed values as text. */
function jsonText(value: Value): string {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Scalar) return JSON.stringify(value.text);
  if (isList(value)) return `[${value.map(jsonText).join(",")}]`;
  if (!isMap(value)) return JSON.stringify(value);
  return `{${entriesOf(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${jsonText(item)}`)
    .join(",")}}`;
}
