/** Where rows come from: a database file, or a server. */
import { existsSync, readFileSync } from "node:fs";
import { AppError, didYouMean, IoError, type Json, messageOf } from "@tenet/kit";
import {
  connect,
  type ConnectOptions,
  Database,
  listDatabases,
  OPEN_VSWITCH,
  OVN_NORTHBOUND,
  OVN_SOUTHBOUND,
  parseExact,
  parseSchema,
  type DatabaseSchema,
  type Replica,
  type RowSource,
  type TlsFiles,
} from "@tenet/ovsdb";
import type { Meter } from "./meter.ts";

/** A database, table or schema that does not exist, or an argument that does not read. */
export class DbArgumentError extends AppError {
  static override readonly code: string = "CLI_DB_ARGUMENT";
}

/** How servers are reached. */
export interface Link {
  /** Ends what waits for them. */
  readonly signal: AbortSignal;
  /** Our certificate, for `ssl:` remotes. */
  readonly tls: TlsFiles | undefined;
}

/** Whether a source is a server: `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`, or several with commas between. */
export function isRemote(source: string): boolean {
  return /^[a-z]+:/.test(source) && !existsSync(source);
}

/** Lets `use` have the rows of a file or of a server's database. @throws DbArgumentError, IoError */
export async function withRows<T>(
  source: string,
  database: string | undefined,
  link: Link,
  meter: Meter,
  use: (rows: RowSource) => T | Promise<T>,
): Promise<T> {
  if (!isRemote(source)) return use(Database.read(source, meter.rows));
  meter.note(`reading the rows of ${source}`);
  await using replica = await connectTo(source, database, link);
  return await use(replica);
}

/** A replica of the server's database of this name, or of its only one. @throws DbArgumentError, IoError */
export async function connectTo(
  remote: string,
  database: string | undefined,
  link: Link,
  tables?: ConnectOptions["tables"],
): Promise<Replica> {
  const names = await listDatabases(remote, link.signal, link.tls);
  const [first, second] = names;
  if (database === undefined && second !== undefined) {
    throw new DbArgumentError(`Cannot tell which database of "${remote}" is meant: it has ${names.join(", ")}`, {
      hint: "Name one with --database",
    });
  }
  const name = database ?? first;
  if (name === undefined || !names.includes(name)) {
    throw new DbArgumentError(`"${remote}" has no database ${name ?? ""}`.trim(), {
      hint: `It has ${names.join(", ") || "none"}`,
    });
  }
  const { signal, tls } = link;
  return connect(
    remote,
    { database: name, ...(tables === undefined ? {} : { tables }), ...(tls === undefined ? {} : { tls }) },
    signal,
  );
}

/** The names that are asked for, or all of them. @throws DbArgumentError on one that the schema lacks */
export function tablesOf(schema: DatabaseSchema, names: readonly string[]): string[] {
  const all = [...schema.tables.keys()];
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return names.length === 0 ? all : [...names];
  throw new DbArgumentError(`${schema.name} has no table "${unknown}"`, { hint: didYouMean(unknown, all) });
}

/** A schema from a file, or by name one of those that Tenet serves. @throws DbArgumentError, IoError, OvsdbError */
export function readSchema(source: string): DatabaseSchema {
  const own = [OVN_NORTHBOUND, OVN_SOUTHBOUND, OPEN_VSWITCH].find(({ name }) => name === source);
  return parseSchema(own ?? readJson(source));
}

function readJson(file: string): Json {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new IoError(`Cannot read schema "${file}": ${messageOf(error)}`, {
      hint: "Give a schema file, or OVN_Northbound, OVN_Southbound or Open_vSwitch",
      cause: error,
    });
  }
  return parseJson(text, `schema "${file}"`);
}

/** Reads JSON. @throws DbArgumentError that names what was read */
export function parseJson(text: string, what: string): Json {
  try {
    return parseExact(text);
  } catch (error) {
    throw new DbArgumentError(`Cannot read ${what}: ${messageOf(error)}`, { hint: "It has to be JSON", cause: error });
  }
}
