/** `tenet db restore`: the rows of a file into a served database. */
import { type Json, messageOf } from "@tenet/kit";
import {
  type ColumnSchema,
  Database,
  datumOf,
  datumsEqual,
  type Row,
  type RowSource,
  type TableSchema,
  stringifyExact,
  toJson,
} from "@tenet/ovsdb";
import { nRowsOf } from "./backup.ts";
import type { Meter } from "./meter.ts";
import { connectTo, DbArgumentError, type Link } from "./source.ts";

/**
 * Replaces all rows of a served database by those of a file, in one transaction. Rows keep their uuids.
 *
 * A row that is there already is updated, because nothing may be deleted and inserted again under its uuid at once.
 *
 * @param isForced - although the schemas differ; tables and columns that the server lacks are left out
 * @returns how many rows
 * @throws DbArgumentError when the schemas differ, or the server refuses
 */
export async function restore(
  remote: string,
  file: string,
  database: string | undefined,
  isForced: boolean,
  meter: Meter,
  link: Link,
): Promise<number> {
  const rows = Database.read(file, meter.rows);
  meter.note(`reading the rows of ${remote}`);
  await using replica = await connectTo(remote, database ?? rows.schema.name, link);
  const { schema } = replica;
  if (!isForced && stringifyExact(rows.schema.json) !== stringifyExact(schema.json)) {
    throw new DbArgumentError(
      `Cannot restore "${file}": its schema is ${rows.schema.name} ${rows.schema.version}, the server's differs (${schema.version})`,
      { hint: "Convert the file with tenet db convert, or take what fits with --force" },
    );
  }
  const operations = [...schema.tables.values()].flatMap((table) => restoreTable(table, rows, replica));
  meter.note(`the server executes ${operations.length.toLocaleString("en")} operations`);
  try {
    await replica.transact([...operations, { op: "comment", comment: `restored from ${file}` }]);
  } catch (error) {
    throw new DbArgumentError(`Cannot restore "${file}": ${messageOf(error)}`, {
      hint: "The server's rows are as they were",
      cause: error,
    });
  }
  return nRowsOf(rows);
}

/** What has to be done to a table so that it has the rows of the file. */
function restoreTable(table: TableSchema, from: RowSource, server: RowSource): Json[] {
  const source = from.schema.tables.get(table.name);
  const columns = [...table.columns.values()].filter(
    (column) => !column.isEphemeral && source?.columns.get(column.name)?.isEphemeral === false,
  );
  const wanted = from.table(table.name);
  const present = server.table(table.name);
  const unwanted = [...present.keys()].filter((uuid) => !wanted.has(uuid));
  return [
    ...(wanted.size === 0 ? [{ op: "delete", table: table.name, where: [] }] : unwanted.map((uuid) => remove(table, uuid))),
    ...Array.from(wanted.values()).flatMap((row) => restoreRow(table, columns, row, present.get(row._uuid))),
  ];
}

function remove({ name }: TableSchema, uuid: string): Json {
  return { op: "delete", table: name, where: [["_uuid", "==", ["uuid", uuid]]] };
}

function restoreRow({ name: table }: TableSchema, columns: readonly ColumnSchema[], row: Row, present: Row | undefined): Json[] {
  const changed = columns.filter(
    (column) => !datumsEqual(datumOf(row, column), present === undefined ? column.defaultDatum : datumOf(present, column)),
  );
  const json = Object.fromEntries(
    changed.map((column): [string, Json] => [column.name, toJson(column.type, datumOf(row, column))]),
  );
  if (present === undefined) return [{ op: "insert", table, uuid: row._uuid, row: json }];
  if (changed.length === 0) return [];
  const immutable = changed.find((column) => !column.isMutable);
  if (immutable !== undefined) {
    throw new DbArgumentError(`Cannot restore ${table} ${row._uuid}: its column "${immutable.name}" cannot be changed`, {
      hint: "Delete the row on the server first",
    });
  }
  return [{ op: "update", table, where: [["_uuid", "==", ["uuid", row._uuid]]], row: json }];
}
