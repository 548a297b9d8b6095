/**
 * Conditions: the `where` of operations and monitors.
 *
 * A condition is parsed once into clauses with their argument datums; a row is tested clause by clause.
 *
 * @see RFC 7047, section 5.1 (`<condition>`, `<function>`)
 */
import type { Json } from "@tenet/kit";
import { type Datum, datumsEqual, isMap, isSet, keysOf, type NamedUuids, parseDatum } from "../model/datum.ts";
import { OvsdbError, syntaxError } from "../model/ovsdb-error.ts";
import { datumOf, type Row } from "../model/row.ts";
import type { ColumnSchema, ColumnType, TableSchema } from "../model/schema.ts";
import { isJsonArray } from "../model/sorted-json.ts";
import { describeType } from "../model/describe-type.ts";

/** The comparison functions. */
type ConditionFunction = "<" | "<=" | "==" | "!=" | ">=" | ">" | "includes" | "excludes";

/** One parsed clause; a boolean clause holds for every row or for none. */
export type Clause = boolean | { readonly column: ColumnSchema; readonly call: ConditionFunction; readonly argument: Datum };

/** Clauses; how they combine (and, or) is the user's business. */
export type Condition = readonly Clause[];

const FUNCTIONS: readonly ConditionFunction[] = ["<", "<=", "==", "!=", ">=", ">", "includes", "excludes"];

/** Parses a `where` array. */
export function parseCondition(table: TableSchema, json: Json, names?: NamedUuids): Condition {
  if (!isJsonArray(json)) throw syntaxError(json, "array expected");
  return json.map((clause) => parseClause(table, clause, names));
}

function parseClause(table: TableSchema, json: Json, names: NamedUuids | undefined): Clause {
  if (typeof json === "boolean") return json;
  if (!isJsonArray(json) || json.length !== 3) throw syntaxError(json, "Parse error in condition.");
  const [name, call, argument] = json;
  if (typeof name !== "string" || typeof call !== "string") throw syntaxError(json, "Parse error in condition.");
  const column = table.allColumns.get(name);
  if (column === undefined) throw syntaxError(json, `No column ${name} in table ${table.name}.`, "unknown column");
  const known = FUNCTIONS.find((candidate) => candidate === call);
  if (known === undefined) throw new OvsdbError("unknown function", `No function named ${call}.`);
  return { column, call: known, argument: parseDatum(argumentType(column, known, json), argument ?? null, names) };
}

/** What the argument of a function may look like, given the column. */
function argumentType(column: ColumnSchema, call: ConditionFunction, json: Json): ColumnType {
  const { type } = column;
  switch (call) {
    case "==":
    case "!=":
      return type;
    case "includes":
      return column.kind === "scalar" ? type : { ...type, min: 0 };
    case "excludes":
      return column.kind === "scalar" ? type : { ...type, min: 0, max: Infinity };
    default: {
      const isNumber = type.key.type === "integer" || type.key.type === "real";
      if (isNumber && type.value === undefined && type.max === 1) return { ...type, min: 1 };
      const what = `"${call}" operator may not be applied to column ${column.name} of type ${describeType(type)}`;
      throw syntaxError(json, `Type mismatch: ${what}.`);
    }
  }
}

/** Whether a row satisfies all clauses; none is true. */
export function matchesAll(condition: Condition, row: Row): boolean {
  return condition.every((clause) => matchesClause(clause, row));
}

/** Whether a row satisfies at least one clause, as monitors combine them; none at all is true. */
export function matchesAny(condition: Condition, row: Row): boolean {
  return condition.length === 0 || condition.some((clause) => matchesClause(clause, row));
}

function matchesClause(clause: Clause, row: Row): boolean {
  if (typeof clause === "boolean") return clause;
  const value = datumOf(row, clause.column);
  const { call, argument } = clause;
  switch (call) {
    case "==":
      return datumsEqual(value, argument);
    case "!=":
      return !datumsEqual(value, argument);
    case "includes":
      return includesAll(value, argument);
    case "excludes":
      return excludesAll(value, argument);
    default:
      return compares(call, keysOf(value)[0], keysOf(argument)[0]);
  }
}

function compares(call: "<" | "<=" | ">=" | ">", a: Datum | undefined, b: Datum | undefined): boolean {
  if (!isNumeric(a) || !isNumeric(b)) return false;
  switch (call) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">=":
      return a >= b;
    case ">":
      return a > b;
  }
}

function isNumeric(atom: Datum | undefined): atom is number | bigint {
  return typeof atom === "number" || typeof atom === "bigint";
}

function includesAll(value: Datum, argument: Datum): boolean {
  if (isMap(value) && isMap(argument)) {
    for (const [key, expected] of argument) if (value.get(key) !== expected) return false;
    return true;
  }
  if (!isSet(value) || !isSet(argument)) return datumsEqual(value, argument);
  return argument.every((atom) => value.includes(atom));
}

function excludesAll(value: Datum, argument: Datum): boolean {
  if (isMap(value) && isMap(argument)) {
    for (const [key, unwanted] of argument) if (value.get(key) === unwanted) return false;
    return true;
  }
  if (!isSet(value) || !isSet(argument)) return !datumsEqual(value, argument);
  return !argument.some((atom) => value.includes(atom));
}
