/**
 * Database files that nobody serves: made, read, compacted, converted and copied.
 *
 * Whatever writes a file holds its lock. A file is replaced in one step when the new one is whole.
 *
 * @see ovsdb-tool(1)
 */
import { constants, copyFileSync, existsSync, rmSync } from "node:fs";
import { AppError, IoError, type Json, messageOf, silentLogger } from "@tenet/kit";
import { datumsEqual, toJson } from "../model/datum.ts";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { type SchemaSource, toSchema } from "../model/parse-schema.ts";
import { datumOf, type Row } from "../model/row.ts";
import type { DatabaseSchema, TableSchema } from "../model/schema.ts";
import { FileCommitLog } from "./file-commit-log.ts";
import { DatabaseLockedError } from "./lock-file.ts";
import { Database } from "./open-database.ts";

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
}

/**
 * Replaces a file's transactions, but for the latest, by one that inserts the rows there were before these.
 *
 * @throws DatabaseLockedError, FileExistsError, IoError
 */
export async function compactDatabaseFile(file: string, { target, dropsHistory }: CompactOptions = {}): Promise<void> {
  if (target !== undefined) copyFile(file, target);
  await withDatabase(target ?? file, (database) => database.compact(dropsHistory));
}

/**
 * Brings a file under another schema, or writes that to another file. Tables and columns that the new schema
 * lacks are left out, those that the old one lacks have their defaults; all else must hold under the new schema.
 *
 * @throws ConversionError telling what does not fit; the file then is as it was
 * @throws DatabaseLockedError, FileExistsError, IoError
 */
export async function convertDatabaseFile(file: string, schema: SchemaSource | Json, target?: string): Promise<void> {
  const to = toSchema(schema);
  if (target !== undefined) copyFile(file, target);
  try {
    await withDatabase(target ?? file, (database) => database.convert(to, { remote: "internal" }));
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

/** Writes the rows of a database or a replica to a new file. @throws FileExistsError, ConversionError, IoError */
export async function copyRows(from: RowSource, target: string, schema: DatabaseSchema, comment: string): Promise<void> {
  createDatabaseFile(target, schema);
  try {
    await withDatabase(target, async (database) => {
      const results = await database.transact([...insertions(from, schema), { op: "comment", comment }], { remote: "internal" });
      const failure = results.find((result) => typeof result === "object" && result !== null && "error" in result);
      if (failure !== undefined)
        throw new ConversionError(`Cannot bring the rows under ${describe(schema)}: ${explain(failure)}`);
    });
  } catch (error) {
    rmSync(target, { force: true });
    throw error;
  }
}

/** Operations that insert the rows with their uuids; what a schema lacks and ephemeral columns are left out. */
function insertions(from: RowSource, schema: DatabaseSchema): Json[] {
  return [...schema.tables.values()].flatMap((table) =>
    Array.from(from.table(table.name).values(), (row): Json => {
      const source = from.schema.tables.get(table.name) ?? table;
      return { op: "insert", table: table.name, uuid: row._uuid, row: columnsOf(row, source, table) };
    }),
  );
}

function columnsOf(row: Row, source: TableSchema, target: TableSchema): Json {
  const columns: { [name: string]: Json } = {};
  for (const column of source.columns.values()) {
    const datum = datumOf(row, column);
    if (column.isEphemeral || !target.columns.has(column.name) || datumsEqual(datum, column.defaultDatum)) continue;
    columns[column.name] = toJson(column.type, datum);
  }
  return columns;
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

async function withDatabase(file: string, use: (database: Database) => Promise<void>): Promise<void> {
  const database = await Database.openFile(file);
  try {
    await use(database);
  } finally {
    database.close();
  }
}

function describe({ name, version }: DatabaseSchema): string {
  return version === "" ? name : `${name} ${version}`;
}

function explain(failure: Json): string {
  const { error, details } = failure as { error?: Json; details?: Json };
  return typeof details === "string" ? details : messageOf(error);
}
