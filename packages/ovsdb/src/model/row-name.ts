/** What people call a row. */
import { type Datum, isMap, isSet } from "./datum.ts";
import type { Row } from "./row.ts";
import { datumOf } from "./row.ts";
import type { TableSchema } from "./schema.ts";

/** The row's only value in the first index of one column, or else in the column `name`; `undefined` when there is none. */
export function nameOfRow(table: TableSchema, row: Row): string | undefined {
  const column = table.indexes.find((index) => index.length === 1)?.[0] ?? table.columns.get("name");
  const text = column === undefined ? "" : textOf(datumOf(row, column));
  return text === "" ? undefined : text;
}

function textOf(datum: Datum): string {
  if (isMap(datum)) return "";
  if (!isSet(datum)) return String(datum);
  return datum.length === 1 ? String(datum[0]) : "";
}
