/**
 * What a server tells of one row, in all three notations: `<row-update>` with whole columns, and `<row-update2>` with
 * differences.
 *
 * @see RFC 7047, section 4.1.6 and ovsdb-server(7), section 4.1.14
 */
import { type Json, ProtocolError } from "@tenet/kit";
import { type Datum, parseDatum } from "../model/datum.ts";
import { applyDiff } from "../model/difference.ts";
import { datumOf, type Row, type RowMaker } from "../model/row.ts";
import type { ColumnSchema, ColumnType, TableSchema } from "../model/schema.ts";
import { isJsonObject } from "../model/sorted-json.ts";

/** The table whose rows are told of. */
export interface RowTable {
  readonly schema: TableSchema;
  readonly maker: RowMaker;
}

/** The members of an object. @throws ProtocolError when it is none */
export function membersOf(json: Json | undefined): [string, Json][] {
  return Object.entries(objectOf(json)).map(([name, value]) => [name, value ?? null]);
}

/** As {@link membersOf}, one after the other. */
export function* eachMember(json: Json | undefined): Generator<[string, Json]> {
  const object = objectOf(json);
  for (const name of Object.keys(object)) yield [name, object[name] ?? null];
}

function objectOf(json: Json | undefined): { readonly [name: string]: Json | undefined } {
  if (!isJsonObject(json)) throw new ProtocolError("Update is not an object");
  return json;
}

/**
 * A row after a `<row-update>` or `<row-update2>`.
 *
 * @param version - the `_version` of a row that is not deleted
 * @returns `undefined` when the row is deleted
 * @throws ProtocolError when it is malformed, or changes a row that is not there
 */
export function rowAfter(table: RowTable, uuid: string, old: Row | undefined, json: Json, version: string): Row | undefined {
  const { initial, insert, new: whole, modify } = objectOf(json);
  const inserted = initial ?? insert ?? whole;
  if (inserted !== undefined) return table.maker.make(uuid, version, parseColumns(table.schema, inserted, undefined));
  if (modify === undefined) return undefined;
  if (old === undefined) throw new ProtocolError(`Update modifies unknown row ${uuid} of table "${table.schema.name}"`);
  return table.maker.change(old, parseColumns(table.schema, modify, old), version);
}

/** Columns the replica's schema does not know are left out. */
function parseColumns(table: TableSchema, json: Json, base: Row | undefined): { [column: string]: Datum } {
  const columns: { [column: string]: Datum } = {};
  for (const [name, value] of eachMember(json)) {
    const column = table.columns.get(name);
    if (column !== undefined) columns[name] = parseColumn(column, value, base);
  }
  return columns;
}

function parseColumn(column: ColumnSchema, json: Json, base: Row | undefined): Datum {
  const { type } = column;
  if (base === undefined || type.max === 1) return parseDatum(type, json);
  const unbounded: ColumnType = { ...type, min: 0, max: Infinity };
  return applyDiff(type, datumOf(base, column), parseDatum(unbounded, json));
}
