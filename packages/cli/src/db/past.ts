/** What a database held at an earlier moment, from a server's history or a file's. */
import type { Json } from "@tenet/kit";
import { Database, type DatabaseSchema, OvsdbError, parseDatum, type Row, rowsAt, type RowSource, RpcError } from "@tenet/ovsdb";
import type { Meter } from "./meter.ts";
import { formatMoment, parseMoment } from "./parse-moment.ts";
import { connectTo, DbArgumentError, isRemote, type Link } from "./source.ts";

/** Rows of then. */
export interface PastSource extends RowSource {
  /** Which moment it is: when the last transaction before it was committed, and its version. */
  readonly moment: string;
}

/** What `tenet_rows_at` answers. */
interface RowsAt {
  readonly version: string;
  readonly date: string;
  readonly rows: { readonly [table: string]: { readonly [uuid: string]: { readonly [column: string]: Json } } };
}

/**
 * @param text - a time (see {@link parseMoment}), or a version or its beginning (8 digits or more)
 * @param now - ms since 1970-01-01 UTC
 * @throws DbArgumentError when the history does not reach back to there
 */
export async function pastRows(
  source: string,
  text: string,
  database: string | undefined,
  now: number,
  meter: Meter,
  link: Link,
): Promise<PastSource> {
  const moment = /^[0-9a-f]{8}(-[0-9a-f-]*)?$/i.test(text) ? text : parseMoment(text, now);
  try {
    if (!isRemote(source)) {
      const content = Database.read(source, meter.rows);
      return toSource(content.schema, rowsAt(content, moment));
    }
    await using replica = await connectTo(source, database, link, []);
    return toSource(replica.schema, await replica.request("tenet_rows_at", [replica.schema.name, moment]));
  } catch (error) {
    if (error instanceof OvsdbError && error.error === "unknown version") {
      throw new DbArgumentError(`Cannot tell what "${source}" held at ${text}: ${String(error.details["details"])}`, {
        hint: "tenet db log shows the versions that are kept",
        cause: error,
      });
    }
    if (!(error instanceof RpcError) || error.error !== "unknown method") throw error;
    throw new DbArgumentError(`The server at "${source}" keeps no history`, {
      hint: "Only Tenet's servers do; give the database file instead",
    });
  }
}

function toSource(schema: DatabaseSchema, reply: Json): PastSource {
  const { version, date, rows } = reply as unknown as RowsAt;
  const tables = new Map(
    Array.from(schema.tables.values(), (table) => {
      const all = Object.entries(rows[table.name] ?? {}).map(([uuid, columns]): [string, Row] => {
        const given = Object.entries(columns).flatMap(([name, json]) => {
          const column = table.columns.get(name);
          return column === undefined ? [] : [[name, parseDatum(column.type, json)] as const];
        });
        const defaults = Array.from(table.columns.values(), (column) => [column.name, column.defaultDatum] as const);
        return [uuid, { ...Object.fromEntries(defaults), ...Object.fromEntries(given), _uuid: uuid, _version: version }];
      });
      return [table.name, new Map(all)] as const;
    }),
  );
  return {
    schema,
    moment: `${formatMoment(Date.parse(date))}, version ${version.slice(0, 8)}`,
    table: (name) => tables.get(name) ?? new Map(),
  };
}
