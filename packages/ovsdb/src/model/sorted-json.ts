/** Compact JSON with object members in name order, the form in which error objects quote requests. */
import type { Json } from "@tenet/kit";
import { stringifyExact } from "./exact-json.ts";

/** Like `JSON.stringify(json)`, with every object's members sorted by name. */
export function stringifySorted(json: Json | undefined): string {
  if (json === undefined) return "null";
  if (typeof json === "number") return String(json);
  if (json === null || typeof json !== "object") return stringifyExact(json);
  if (isJsonArray(json)) return `[${json.map(stringifySorted).join(",")}]`;
  const members = Object.keys(json).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${stringifySorted(json[name])}`).join(",")}}`;
}

/** Narrows JSON to an array; `Array.isArray` alone loses the readonly element type. */
export function isJsonArray(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

/** Narrows JSON to an object. */
export function isJsonObject(json: Json | undefined): json is { readonly [key: string]: Json | undefined } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
