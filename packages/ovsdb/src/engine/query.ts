/** Finds the rows that satisfy a condition, by uuid or by a declared index where the condition allows it. */
import type { Datum } from "../model/datum.ts";
import type { Row } from "../model/row.ts";
import { type Clause, type Condition, matchesAll } from "./condition.ts";
import type { TableState } from "./table-state.ts";

/**
 * The rows that satisfy all clauses.
 *
 * Cost: one probe when the condition fixes `_uuid` or all columns of an index; otherwise the whole table.
 */
export function findRows(table: TableState, condition: Condition): Row[] {
  if (condition.includes(false)) return [];
  const candidates = byUuid(table, condition) ?? byIndex(table, condition);
  const rows: Row[] = [];
  for (const row of candidates ?? table.rows.values()) if (matchesAll(condition, row)) rows.push(row);
  return rows;
}

function byUuid(table: TableState, condition: Condition): Row[] | undefined {
  const uuid = fixedValue(condition, "_uuid");
  if (typeof uuid !== "string") return undefined;
  const row = table.rows.get(uuid);
  return row === undefined ? [] : [row];
}

function byIndex(table: TableState, condition: Condition): Row[] | undefined {
  for (const index of table.indexes) {
    const values: { [column: string]: Datum } = {};
    const isFixed = index.columns.every(({ name }) => {
      const value = fixedValue(condition, name);
      if (value !== undefined) values[name] = value;
      return value !== undefined;
    });
    if (isFixed) return index.find(values).flatMap((uuid) => table.rows.get(uuid) ?? []);
  }
  return undefined;
}

function fixedValue(condition: Condition, column: string): Exclude<Clause, boolean>["argument"] | undefined {
  for (const clause of condition) {
    if (typeof clause !== "boolean" && clause.call === "==" && clause.column.name === column) return clause.argument;
  }
  return undefined;
}
