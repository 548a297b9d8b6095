/**
 * Database files that nobody serves: made, read, compacted, converted and copied.
 *
 * Whatever writes a file holds its lock. A file is replaced in one step when the new one is whole.
 *
 * @see ovsdb-tool(1)
 */
import { constants, copyFileSync, existsSync, rmSync } from "node:fs";
import { AppError, IoError, type Json, messageOf, silentLogger } from "@tenet/kit";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { type SchemaSource, toSchema } from "../model/parse-schema.ts";
import type { Row } from "../model/row.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { FileCommitLog } from "./file-commit-log.ts";
import { DatabaseLockedError } from "./lock-file.ts";
import { Database } from "./open-database.ts";
import { countedTables, type RowProgress } from "./row-progress.ts";
import type { TableRows } from "./table-rows.ts";

/** A file stands where a new one was to be made. */
export class FileExistsError extends AppError {
  static override readonly code: string = "OVSDB_FILE_EXISTS";

  constructor(file: string) {
    super(`Cannot make database file "${file}": it exists`, {
      hint: "Choose another name, or remove the file first",
      details: { file },
    });
  }
}

/** The rows do not fit the schema that they were to be converted to. */
export class ConversionError extends AppError {
  static override readonly code: string = "OVSDB_CONVERSION";
}

/** Tables with rows: a database or a replica. */
export interface RowSource {
  readonly schema: DatabaseSchema;
  table(name: string): ReadonlyMap<string, Row>;
}

/** Makes a file with an empty database. @throws FileExistsError, IoError */
export function createDatabaseFile(file: string, schema: SchemaSource | Json): void {
  const parsed = toSchema(schema);
  if (existsSync(file)) throw new FileExistsError(file);
  try {
    FileCommitLog.open(file, parsed, silentLogger).commitLog.close();
  } catch (error) {
    if (!(error instanceof DatabaseLockedError)) rmSync(file, { force: true });
    throw error;
  }
}

/** How to compact a file. */
export interface CompactOptions {
  /** A new file; without it the file itself is replaced. The file may then be in use. */
  readonly target?: string | undefined;
  /** Whether none of the latest transactions stays. */
  readonly dropsHistory?: boolean | undefined;
  readonly onProgress?: RowProgress | undefined;
}

/**
 * Replaces a file's transactions, but for the latest, by one that inserts the rows there were before these.
 *
 * @throws DatabaseLockedError, FileExistsError, IoError
 */
export async function compactDatabaseFile(
  file: string,
  { target, dropsHistory, onProgress }: CompactOptions = {},
): Promise<void> {
  if (target !== undefined) copyFile(file, target);
  await withDatabase(target ?? file, onProgress, (database) => database.compact(dropsHistory));
}

/**
 * Brings a file under another schema, or writes that to another file. Tables and columns that the new schema
 * lacks are left out, those that the old one lacks have their defaults; all else must hold under the new schema.
 *
 * @throws ConversionError telling what does not fit; the file then is as it was
 * @throws DatabaseLockedError, FileExistsError, IoError
 */
export async function convertDatabaseFile(
  file: string,
  schema: SchemaSource | Json,
  { target, onProgress }: Pick<CompactOptions, "target" | "onProgress"> = {},
): Promise<void> {
  const to = toSchema(schema);
  if (target !== undefined) copyFile(file, target);
  try {
    await withDatabase(target ?? file, onProgress, (database) => database.convert(to, { remote: "internal" }));
  } catch (error) {
    if (target !== undefined) rmSync(target, { force: true });
    throw error instanceof OvsdbError ? conversionError(to, error) : error;
  }
}

function conversionError(to: DatabaseSchema, { error, details }: OvsdbError): AppError {
  const why = typeof details["details"] === "string" ? details["details"] : error;
  if (error === "I/O error") return new IoError(`Cannot convert to ${describe(to)}: ${why}`, { hint: "The file is as it was" });
  return new ConversionError(`Cannot bring the rows under ${describe(to)}: ${why}`, { hint: "The file is as it was" });
}

/** Writes the rows of a database or a replica, as they are now, to a new file. @throws FileExistsError, IoError */
export async function copyRows(from: RowSource, target: string, comment: string, onProgress?: RowProgress): Promise<void> {
  const tables = Array.from(from.schema.tables.values(), (table): TableRows => {
    const rows = [...from.table(table.name).values()];
    return { table, rows: () => rows };
  });
  const nTotal = [...from.schema.tables.keys()].reduce((sum, name) => sum + from.table(name).size, 0);
  createDatabaseFile(target, from.schema);
  try {
    const { commitLog } = FileCommitLog.open(target, from.schema, silentLogger);
    try {
      await commitLog.fill(onProgress === undefined ? tables : countedTables(tables, nTotal, onProgress), Date.now(), comment);
    } finally {
      commitLog.close();
    }
  } catch (error) {
    rmSync(target, { force: true });
    throw error;
  }
}

function copyFile(file: string, target: string): void {
  if (existsSync(target)) throw new FileExistsError(target);
  try {
    copyFileSync(file, target, constants.COPYFILE_EXCL);
  } catch (error) {
    rmSync(target, { force: true });
    throw new IoError(`Cannot copy database file "${file}" to "${target}": ${messageOf(error)}`, {
      hint: "Check that the file can be read, and that there is space for a copy",
      cause: error,
    });
  }
}

async function withDatabase(
  file: string,
  onProgress: RowProgress | undefined,
  use: (database: Database) => Promise<void>,
): Promise<void> {
  const database = await Database.openFile(file, { onProgress });
  try {
    await use(database);
  } finally {
    database.close();
  }
}

function describe({ name, version }: DatabaseSchema): string {
  return version === "" ? name : `${name} ${version}`;
}
