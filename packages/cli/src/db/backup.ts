/** `tenet db backup`: a served database into a file. */
import { copyRows, type RowSource } from "@tenet/ovsdb";
import type { Meter } from "./meter.ts";
import { connectTo, type Link } from "./source.ts";

/** Writes a served database to a new file. @returns how many rows @throws FileExistsError, DbArgumentError, IoError */
export async function backup(
  remote: string,
  file: string,
  database: string | undefined,
  meter: Meter,
  link: Link,
): Promise<number> {
  meter.note(`reading the rows of ${remote}`);
  await using replica = await connectTo(remote, database, link);
  await copyRows(replica, file, `backup of ${replica.schema.name} at ${remote}`, meter.rows);
  return nRowsOf(replica);
}

/** All rows of all tables. */
export function nRowsOf(rows: RowSource): number {
  return Array.from(rows.schema.tables.keys(), (name) => rows.table(name).size).reduce((sum, n) => sum + n, 0);
}
