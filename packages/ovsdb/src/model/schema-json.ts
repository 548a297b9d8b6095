/**
 * A schema as JSON in the original's shortest form: what equals its default is left out, so that two
 * spellings of the same schema give the same JSON.
 *
 * @see RFC 7047, section 3.2
 */
import type { Json } from "@tenet/kit";
import type { BaseType, ColumnSchema, ColumnType, DatabaseSchema, TableSchema } from "./schema.ts";

type JsonObject = { [key: string]: Json };

/** @param checksum - the `cksum` member, kept as it was given */
export function schemaToJson(schema: Omit<DatabaseSchema, "json">, checksum: Json | undefined): Json {
  const isEveryRoot = [...schema.tables.values()].every((table) => table.isRoot);
  const json: JsonObject = { name: schema.name };
  if (schema.version !== "") json["version"] = schema.version;
  if (checksum !== undefined) json["cksum"] = checksum;
  json["tables"] = mapToJson(schema.tables, (table) => tableToJson(table, table.isRoot && !isEveryRoot));
  return json;
}

function tableToJson(table: TableSchema, isRoot: boolean): Json {
  const json: JsonObject = { columns: mapToJson(table.columns, columnToJson) };
  if (isRoot) json["isRoot"] = true;
  if (table.maxRows !== Infinity) json["maxRows"] = table.maxRows;
  if (table.indexes.length > 0) json["indexes"] = table.indexes.map((columns) => columns.map(({ name }) => name));
  return json;
}

function columnToJson(column: ColumnSchema): Json {
  const json: JsonObject = { type: typeToJson(column.type) };
  if (column.isEphemeral) json["ephemeral"] = true;
  if (!column.isMutable) json["mutable"] = false;
  return json;
}

function typeToJson({ key, value, min, max }: ColumnType): Json {
  const keyJson = baseToJson(key);
  if (value === undefined && min === 1 && max === 1 && typeof keyJson === "string") return keyJson;
  const json: JsonObject = { key: keyJson };
  if (value !== undefined) json["value"] = baseToJson(value);
  if (min !== 1) json["min"] = min;
  if (max !== 1) json["max"] = max === Infinity ? "unlimited" : max;
  return json;
}

function baseToJson(base: BaseType): Json {
  const json: JsonObject = { type: base.type };
  const suffix = base.type === "real" ? "Real" : "Integer";
  if (base.enum !== undefined) json["enum"] = (base.enum.length === 1 ? (base.enum[0] ?? null) : ["set", base.enum]) as Json;
  if (base.minimum !== undefined) json[`min${suffix}`] = base.minimum as Json;
  if (base.maximum !== undefined) json[`max${suffix}`] = base.maximum as Json;
  if (base.minLength !== undefined) json["minLength"] = base.minLength;
  if (base.maxLength !== undefined) json["maxLength"] = base.maxLength;
  if (base.refTable !== undefined) json["refTable"] = base.refTable;
  if (base.isWeak) json["refType"] = "weak";
  return Object.keys(json).length === 1 ? base.type : json;
}

function mapToJson<T>(map: ReadonlyMap<string, T>, toJson: (value: T) => Json): JsonObject {
  return Object.fromEntries(Array.from(map, ([name, value]) => [name, toJson(value)]));
}
