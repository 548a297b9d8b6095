/** `tenet db backup` and `restore`: a served database into a file, and back. */
import { type Json, messageOf } from "@tenet/kit";
import { copyRows, Database, insertions, type RowSource } from "@tenet/ovsdb";
import { connectTo, DbArgumentError } from "./source.ts";

/** Writes a served database to a new file. @returns how many rows @throws FileExistsError, DbArgumentError, IoError */
export async function backup(remote: string, file: string, database: string | undefined, signal: AbortSignal): Promise<number> {
  await using replica = await connectTo(remote, database, signal);
  await copyRows(replica, file, replica.schema, `backup of ${replica.schema.name} at ${remote}`);
  return nRowsOf(replica);
}

/**
 * Replaces all rows of a served database by those of a file, in one transaction. Rows keep their uuids.
 *
 * @param isForced - although the schemas differ; tables and columns that the server lacks are left out
 * @returns how many rows
 * @throws DbArgumentError when the schemas differ, or the server refuses
 */
export async function restore(
  remote: string,
  file: string,
  database: string | undefined,
  isForced: boolean,
  signal: AbortSignal,
): Promise<number> {
  const rows = Database.read(file);
  await using replica = await connectTo(remote, database ?? rows.schema.name, signal, []);
  const { schema } = replica;
  if (!isForced && JSON.stringify(rows.schema.json) !== JSON.stringify(schema.json)) {
    throw new DbArgumentError(
      `Cannot restore "${file}": its schema is ${rows.schema.name} ${rows.schema.version}, the server's differs (${schema.version})`,
      {
        hint: "Convert the file with tenet db convert, or take what fits with --force",
      },
    );
  }
  const deletions = Array.from(schema.tables.keys(), (table): Json => ({ op: "delete", table, where: [] }));
  const comment: Json = { op: "comment", comment: `restored from ${file}` };
  try {
    await replica.transact([...deletions, ...insertions(rows, schema), comment]);
  } catch (error) {
    throw new DbArgumentError(`Cannot restore "${file}": ${messageOf(error)}`, {
      hint: "The server's rows are as they were",
      cause: error,
    });
  }
  return nRowsOf(rows);
}

function nRowsOf(rows: RowSource): number {
  return Array.from(rows.schema.tables.keys(), (name) => rows.table(name).size).reduce((sum, n) => sum + n, 0);
}
