/** `tenet db schema` and `list`: what databases there are, and of what form. */
import { Database, type DatabaseSchema, listDatabases, stringifyExact } from "@tenet/ovsdb";
import { formatTable } from "../up/table.ts";
import { connectTo, isRemote, type Link } from "./source.ts";

/** A database's schema: its tables in short, or as JSON. @throws DbArgumentError, NotALogError, IoError */
export async function schemaOf(
  source: string,
  database: string | undefined,
  format: "text" | "json",
  link: Link,
): Promise<string> {
  if (!isRemote(source)) return describe(Database.read(source).schema, format);
  await using replica = await connectTo(source, database, link, []);
  return describe(replica.schema, format);
}

/** Whether a file has to be converted to come under a schema. */
export function needsConversion(file: string, schema: DatabaseSchema): boolean {
  return stringifyExact(Database.read(file).schema.json) !== stringifyExact(schema.json);
}

/** The databases of a server, with their versions. @throws DbArgumentError, IoError */
export async function listServed(remote: string, link: Link): Promise<string> {
  const lines: string[] = [];
  for (const name of await listDatabases(remote, link.signal, link.tls)) {
    await using replica = await connectTo(remote, name, link, []);
    lines.push(`${name} ${replica.schema.version}`.trim());
  }
  return lines.map((line) => `${line}\n`).join("");
}

function describe(schema: DatabaseSchema, format: "text" | "json"): string {
  if (format === "json") return `${stringifyExact(schema.json, 2)}\n`;
  const rows = Array.from(schema.tables.values(), (table) => {
    const limit = table.maxRows === Infinity ? "" : `at most ${table.maxRows} row${table.maxRows === 1 ? "" : "s"}`;
    const index = table.indexes.map((columns) => columns.map(({ name }) => name).join("+")).join(", ");
    return [
      table.name,
      `${table.columns.size} column${table.columns.size === 1 ? "" : "s"}`,
      index === "" ? "" : `index ${index}`,
      table.isRoot ? "" : "collected",
      limit,
    ];
  });
  return `${`${schema.name} ${schema.version}`.trim()}: ${schema.tables.size} tables\n${formatTable(rows)}\n`;
}
