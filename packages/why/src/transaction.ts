/** Who wrote what decided. */
import type { HistoryEntry, Replica, Row } from "@tenet/ovsdb";
import { isMap, isSet } from "@tenet/ovsdb";
import type { LinkedRow } from "./links/northbound.ts";
import type { Cause, JsonValue } from "./story.ts";

/** The row as a cause; `because` names the columns that decided. */
export async function causeOf(
  { table, row }: LinkedRow,
  summary: string,
  database: Replica,
  because: readonly string[] | undefined,
): Promise<Cause> {
  const history = await database.history(row._uuid);
  const entry = latestWriting(
    history.filter(({ uuid }) => uuid === row._uuid),
    because,
  );
  const transaction = entry === undefined ? {} : { transaction: transactionOf(entry) };
  return { table, uuid: row._uuid, summary, columns: columnsOf(row), ...transaction };
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
function columnsOf(row: Row): Cause["columns"] {
  const columns: { [column: string]: JsonValue } = {};
  for (const [name, datum] of Object.entries(row)) {
    if (name.startsWith("_")) continue;
    if (isMap(datum)) {
      if (datum.size > 0) columns[name] = Object.fromEntries([...datum].map(([key, value]) => [String(key), value]));
    } else if (isSet(datum)) {
      if (datum.length > 0) columns[name] = [...datum];
    } else if (datum !== "" && datum !== false) columns[name] = datum;
  }
  return columns;
}
