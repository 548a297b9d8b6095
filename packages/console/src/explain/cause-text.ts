/** The row that decided, in words that stand beside the name of its table. */
import type { Cause, JsonValue } from "../api.ts";

/** The summary without the table's name, or the last word of it, at its start: `switch prod` of a Logical_Switch is `prod`. */
export function summaryBeside({ table, summary }: Pick<Cause, "table" | "summary">): string {
  if (summary === table) return "";
  const words = [table, table.split("_").at(-1)?.toLowerCase() ?? table];
  const said = words.find((word) => summary.startsWith(`${word} `));
  return said === undefined ? summary : summary.slice(said.length + 1);
}

/** A column's value with the names of the rows it refers to; a set of references has no order, so the names are sorted. */
export function namedReferences(value: JsonValue, nameByUuid: ReadonlyMap<string, string>): JsonValue {
  if (typeof value === "string") return nameByUuid.get(value) ?? value;
  if (!Array.isArray(value) || value.length === 0) return value;
  const names = value.map((item: JsonValue) => (typeof item === "string" ? nameByUuid.get(item) : undefined));
  return names.every((name) => name !== undefined) ? names.toSorted() : value;
}
