/** How much a database server holds, as the original's `memory/show` counts it. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type DatabaseEngine, datumOf, isMap, keysOf } from "@tenet/ovsdb";
import type { DatabaseDaemon } from "./database-daemon.ts";

/** Rows that are counted before others have their turn. */
const ROWS_PER_TURN = 2000;
/** `_uuid` and `_version`. */
const SYNTHETIC = 2;

/** Counts values (`cells`), what is in them (`atoms`), weak references, monitors and sessions. */
export async function measureMemory(daemon: DatabaseDaemon): Promise<Map<string, number>> {
  const usage = new Map([
    ["atoms", 0],
    ["cells", 0],
    ["monitors", daemon.server.usage.nMonitors],
    ["n-weak-refs", 0],
  ]);
  const { nSessions } = daemon.server.usage;
  if (nSessions > 0) usage.set("sessions", nSessions);
  for (const name of daemon.databaseNames) {
    const database = daemon.find(name);
    if (database !== undefined) await countRows(database, usage);
  }
  return usage;
}

async function countRows(database: DatabaseEngine, usage: Map<string, number>): Promise<void> {
  const add = (name: string, n: number) => usage.set(name, (usage.get(name) ?? 0) + n);
  for (const table of database.schema.tables.values()) {
    const columns = [...table.columns.values()];
    let nRows = 0;
    for (const row of database.table(table.name).values()) {
      add("cells", columns.length + SYNTHETIC);
      add("atoms", SYNTHETIC);
      for (const column of columns) {
        const datum = datumOf(row, column);
        const { length } = keysOf(datum);
        add("atoms", isMap(datum) ? 2 * length : length);
        if (column.hasWeakRefs) add("n-weak-refs", length);
      }
      if (++nRows % ROWS_PER_TURN === 0) await nextTurn();
    }
  }
}
