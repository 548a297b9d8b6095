/**
 * Datums: the value of one column of one row, in memory and as JSON.
 *
 * In memory a scalar column (min 1, max 1) holds an atom, a set column (optional ones included) a sorted
 * array, a map column a `Map` in key order. Datums are never changed in place: operations make new ones,
 * so that an old row keeps its value and identity comparison is a quick "nothing changed".
 *
 * @see RFC 7047, section 5.1
 */
import type { Json } from "@tenet/kit";
import { type Atom, compareAtoms, isUuid } from "./atom.ts";
import { checkAtom } from "./constraints.ts";
import { isBig, toInteger } from "./exact-json.ts";
import { OvsdbError, syntaxError } from "./ovsdb-error.ts";
import type { BaseType, ColumnType } from "./schema.ts";
import { isJsonArray } from "./sorted-json.ts";

/** The value of a column; see the file header for which form a column has. */
export type Datum = Atom | readonly Atom[] | ReadonlyMap<Atom, Atom>;

/** Gives the uuid that a `["named-uuid", name]` stands for. */
export type NamedUuids = (name: string) => string;

/** Narrows a datum to a set; `Array.isArray` alone loses the readonly element type. */
export function isSet(datum: Datum | undefined): datum is readonly Atom[] {
  return Array.isArray(datum);
}

/** Narrows a datum to a map. */
export function isMap(datum: Datum | undefined): datum is ReadonlyMap<Atom, Atom> {
  return datum instanceof Map;
}

/** The elements (keys) of a datum as an array: a scalar counts as a set of one. */
export function keysOf(datum: Datum): readonly Atom[] {
  if (isSet(datum)) return datum;
  return isMap(datum) ? [...datum.keys()] : [datum];
}

/** How many elements (pairs) a datum has. */
export function sizeOf(datum: Datum): number {
  if (isSet(datum)) return datum.length;
  return isMap(datum) ? datum.size : 1;
}

/** Whether two datums of the same column are equal. Cost: linear in their size. */
export function datumsEqual(a: Datum, b: Datum): boolean {
  if (a === b) return true;
  if (isSet(a) && isSet(b)) return a.length === b.length && a.every((atom, i) => atom === b[i]);
  if (isMap(a) && isMap(b)) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a) if (b.get(key) !== value) return false;
    return true;
  }
  return false;
}

/** A datum as JSON. */
export function toJson(type: ColumnType, datum: Datum): Json {
  const { key, value } = type;
  if (isMap(datum)) {
    return ["map", Array.from(datum, ([k, v]): Json => [atomToJson(key, k), atomToJson(value ?? key, v)])];
  }
  if (!isSet(datum)) return atomToJson(key, datum);
  const only = datum[0];
  if (datum.length === 1 && only !== undefined) return atomToJson(key, only);
  return ["set", key.type === "uuid" ? datum.map((atom) => atomToJson(key, atom)) : (datum as Json)];
}

/** An atom as JSON, to be written by `stringifyExact`. */
function atomToJson(base: BaseType, atom: Atom): Json {
  return base.type === "uuid" ? ["uuid", atom as Json] : (atom as Json);
}

/**
 * Reads a datum from JSON and checks all constraints of its type.
 *
 * @param names - gives uuids for `named-uuid`; without it such atoms are refused
 * @throws OvsdbError "syntax error", "constraint violation" or, for duplicates, "ovsdb error"
 */
export function parseDatum(type: ColumnType, json: Json, names?: NamedUuids): Datum {
  if (type.value !== undefined) return parseMap(type, type.value, json, names);
  if (type.min === 1 && type.max === 1 && !isTagged(json, "set")) return parseAtom(type.key, json, names);
  const atoms = parseSet(type, json, names);
  const only = atoms[0];
  return type.min === 1 && type.max === 1 && only !== undefined ? only : atoms;
}

function parseSet(type: ColumnType, json: Json, names: NamedUuids | undefined): readonly Atom[] {
  if (!isTagged(json, "set")) return [parseAtom(type.key, json, names)];
  const elements = taggedArray(json, "set");
  checkSize(type, elements.length, "set", json);
  return sortedSet(elements.map((element) => parseAtom(type.key, element, names)));
}

function parseMap(type: ColumnType, valueType: BaseType, json: Json, names: NamedUuids | undefined): Datum {
  const elements = taggedArray(json, "map");
  checkSize(type, elements.length, "map", json);
  const map = new Map<Atom, Atom>();
  let last: Atom | undefined;
  let isSorted = true;
  for (const element of elements) {
    if (!isJsonArray(element) || element.length !== 2) throw syntaxError(element, "expected 2-element array");
    const key = parseAtom(type.key, element[0] ?? null, names);
    map.set(key, parseAtom(valueType, element[1] ?? null, names));
    isSorted &&= last === undefined || compareAtoms(last, key) < 0;
    last = key;
  }
  if (map.size !== elements.length) throw new OvsdbError("ovsdb error", "map contains duplicate key");
  return isSorted ? map : new Map([...map].sort(([a], [b]) => compareAtoms(a, b)));
}

function isTagged(json: Json, tag: string): boolean {
  return isJsonArray(json) && json.length > 0 && json[0] === tag;
}

function taggedArray(json: Json, tag: string): readonly Json[] {
  const elements = isJsonArray(json) && json.length === 2 && json[0] === tag ? json[1] : undefined;
  if (!isJsonArray(elements)) throw syntaxError(json, `expected ["${tag}", <array>]`);
  return elements;
}

function checkSize(type: ColumnType, n: number, kind: string, json: Json): void {
  if (n >= type.min && n <= type.max) return;
  if (type.min === 1 && type.max === 1) {
    throw syntaxError(json, `${kind} must have exactly one member but ${n} are present`);
  }
  const most = type.max === Infinity ? 4294967295 : type.max;
  throw syntaxError(json, `${kind} must have ${type.min} to ${most} members but ${n} are present`);
}

/** Sorts atoms that came from a client; twice the same is refused. */
function sortedSet(atoms: Atom[]): readonly Atom[] {
  if (!isInOrder(atoms)) atoms.sort(compareAtoms);
  for (let i = 1; i < atoms.length; i++) {
    if (atoms[i] === atoms[i - 1]) throw new OvsdbError("ovsdb error", "set contains duplicate");
  }
  return atoms;
}

/** Clients often send sets as they were sent them. */
function isInOrder(atoms: readonly Atom[]): boolean {
  let before: Atom | undefined;
  for (const atom of atoms) {
    if (before !== undefined && compareAtoms(before, atom) > 0) return false;
    before = atom;
  }
  return true;
}

/** Reads one atom and checks its constraints. */
export function parseAtom(base: BaseType, json: Json, names?: NamedUuids): Atom {
  const atom = parseBareAtom(base, json, names);
  checkAtom(base, atom);
  return atom;
}

function parseBareAtom(base: BaseType, json: Json, names: NamedUuids | undefined): Atom {
  switch (base.type) {
    case "integer":
      if (typeof json === "number" || isBig(json)) {
        const integer = toInteger(json);
        if (integer !== undefined) return integer;
      }
      break;
    case "real":
      if (typeof json === "number") return json;
      if (isBig(json)) return Number(json);
      break;
    case "boolean":
      if (typeof json === "boolean") return json;
      break;
    case "string":
      if (typeof json === "string") return json;
      break;
    case "uuid":
      return parseUuid(json, names);
  }
  throw syntaxError(json, `expected ${base.type}`);
}

const ID = /^[A-Za-z_][A-Za-z0-9_]*$/;

function parseUuid(json: Json, names: NamedUuids | undefined): string {
  if (isJsonArray(json) && json.length === 2) {
    const [tag, text] = json;
    if (tag === "uuid" && typeof text === "string") {
      if (!isUuid(text)) throw syntaxError(json, `"${text}" is not a valid UUID`);
      return text.toLowerCase();
    }
    if (tag === "named-uuid" && typeof text === "string" && names !== undefined) {
      if (!ID.test(text)) throw syntaxError(json, "named-uuid string is not a valid <id>");
      return names(text);
    }
  }
  throw syntaxError(json, `expected ["uuid", <string>]`);
}
