/**
 * Values as JSON that gives them back as they were: what JSON has no form for is an object with one member, named for its type.
 *
 * Equal values have equal texts, so that a row's text can stand for the row.
 */
import { AppError } from "@tenet/kit";
import { SCALAR_TYPES, Scalar, type ScalarType, scalar } from "../scalar.ts";
import { entriesOf, isList, isMap, type Tuple, type Value, type ValueMap } from "../value.ts";

/** `{"int": "9007199254740993"}`, `{"ip": "10.0.0.1"}`, `{"map": {…}}`. */
interface TaggedJson {
  readonly [tag: string]: string | { readonly [key: string]: ValueJson };
}

/** What a value is in a record. */
export type ValueJson = null | boolean | number | string | readonly ValueJson[] | TaggedJson;

/** A row's form in a record. */
export function toJson(tuple: Tuple): readonly ValueJson[] {
  return tuple.every(isPlain) ? tuple : tuple.map(valueToJson);
}

/** A text that only equal rows share. */
export function keyOf(tuple: Tuple): string {
  return JSON.stringify(toJson(tuple));
}

/** The row that was written. */
export function fromJson(json: readonly ValueJson[]): Tuple {
  return json.every(isPlain) ? json : json.map(valueFromJson);
}

/** True for most values: they are their own form. */
function isPlain(value: Value | ValueJson): value is null | boolean | number | string {
  return value === null || (typeof value !== "object" && typeof value !== "bigint");
}

/** A value's form in a record. */
export function valueToJson(value: Value): ValueJson {
  if (typeof value === "bigint") return { int: value.toString() };
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return toJson(value);
  if (value instanceof Scalar) return { [value.type]: value.text };
  if (isMap(value)) return { map: Object.fromEntries(entriesOf(value).map(([key, item]) => [key, valueToJson(item)])) };
  throw new AppError("Cannot record a row: it holds a value that has no form in a history", { code: "DATALOG_VALUE" });
}

/** The value that was written. */
export function valueFromJson(json: ValueJson): Value {
  if (typeof json !== "object" || json === null) return json;
  if (isJsonList(json)) return fromJson(json);
  const [[tag, content] = ["", ""]] = Object.entries(json);
  const value = typeof content === "string" ? taggedText(tag, content) : mapFromJson(content);
  if (value === undefined) {
    throw new AppError(`Cannot read a row: ${JSON.stringify(json)} is no value`, {
      code: "DATALOG_VALUE",
      hint: "the history was written by a newer version",
    });
  }
  return value;
}

function taggedText(tag: string, text: string): Value | undefined {
  if (tag === "int") return BigInt(text);
  return (SCALAR_TYPES as readonly string[]).includes(tag) ? scalar(tag as ScalarType, text) : undefined;
}

function mapFromJson(json: { readonly [key: string]: ValueJson }): ValueMap {
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, valueFromJson(item)]));
}

function isJsonList(json: readonly ValueJson[] | TaggedJson): json is readonly ValueJson[] {
  return Array.isArray(json);
}
