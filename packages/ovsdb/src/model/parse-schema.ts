/**
 * Reads a schema from its JSON form.
 *
 * @see RFC 7047, section 3.2
 */
import type { Json } from "@tenet/kit";
import { type Atom, type AtomicType, ATOMIC_TYPES, compareAtoms, defaultAtom, ZERO_UUID } from "./atom.ts";
import { type Datum, parseAtom } from "./datum.ts";
import { isBig } from "./exact-json.ts";
import { syntaxError } from "./ovsdb-error.ts";
import type { BaseType, ColumnSchema, ColumnType, DatabaseSchema, TableSchema } from "./schema.ts";
import type { SchemaJson } from "../schemas/index.ts";
import { schemaToJson } from "./schema-json.ts";
import { isJsonArray, isJsonObject } from "./sorted-json.ts";

type JsonObject = { readonly [key: string]: Json | undefined };

const ID = /^[A-Za-z_][A-Za-z0-9_]*$/;
const VERSION = /^[0-9]+\.[0-9]+\.[0-9]+$/;

/** A schema in either form. */
export type SchemaSource = DatabaseSchema | SchemaJson;

/** The parsed form of a schema, whichever form it has. */
export function toSchema(source: SchemaSource | Json): DatabaseSchema {
  return isParsed(source) ? source : parseSchema(source);
}

function isParsed(source: SchemaSource | Json): source is DatabaseSchema {
  return typeof source === "object" && source !== null && "tables" in source && source.tables instanceof Map;
}

/**
 * Parses and checks a schema.
 *
 * @throws OvsdbError "syntax error" naming what is wrong where
 */
export function parseSchema(source: SchemaJson | Json): DatabaseSchema {
  const json = source as Json;
  const object = expectObject(json, "database schema");
  const { name } = object;
  if (name === undefined) throw syntaxError(json, "Parsing database schema failed: Required 'name' member is missing.");
  if (typeof name !== "string" || !ID.test(name)) {
    throw syntaxError(json, "Parsing database schema failed: Type mismatch for member 'name'.");
  }
  const version = object["version"] ?? "";
  if (typeof version !== "string" || (version !== "" && !VERSION.test(version))) {
    throw syntaxError(json, `schema version "${String(version)}" not in format x.y.z`);
  }
  const tableJsons = Object.entries(expectObject(object["tables"], "tables"));
  const isAnyRoot = tableJsons.some(([, table]) => isJsonObject(table) && table["isRoot"] === true);
  const tables = new Map<string, TableSchema>();
  for (const [tableName, table] of tableJsons) tables.set(tableName, parseTable(tableName, table, !isAnyRoot));
  checkReferences(tables);
  const schema = { name, version, tables };
  return { ...schema, json: schemaToJson(schema, object["cksum"]) };
}

function parseTable(name: string, json: Json | undefined, isRootByDefault: boolean): TableSchema {
  const object = expectObject(json, `table schema for table ${name}`);
  if (!ID.test(name) || name.startsWith("_")) throw syntaxError(json, `name must be a valid id: ${name}`);
  const columns = new Map<string, ColumnSchema>();
  for (const [columnName, column] of Object.entries(expectObject(object["columns"], `columns of table ${name}`))) {
    columns.set(columnName, parseColumn(columnName, column));
  }
  const maxRows = object["maxRows"] ?? Infinity;
  if (typeof maxRows !== "number" || maxRows < 1) throw syntaxError(json, "maxRows must be at least 1");
  const synthetic = [syntheticColumn("_uuid"), syntheticColumn("_version")];
  return {
    name,
    columns,
    allColumns: new Map([...synthetic.map((column): [string, ColumnSchema] => [column.name, column]), ...columns]),
    maxRows,
    isRoot: isRootByDefault || object["isRoot"] === true,
    indexes: parseIndexes(object["indexes"], columns),
    strongColumns: [...columns.values()].filter((column) => column.hasStrongRefs),
    weakColumns: [...columns.values()].filter((column) => column.hasWeakRefs),
    ephemeralColumns: [...columns.values()].filter((column) => column.isEphemeral),
  };
}

function parseIndexes(json: Json | undefined, columns: ReadonlyMap<string, ColumnSchema>): ColumnSchema[][] {
  if (json === undefined) return [];
  if (!isJsonArray(json)) throw syntaxError(json, "array of indexes expected");
  return json.map((index) => {
    if (!isJsonArray(index) || index.length === 0) throw syntaxError(index, "array of distinct column names expected");
    return index.map((name) => {
      const column = typeof name === "string" ? columns.get(name) : undefined;
      if (column === undefined) throw syntaxError(index, `${String(name)} is not a valid column name`);
      if (column.isEphemeral) throw syntaxError(index, `ephemeral columns (such as ${column.name}) may not be indexed`);
      return column;
    });
  });
}

function parseColumn(name: string, json: Json | undefined): ColumnSchema {
  const object = expectObject(json, `schema for column ${name}`);
  if (!ID.test(name) || name.startsWith("_")) throw syntaxError(json, `name must be a valid id: ${name}`);
  const type = parseType(object["type"] ?? null);
  const hasWeakRefs = isRef(type.key, true) || isRef(type.value, true);
  return makeColumn(name, type, {
    isEphemeral: object["ephemeral"] === true,
    isMutable: object["mutable"] !== false || hasWeakRefs,
  });
}

function makeColumn(name: string, type: ColumnType, flags: { isEphemeral: boolean; isMutable: boolean }): ColumnSchema {
  const isScalar = type.value === undefined && type.min === 1 && type.max === 1;
  return {
    name,
    type,
    kind: type.value !== undefined ? "map" : isScalar ? "scalar" : "set",
    isEphemeral: flags.isEphemeral,
    isMutable: flags.isMutable,
    isSynthetic: name.startsWith("_"),
    hasStrongRefs: isRef(type.key, false) || isRef(type.value, false),
    hasWeakRefs: isRef(type.key, true) || isRef(type.value, true),
    defaultDatum: defaultDatum(type),
  };
}

function isRef(base: BaseType | undefined, isWeak: boolean): boolean {
  return base?.refTable !== undefined && base.isWeak === isWeak;
}

/** The value a column has when nobody gave one: empty, or as many default atoms as it needs. */
function defaultDatum(type: ColumnType): Datum {
  const key = defaultAtom(type.key.type);
  if (type.value !== undefined) return type.min === 0 ? new Map() : new Map([[key, defaultAtom(type.value.type)]]);
  if (type.min === 0) return [];
  return type.max === 1 ? key : [key];
}

const PLAIN_UUID: BaseType = plain("uuid");

function syntheticColumn(name: "_uuid" | "_version"): ColumnSchema {
  const type: ColumnType = { key: PLAIN_UUID, value: undefined, min: 1, max: 1 };
  return { ...makeColumn(name, type, { isEphemeral: name === "_version", isMutable: false }), defaultDatum: ZERO_UUID };
}

/** Parses a column's `type` member: an atomic type's name or an object. */
function parseType(json: Json): ColumnType {
  if (typeof json === "string") return { key: parseBase(json), value: undefined, min: 1, max: 1 };
  const object = expectObject(json, "ovsdb type");
  const min = object["min"] ?? 1;
  const max = object["max"] === "unlimited" ? Infinity : (object["max"] ?? 1);
  if (min !== 0 && min !== 1) throw syntaxError(json, "min must be 0 or 1");
  if (typeof max !== "number" || max < 1) throw syntaxError(json, "max must be a positive integer or unlimited");
  const value = object["value"];
  return { key: parseBase(object["key"] ?? null), value: value === undefined ? undefined : parseBase(value), min, max };
}

function parseBase(json: Json): BaseType {
  if (typeof json === "string") return plain(parseAtomicType(json));
  const object = expectObject(json, "base type");
  const type = parseAtomicType(object["type"]);
  const bare = plain(type);
  const refTable = object["refTable"];
  return {
    type,
    enum: object["enum"] === undefined ? undefined : parseEnum(bare, object["enum"]),
    minimum: boundOf(object, type === "real" ? "minReal" : "minInteger"),
    maximum: boundOf(object, type === "real" ? "maxReal" : "maxInteger"),
    minLength: numberOf(object, "minLength"),
    maxLength: numberOf(object, "maxLength"),
    refTable: typeof refTable === "string" ? refTable : undefined,
    isWeak: object["refType"] === "weak",
  };
}

/** A base type without constraints. */
function plain(type: AtomicType): BaseType {
  const none = undefined;
  return { type, enum: none, minimum: none, maximum: none, minLength: none, maxLength: none, refTable: none, isWeak: false };
}

function parseEnum(base: BaseType, json: Json): readonly Atom[] {
  const elements = isJsonArray(json) && json[0] === "set" && isJsonArray(json[1]) ? json[1] : [json];
  return elements.map((element) => parseAtom(base, element)).sort(compareAtoms);
}

function parseAtomicType(json: Json | undefined): AtomicType {
  const type = ATOMIC_TYPES.find((name) => name === json);
  if (type === undefined) throw syntaxError(json ?? null, `"${String(json)}" is not an atomic-type`);
  return type;
}

/** A bound of numbers; one that all of 64 bits satisfy is none. */
function boundOf(object: JsonObject, name: string): number | bigint | undefined {
  const value = object[name];
  if (!isBig(value)) return numberOf(object, name);
  return value === -(2n ** 63n) || value === 2n ** 63n - 1n ? undefined : value;
}

function numberOf(object: JsonObject, name: string): number | undefined {
  const value = object[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number") throw syntaxError(object, `Type mismatch for member '${name}'.`);
  return value;
}

function expectObject(json: Json | undefined, what: string): JsonObject {
  if (!isJsonObject(json)) throw syntaxError(undefined, `Parsing ${what} failed: Object expected.`);
  return json;
}

function checkReferences(tables: ReadonlyMap<string, TableSchema>): void {
  for (const table of tables.values()) {
    for (const column of table.columns.values()) {
      for (const [base, role] of [
        [column.type.key, "key"],
        [column.type.value, "value"],
      ] as const) {
        if (base?.refTable === undefined || tables.has(base.refTable)) continue;
        throw syntaxError(undefined, `column ${column.name} ${role} refers to undefined table ${base.refTable}`);
      }
    }
  }
}
