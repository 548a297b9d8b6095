/** Who wrote what decided. */
import {
  type Atom,
  type Datum,
  datumsEqual,
  type HistoryEntry,
  isMap,
  isSet,
  type Replica,
  type Row,
  type TableSchema,
} from "@tenet/ovsdb";
import type { LinkedRow } from "./links/northbound.ts";
import type { Cause, JsonValue } from "./story.ts";

/** The row as a cause; `because` names the columns that decided. */
export async function causeOf(
  { table, row }: LinkedRow,
  summary: string,
  database: Pick<Replica, "history" | "schema">,
  because: readonly string[] | undefined,
): Promise<Cause> {
  const history = await database.history(row._uuid);
  const entry = latestWriting(
    history.filter(({ uuid }) => uuid === row._uuid),
    because,
  );
  const transaction = entry === undefined ? {} : { transaction: transactionOf(entry) };
  return { table, uuid: row._uuid, summary, columns: columnsOf(row, database.schema.tables.get(table)), ...transaction };
}

/**
 * The latest entry that inserted the row, or modified one of the columns.
 *
 * @param columns - any column when absent
 */
export function latestWriting(history: readonly HistoryEntry[], columns?: readonly string[]): HistoryEntry | undefined {
  return history.findLast(({ op, row }) => {
    if (op === "delete") return false;
    return op === "insert" || columns === undefined || columns.some((column) => column in row);
  });
}

/** `ovn-nbctl (pid 4711, uid 0)`, as far as it is known. */
export function clientText({ process, pid, uid, remote }: HistoryEntry["client"]): string {
  const known = [pid === undefined ? "" : `pid ${pid}`, uid === undefined ? "" : `uid ${uid}`].filter((text) => text !== "");
  const name = process ?? remote;
  return known.length === 0 ? name : `${name} (${known.join(", ")})`;
}

function transactionOf({ txn, date, client, comment }: HistoryEntry): NonNullable<Cause["transaction"]> {
  return { id: txn, at: Date.parse(date), client: clientText(client), comment: comment ?? "" };
}

/** Columns that hold something, as plain JSON: a map is an object, a set an array, an optional column its value. */
function columnsOf(row: Row, table: TableSchema | undefined): Cause["columns"] {
  const columns: { [column: string]: JsonValue } = {};
  for (const column of table?.columns.values() ?? []) {
    const datum = row[column.name];
    if (datum === undefined || datumsEqual(datum, column.defaultDatum)) continue;
    columns[column.name] = jsonOf(datum, column.type.max === 1);
  }
  return columns;
}

function jsonOf(datum: Datum, isOptional: boolean): JsonValue {
  if (isMap(datum)) return Object.fromEntries([...datum].map(([key, value]) => [String(key), jsonAtom(value)]));
  if (!isSet(datum)) return jsonAtom(datum);
  const atoms = datum.map(jsonAtom);
  return isOptional ? (atoms[0] ?? null) : atoms;
}

/** A whole number beyond ±(2^53-1) is text, so that it stays exact. */
function jsonAtom(atom: Atom): JsonValue {
  return typeof atom === "bigint" ? String(atom) : atom;
}
