/** `tenet db transact`: one transaction, on a server or a file that nobody serves. */
import type { Json } from "@tenet/kit";
import { Database, OvsdbError, stringifyExact } from "@tenet/ovsdb";
import { connectTo, DbArgumentError, isRemote, parseJson, type Link } from "./source.ts";

/** A transaction was refused. */
class TransactionError extends DbArgumentError {
  static override readonly code: string = "CLI_DB_TRANSACTION";
}

/**
 * Executes operations and tells what each gave.
 *
 * @param text - a JSON array of operations, or the params of `transact`: the database's name and operations
 * @throws TransactionError naming the operation that failed; DbArgumentError, DatabaseLockedError, IoError
 */
export async function transact(
  source: string,
  text: string,
  database: string | undefined,
  format: "text" | "json",
  link: Link,
): Promise<string> {
  const params = parseJson(text, "the operations");
  if (!Array.isArray(params)) throw new DbArgumentError("The operations are not an array", { hint: EXAMPLE });
  const [name, ...rest] = params as Json[];
  const operations = typeof name === "string" ? rest : (params as Json[]);
  const results = await execute(source, operations, database ?? (typeof name === "string" ? name : undefined), link);
  checkResults(operations, results);
  if (format === "json") return `${stringifyExact(results)}\n`;
  return results.map((result, i) => `${operationName(operations[i])}${formatResult(result)}\n`).join("");
}

const EXAMPLE = `For example '[{"op": "select", "table": "NB_Global", "where": []}]'`;

async function execute(source: string, operations: readonly Json[], name: string | undefined, link: Link): Promise<Json[]> {
  if (isRemote(source)) {
    await using replica = await connectTo(source, name, link, []);
    return (await replica.request("transact", [replica.schema.name, ...operations])) as Json[];
  }
  const database = await Database.open({ schema: Database.read(source).schema, file: source });
  try {
    if (name !== undefined && name !== database.schema.name)
      throw new DbArgumentError(`"${source}" holds ${database.schema.name}, not ${name}`);
    return await database.transact(operations, { remote: "tenet db", pid: process.pid, process: "tenet" });
  } finally {
    database.close();
  }
}

/** @throws TransactionError on the first result that is an error */
function checkResults(operations: readonly Json[], results: readonly Json[]): void {
  for (const [i, result] of results.entries()) {
    const { error, details } = (result ?? {}) as { error?: string; details?: string };
    if (error === undefined) continue;
    const where = i < operations.length ? `operation ${i + 1} (${operationName(operations[i])})` : "the commit";
    throw new TransactionError(`The transaction was refused at ${where}: ${new OvsdbError(error, details).message}`, {
      hint: "Nothing of it was kept",
      details: { results: [...results] },
    });
  }
}

function operationName(operation: Json | undefined): string {
  return String((operation as { op?: string } | null | undefined)?.op);
}

function formatResult(result: Json): string {
  const { uuid, count, rows } = (result ?? {}) as { uuid?: [string, string]; count?: number; rows?: Json[] };
  if (uuid !== undefined) return ` ${uuid[1]}`;
  if (count !== undefined) return ` ${count} row${count === 1 ? "" : "s"}`;
  return rows === undefined
    ? ""
    : [` ${rows.length} row${rows.length === 1 ? "" : "s"}`, ...rows.map((row) => `  ${stringifyExact(row)}`)].join("\n");
}
