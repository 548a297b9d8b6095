/** Tables of a database made from a few columns per row; the other columns have their defaults. */
import { type Datum, parseSchema, type Row, type SchemaJson } from "@tenet/ovsdb";
import type { Tables } from "../src/sources.ts";

/** Columns by uuid by table. */
export type Content = { readonly [table: string]: { readonly [uuid: string]: { readonly [column: string]: Datum } } };

/** A database that holds the content. */
export function fakeTables(schema: SchemaJson, content: Content): Tables {
  const parsed = parseSchema(schema);
  const tables = new Map(
    [...parsed.tables.values()].map((table) => {
      const defaults = Object.fromEntries([...table.columns.values()].map((column) => [column.name, column.defaultDatum]));
      const rows = Object.entries(content[table.name] ?? {}).map(([uuid, columns]): [string, Row] => [
        uuid,
        { ...defaults, ...columns, _uuid: uuid, _version: uuid },
      ]);
      return [table.name, new Map(rows)] as const;
    }),
  );
  const table = (name: string): ReadonlyMap<string, Row> => tables.get(name) ?? new Map<string, Row>();
  return { schema: parsed, table, find: (name, test) => [...table(name).values()].find(test) };
}
