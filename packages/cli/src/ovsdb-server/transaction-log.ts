/** Lines in the log for what transactions do to chosen tables. @see ovsdb-server(1), "ovsdb-server/tlog-set" */
import { type Command, command, type DatabaseEngine, datumOf, type RowChange } from "@tenet/ovsdb";
import type { Vlog } from "../daemon/vlog/vlog.ts";
import { formatDatum } from "../db/format-row.ts";
import { type DatabaseDaemon, DaemonError } from "./database-daemon.ts";

/** What is told of one database. */
interface Followed {
  readonly tables: Set<string>;
  readonly stop: () => void;
}

/** The commands `ovsdb-server/tlog-set` and `tlog-list`. */
export function transactionLogCommands(daemon: DatabaseDaemon, vlog: Vlog): Command[] {
  const log = new TransactionLog(vlog);
  return [
    command("ovsdb-server/tlog-set", "DB:TABLE on|off", [2, 2], ([place = "", word = ""]) => {
      const [name = "", table, ...rest] = place.split(":");
      if (table === undefined || rest.length > 0) throw new DaemonError("invalid DB:TABLE argument");
      const database = daemon.find(name);
      if (database === undefined) throw new DaemonError("no such database");
      if (!database.schema.tables.has(table)) throw new DaemonError("no such table");
      if (word !== "on" && word !== "off") throw new DaemonError("invalid command argument");
      log.set(database, table, word === "on");
      return "";
    }),
    command("ovsdb-server/tlog-list", "", [0, 0], () => {
      const lines = daemon.databaseNames.flatMap((name) => {
        const database = daemon.find(name);
        const tables = [...(database?.schema.tables.keys() ?? [])].toSorted();
        const isTold = (table: string) => database !== undefined && log.tells(database, table);
        return [
          `${name.padEnd(16)} `,
          ...tables.map((table) => `${" ".repeat(16)}${table.padEnd(27)} ${isTold(table) ? "ON" : "OFF"}`),
        ];
      });
      return [
        "database        table                       logging",
        "--------        -----                       -------",
        ...lines,
      ].join("\n");
    }),
  ];
}

/** Which tables are told of. */
class TransactionLog {
  readonly #vlog: Vlog;
  readonly #followed = new WeakMap<DatabaseEngine, Followed>();

  constructor(vlog: Vlog) {
    this.#vlog = vlog;
  }

  tells(database: DatabaseEngine, table: string): boolean {
    return this.#followed.get(database)?.tables.has(table) === true;
  }

  set(database: DatabaseEngine, table: string, isTold: boolean): void {
    const followed = this.#followed.get(database) ?? this.#follow(database);
    if (isTold) followed.tables.add(table);
    else followed.tables.delete(table);
    if (followed.tables.size > 0) return;
    followed.stop();
    this.#followed.delete(database);
  }

  #follow(database: DatabaseEngine): Followed {
    const tables = new Set<string>();
    const stop = database.onCommit(({ changes }) => {
      for (const change of changes) {
        if (tables.has(change.table)) this.#vlog.write("transaction", "info", describe(database, change));
      }
    });
    const followed = { tables, stop };
    this.#followed.set(database, followed);
    return followed;
  }
}

/** `table:T,op:inserted,_uuid:…,COLUMN:VALUE…`: the row after the change, or the one that is gone. */
function describe({ schema }: DatabaseEngine, { table, uuid, old, new: row }: RowChange): string {
  const operation = old === undefined ? "inserted" : row === undefined ? "deleted" : "updated";
  const present = row ?? old;
  const columns = [...(schema.tables.get(table)?.columns.values() ?? [])];
  const values = present === undefined ? [] : columns.map((column) => `${column.name}:${formatDatum(datumOf(present, column))}`);
  return [`table:${table}`, `op:${operation}`, `_uuid:${uuid}`, ...values].join(",");
}
