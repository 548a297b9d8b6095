/**
 * The relational view of a database: tables and changes as relations and tuples of the rule engine.
 *
 * A table gives one relation with its scalar and optional columns (an empty optional is `null`); each set
 * column gives a relation of its own with one tuple per element, each map column one tuple per pair.
 * The shapes equal those of the rule engine structurally, so neither package needs the other.
 */
import type { Datum } from "../model/datum.ts";
import { datumsEqual, isMap, keysOf } from "../model/datum.ts";
import { type SchemaSource, toSchema } from "../model/parse-schema.ts";
import { datumOf, type Row, type RowChange } from "../model/row.ts";
import type { ColumnSchema, DatabaseSchema, TableSchema } from "../model/schema.ts";

/** A relation that a table or a column gives. */
export interface RelationSpec {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type?: string }[];
}

/** A value in a tuple. */
export type TupleValue = null | boolean | number | bigint | string;

/** A tuple that appeared (1) or disappeared (-1). */
export interface TupleChange {
  readonly relation: string;
  readonly tuple: readonly TupleValue[];
  readonly weight: 1 | -1;
}

/**
 * The relations of a database.
 *
 * `nb:ACL(_uuid, ...)` holds `_uuid` and every scalar and optional column in schema order;
 * `nb:Logical_Switch.ports(_uuid, value)` a set; `nb:ACL.external_ids(_uuid, key, value)` a map.
 *
 * @param prefix - the service name before the colon, e.g. `nb`
 */
export function relationsOf(schema: SchemaSource, prefix: string): RelationSpec[] {
  return [...toSchema(schema).tables.values()].flatMap((table) => {
    const name = `${prefix}:${table.name}`;
    const { single, multiple } = partsOf(table);
    const columns = single.map((column) => ({ name: column.name, type: tupleType(column) }));
    return [{ name, columns: [UUID_COLUMN, ...columns] }, ...multiple.map((column) => columnRelation(name, column))];
  });
}

const UUID_COLUMN = { name: "_uuid", type: "uuid" };

function columnRelation(table: string, { name, type }: ColumnSchema): RelationSpec {
  const key = { name: type.value === undefined ? "value" : "key", type: valueType(type.key.type) };
  const value = type.value === undefined ? [] : [{ name: "value", type: valueType(type.value.type) }];
  return { name: `${table}.${name}`, columns: [UUID_COLUMN, key, ...value] };
}

function tupleType(column: ColumnSchema): string {
  return valueType(column.type.key.type);
}

function valueType(type: string): string {
  switch (type) {
    case "integer":
      return "int";
    case "real":
      return "float";
    case "boolean":
      return "bool";
    default:
      return type;
  }
}

/**
 * Row changes as exact tuple changes: what a modified row keeps is not mentioned.
 *
 * Cost: the size of the changed rows.
 */
export function changesOf(schema: DatabaseSchema, prefix: string, changes: readonly RowChange[]): TupleChange[] {
  return changes.flatMap((change) => rowChanges(schema, prefix, change));
}

/** All rows of some tables as insertions, for filling an engine at its start. */
export function insertionsOf(
  schema: DatabaseSchema,
  prefix: string,
  rowsOf: (table: string) => ReadonlyMap<string, Row>,
): TupleChange[] {
  return [...schema.tables.keys()].flatMap((table) =>
    Array.from(rowsOf(table), ([uuid, row]) => rowChanges(schema, prefix, { table, uuid, old: undefined, new: row })).flat(),
  );
}

function rowChanges(schema: DatabaseSchema, prefix: string, { table: tableName, uuid, old, new: row }: RowChange): TupleChange[] {
  const table = schema.tables.get(tableName);
  if (table === undefined) return [];
  const relation = `${prefix}:${tableName}`;
  const { single, multiple } = partsOf(table);
  const changes: TupleChange[] = [];
  if (old === undefined || row === undefined || single.some((column) => isChanged(column, old, row))) {
    if (old !== undefined) changes.push({ relation, tuple: mainTuple(uuid, single, old), weight: -1 });
    if (row !== undefined) changes.push({ relation, tuple: mainTuple(uuid, single, row), weight: 1 });
  }
  for (const column of multiple) elementChanges(changes, `${relation}.${column.name}`, uuid, column, old, row);
  return changes;
}

function isChanged(column: ColumnSchema, old: Row, row: Row): boolean {
  return !datumsEqual(datumOf(old, column), datumOf(row, column));
}

function mainTuple(uuid: string, columns: readonly ColumnSchema[], row: Row): TupleValue[] {
  return [uuid, ...columns.map((column) => keysOf(datumOf(row, column))[0] ?? null)];
}

function elementChanges(
  changes: TupleChange[],
  relation: string,
  uuid: string,
  column: ColumnSchema,
  old: Row | undefined,
  row: Row | undefined,
): void {
  const before = old === undefined ? undefined : datumOf(old, column);
  const after = row === undefined ? undefined : datumOf(row, column);
  if (before === after) return;
  for (const tuple of missingFrom(after, before)) changes.push({ relation, tuple: [uuid, ...tuple], weight: -1 });
  for (const tuple of missingFrom(before, after)) changes.push({ relation, tuple: [uuid, ...tuple], weight: 1 });
}

/** The elements (pairs) of `datum` that `other` lacks. */
function missingFrom(other: Datum | undefined, datum: Datum | undefined): TupleValue[][] {
  if (datum === undefined) return [];
  if (isMap(datum)) {
    const there = isMap(other) ? other : new Map<TupleValue, TupleValue>();
    return [...datum].filter(([key, value]) => there.get(key) !== value).map(([key, value]) => [key, value]);
  }
  const there = new Set(other === undefined ? [] : keysOf(other));
  return keysOf(datum)
    .filter((atom) => !there.has(atom))
    .map((atom) => [atom]);
}

/** Columns that are part of the main tuple, and columns with a relation of their own. */
function partsOf(table: TableSchema): { single: readonly ColumnSchema[]; multiple: readonly ColumnSchema[] } {
  const columns = [...table.columns.values()];
  const isSingle = ({ type }: ColumnSchema) => type.value === undefined && type.max === 1;
  return { single: columns.filter(isSingle), multiple: columns.filter((column) => !isSingle(column)) };
}
