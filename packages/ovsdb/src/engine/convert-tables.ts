/**
 * The rows of a database under another schema: tables and columns of the same name keep their content, which
 * must satisfy the new types, constraints, references and indexes; the rest is dropped, or takes its default.
 *
 * @see ovsdb-server(7), section 4.1.19
 */
import { parseDatum, toJson } from "../model/datum.ts";
import type { PartialRow } from "../model/row.ts";
import type { DatabaseSchema, TableSchema } from "../model/schema.ts";
import { Journal } from "./journal.ts";
import type { Tables } from "./references.ts";
import { settle } from "./settle.ts";
import { TableState } from "./table-state.ts";

/**
 * Makes new tables; the given ones stay as they are.
 *
 * @throws OvsdbError what of the content the new schema does not allow
 */
export function convertTables(from: Tables, schema: DatabaseSchema, newUuid: () => string): Tables {
  const tables = new Map(Array.from(schema.tables.values(), (table) => [table.name, new TableState(table)]));
  const journal = new Journal(tables);
  for (const table of tables.values()) {
    const old = from.get(table.schema.name);
    if (old === undefined) continue;
    const convert = columnConverter(old.schema, table.schema);
    for (const [uuid, row] of old.rows) journal.set(table, uuid, table.maker.make(uuid, newUuid(), convert(row)));
  }
  settle(tables, journal);
  return tables;
}

/** Reads each kept column anew under its new type. */
function columnConverter(from: TableSchema, to: TableSchema): (row: PartialRow) => PartialRow {
  const kept = [...to.columns.values()].flatMap((column) => {
    const old = from.columns.get(column.name);
    return old === undefined ? [] : [{ column, old }];
  });
  return (row) =>
    Object.fromEntries(
      kept.map(({ column, old }) => [column.name, parseDatum(column.type, toJson(old.type, row[old.name] ?? old.defaultDatum))]),
    );
}
