/**
 * Mutations: arithmetic on numbers, insertion into and deletion from sets and maps.
 *
 * @see RFC 7047, section 5.1 (`<mutation>`, `<mutator>`)
 */
import type { Json } from "@tenet/kit";
import { type Atom, compareAtoms } from "../model/atom.ts";
import { checkAtom } from "../model/constraints.ts";
import { type Datum, isMap, isSet, keysOf, type NamedUuids, parseDatum, sizeOf } from "../model/datum.ts";
import { describeType } from "../model/describe-type.ts";
import { toInteger } from "../model/exact-json.ts";
import { mergeSorted, sortedMap } from "../model/difference.ts";
import { constraintViolation, OvsdbError, syntaxError } from "../model/ovsdb-error.ts";
import { datumOf, type PartialRow, type Row } from "../model/row.ts";
import type { BaseType, ColumnSchema, ColumnType, TableSchema } from "../model/schema.ts";
import { isJsonArray } from "../model/sorted-json.ts";

type Arithmetic = "+=" | "-=" | "*=" | "/=" | "%=";

/** The mutators. */
type Mutator = Arithmetic | "insert" | "delete";

/** A parsed mutation. */
export interface Mutation {
  readonly column: ColumnSchema;
  readonly mutator: Mutator;
  readonly argument: Datum;
}

const MUTATORS: readonly Mutator[] = ["+=", "-=", "*=", "/=", "%=", "insert", "delete"];

/** Parses the `mutations` of an operation. */
export function parseMutations(table: TableSchema, json: Json, names: NamedUuids): Mutation[] {
  if (!isJsonArray(json)) throw syntaxError(json, "array expected");
  return json.map((mutation) => parseMutation(table, mutation, names));
}

function parseMutation(table: TableSchema, json: Json, names: NamedUuids): Mutation {
  if (!isJsonArray(json) || json.length !== 3) throw syntaxError(json, "Parse error in mutation.");
  const [name, mutatorName, argument = null] = json;
  if (typeof name !== "string" || typeof mutatorName !== "string") throw syntaxError(json, "Parse error in mutation.");
  const column = table.allColumns.get(name);
  if (column === undefined) throw syntaxError(json, `No column ${name} in table ${table.name}.`, "unknown column");
  if (!column.isMutable) throw constraintViolation(`Cannot mutate immutable column ${name} in table ${table.name}.`, json);
  const mutator = MUTATORS.find((candidate) => candidate === mutatorName);
  if (mutator === undefined) throw new OvsdbError("unknown mutator", `No mutator named ${mutatorName}.`);
  if (!isApplicable(column, mutator)) {
    const what = `"${mutator}" operator may not be applied to column ${name} of type ${describeType(column.type)}`;
    throw syntaxError(json, `Type mismatch: ${what}.`);
  }
  return { column, mutator, argument: parseArgument(column, mutator, argument, names) };
}

function isApplicable({ kind, type }: ColumnSchema, mutator: Mutator): boolean {
  if (mutator === "insert" || mutator === "delete") return kind !== "scalar";
  if (kind === "map") return false;
  return type.key.type === "integer" || (type.key.type === "real" && mutator !== "%=");
}

function parseArgument({ type }: ColumnSchema, mutator: Mutator, json: Json, names: NamedUuids): Datum {
  if (mutator === "insert") return parseDatum({ ...type, min: 0 }, json, names);
  if (mutator !== "delete") return parseDatum(scalarType(type), json, names);
  const anyNumber: ColumnType = { ...type, min: 0, max: Infinity };
  if (type.value === undefined) return parseDatum(anyNumber, json, names);
  // Pairs or keys: what cannot be read as pairs is read as keys, and complained about as such.
  if (!isJsonArray(json) || json[0] !== "map") return parseDatum({ ...anyNumber, value: undefined }, json, names);
  try {
    return parseDatum(anyNumber, json, names);
  } catch (error) {
    if (!(error instanceof OvsdbError)) throw error;
    return parseDatum({ ...anyNumber, value: undefined }, json, names);
  }
}

/** One number without constraints: the result is checked, not the argument. */
function scalarType({ key }: ColumnType): ColumnType {
  const bare: BaseType = { ...key, enum: undefined, minimum: undefined, maximum: undefined };
  return { key: bare, value: undefined, min: 1, max: 1 };
}

/**
 * Applies mutations to a row in order.
 *
 * @returns the columns' new values
 * @throws OvsdbError "domain error", "range error" or "constraint violation"
 */
export function applyMutations(mutations: readonly Mutation[], row: Row): PartialRow {
  const values: { [column: string]: Datum } = {};
  for (const mutation of mutations) {
    const { name } = mutation.column;
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    values[name] = applyMutation(mutation, value ?? datumOf(row, mutation.column));
  }
  return values;
}

function applyMutation({ column, mutator, argument }: Mutation, value: Datum): Datum {
  switch (mutator) {
    case "insert":
      return checkedSize(column.type, isMap(value) ? insertPairs(value, argument) : insertElements(keysOf(value), argument));
    case "delete":
      return checkedSize(column.type, isMap(value) ? deletePairs(value, argument) : deleteElements(keysOf(value), argument));
    default:
      return calculate(column, mutator, value, argument);
  }
}

function checkedSize(type: ColumnType, datum: Datum): Datum {
  const n = sizeOf(datum);
  if (n >= type.min && n <= type.max) return datum;
  throw constraintViolation(`Attempted to store ${n} elements in ${describeType(type)}.`);
}

function insertElements(value: readonly Atom[], argument: Datum): readonly Atom[] {
  const present = new Set(value);
  const added = keysOf(argument).filter((atom) => !present.has(atom));
  return added.length === 0 ? value : mergeSorted(value, added);
}

function deleteElements(value: readonly Atom[], argument: Datum): readonly Atom[] {
  const unwanted = new Set(keysOf(argument));
  return value.filter((atom) => !unwanted.has(atom));
}

/** Adds pairs whose keys are not there yet; keys that are there keep their value. */
function insertPairs(value: ReadonlyMap<Atom, Atom>, argument: Datum): Datum {
  if (!isMap(argument)) return value;
  const added = [...argument].filter(([key]) => !value.has(key));
  return added.length === 0 ? value : sortedMap([...value, ...added]);
}

/** Removes equal pairs (argument is a map) or pairs with these keys (argument is a set). */
function deletePairs(value: ReadonlyMap<Atom, Atom>, argument: Datum): Datum {
  const result = new Map(value);
  if (isMap(argument)) {
    for (const [key, unwanted] of argument) if (result.get(key) === unwanted) result.delete(key);
  } else {
    for (const key of keysOf(argument)) result.delete(key);
  }
  return result;
}

function calculate(column: ColumnSchema, mutator: Arithmetic, value: Datum, argument: Datum): Datum {
  const { key } = column.type;
  if (!isNumber(argument)) return value;
  const results = keysOf(value).map((atom) => {
    const result = isNumber(atom) ? compute(key, mutator, atom, argument) : atom;
    checkAtom(key, result);
    return result;
  });
  const [only] = results;
  if (!isSet(value)) return only ?? value;
  const distinct = new Set(results.sort(compareAtoms));
  if (distinct.size < results.length) throw constraintViolation(`Result of "${mutator}" operation contains duplicates.`);
  return results;
}

function isNumber(datum: Datum): datum is number | bigint {
  return typeof datum === "number" || typeof datum === "bigint";
}

function compute(base: BaseType, mutator: Arithmetic, a: number | bigint, b: number | bigint): Atom {
  if (b === 0 && (mutator === "/=" || mutator === "%=")) throw new OvsdbError("domain error", "Division by zero.");
  const result = base.type === "integer" ? computeInteger(mutator, a, b) : finite(calculateReal(mutator, Number(a), Number(b)));
  if (result === undefined) throw new OvsdbError("range error", `Result of "${mutator}" operation is out of range.`);
  return result === 0 ? 0 : result;
}

/** @returns `undefined` when 64 bits do not hold the result */
function computeInteger(mutator: Arithmetic, a: number | bigint, b: number | bigint): number | bigint | undefined {
  if (typeof a === "number" && typeof b === "number") {
    const result = Math.trunc(calculateReal(mutator, a, b)); // exact if it is safe: rounding does not reach an integer before
    if (Number.isSafeInteger(result)) return result;
  }
  return toInteger(calculateBig(mutator, BigInt(a), BigInt(b)));
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function calculateReal(mutator: Arithmetic, a: number, b: number): number {
  switch (mutator) {
    case "+=":
      return a + b;
    case "-=":
      return a - b;
    case "*=":
      return a * b;
    case "/=":
      return a / b;
    case "%=":
      return a % b;
  }
}

function calculateBig(mutator: Arithmetic, a: bigint, b: bigint): bigint {
  switch (mutator) {
    case "+=":
      return a + b;
    case "-=":
      return a - b;
    case "*=":
      return a * b;
    case "/=":
      return a / b;
    case "%=":
      return a % b;
  }
}
