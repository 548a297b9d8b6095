/** Replies to a client in typed form. */
import type { Json } from "@tenet/kit";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { isJsonArray, isJsonObject } from "../model/sorted-json.ts";

/** What one operation of a transaction gave. */
export interface OperationResult {
  /** Of `insert`: the new row's uuid. */
  readonly uuid?: string;
  /** Of `update`, `mutate`, `delete`: how many rows matched. */
  readonly count?: number;
  /** Of `select`: the rows as JSON. */
  readonly rows?: readonly Json[];
}

/** One change of one row, as a server that keeps history tells it. */
export interface HistoryEntry {
  readonly txn: string;
  /** ISO 8601. */
  readonly date: string;
  readonly comment: string | null;
  readonly client: {
    readonly remote: string;
    readonly pid?: number;
    readonly uid?: number;
    readonly subject?: string;
    readonly process?: string;
  };
  readonly table: string;
  readonly uuid: string;
  /** What people call the row, when it has a name. */
  readonly name?: string;
  readonly op: "insert" | "modify" | "delete";
  /** Columns: of a modify `{old, new}` per column, otherwise the values that are not the default. */
  readonly row: { readonly [column: string]: Json };
}

/** An error object of the wire as an error to throw. */
export function toOvsdbError(json: { readonly [key: string]: Json | undefined }): OvsdbError {
  const { error, details, syntax } = json;
  return new OvsdbError(
    String(error),
    details === undefined ? undefined : String(details),
    syntax === undefined ? undefined : String(syntax),
  );
}

/** One result of a transaction. @throws OvsdbError when it is an error object */
export function operationResult(json: Json): OperationResult {
  if (!isJsonObject(json)) return {};
  if (json["error"] !== undefined) throw toOvsdbError(json);
  const { uuid, count, rows } = json;
  return {
    ...(isJsonArray(uuid) && typeof uuid[1] === "string" ? { uuid: uuid[1] } : {}),
    ...(typeof count === "number" ? { count } : {}),
    ...(isJsonArray(rows) ? { rows } : {}),
  };
}

/** Whether an element of a `tenet_history` reply has the form of an entry. */
export function isHistoryEntry(json: unknown): json is HistoryEntry {
  return typeof json === "object" && json !== null && "txn" in json && "client" in json;
}
