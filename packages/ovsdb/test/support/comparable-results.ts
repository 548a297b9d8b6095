/** Results of transactions in the form in which two servers must agree. */
import type { Json } from "@tenet/kit";
import { stringifyExact } from "@tenet/ovsdb";

/**
 * What both servers promise. Not promised: the order of rows; which of several faulty columns of a row, or of
 * several violations at the commit, is reported first, nor which of several defaults of an insert is not allowed.
 */
export function comparableResults(results: Json | undefined, operations: readonly Json[]): unknown {
  if (!Array.isArray(results)) return results;
  return results.map((result: { rows?: Json[]; error?: string; details?: string }, i) => {
    if (result?.rows !== undefined) return { rows: result.rows.map((item) => stringifyExact(sortKeys(item))).sort() };
    if (result?.error === undefined) return result;
    if (i >= operations.length) return { error: result.error };
    if (isAboutSomeRow(operations[i], result.error)) return "failed";
    return isAmbiguous(operations[i], result.error) ? "failed" : result;
  });
}

/** Of several rows of which a mutation breaks a constraint, or leaves the range, the first to be tried is told of. */
function isAboutSomeRow(sent: Json | undefined, error: string): boolean {
  return (sent as { op?: string }).op === "mutate" && ["constraint violation", "range error"].includes(error);
}

function isAmbiguous(sent: Json | undefined, error: string): boolean {
  const { op, row: single = {}, rows: several = [] } = sent as { op?: string; row?: object; rows?: object[] };
  if (op === "insert" && error === "constraint violation") return true;
  return [single, ...several].some((each) => Object.keys(each).length > 1);
}

function sortKeys(json: Json): Json {
  return typeof json === "object" && json !== null && !Array.isArray(json)
    ? Object.fromEntries(Object.entries(json as object).sort())
    : json;
}
