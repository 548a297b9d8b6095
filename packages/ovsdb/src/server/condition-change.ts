/**
 * What a monitor's client is told when its conditions change, as the text of a notification in parts of a row: each row of
 * the table is looked at, which for a hundred thousand takes longer than others may wait.
 *
 * As with the first answer, rows never change, so that the parts tell of the moment of the change, and what happens
 * meanwhile is told after them.
 */
import { matchesAny } from "../engine/condition.ts";
import { stringifyExact } from "../model/exact-json.ts";
import type { Row } from "../model/row.ts";
import type { MonitoredTable, MonitorSpec } from "./monitor-spec.ts";
import { deleteUpdate, insertUpdate } from "./monitor-update.ts";
import { type Monitor, notificationEnds } from "./monitor-views.ts";

/**
 * The rows that come into sight and go out of it.
 *
 * @param monitor - with the new conditions already
 * @param from - its conditions before
 * @param version - of the rows there are now
 * @returns a notification, or nothing but empty texts when the client sees what it saw
 */
export function conditionChange(
  monitor: Monitor,
  from: MonitorSpec,
  version: string,
  rowsOf: (table: string) => ReadonlyMap<string, Row>,
): Iterable<string> {
  const changed: ChangedTable[] = [];
  for (const [name, table] of monitor.spec.tables) {
    const before = from.tables.get(name);
    if (before === undefined || before.condition === table.condition) continue;
    changed.push({ name, before, table, rows: [...rowsOf(name).values()] });
  }
  return textOf(monitor.spec, changed, notificationEnds(monitor, version));
}

interface ChangedTable {
  readonly name: string;
  readonly before: MonitoredTable;
  readonly table: MonitoredTable;
  readonly rows: readonly Row[];
}

function* textOf(spec: MonitorSpec, tables: readonly ChangedTable[], [start, end]: readonly [string, string]): Generator<string> {
  let beforeTable = `${start}{`;
  let isEmpty = true;
  for (const { name, before, table, rows } of tables) {
    let beforeRow = `${beforeTable}"${name}":{`;
    let hasRows = false;
    for (const row of rows) {
      const update = updateOf(spec, before, table, row);
      yield update === undefined ? "" : `${beforeRow}"${row._uuid}":${stringifyExact(update)}`;
      if (update === undefined) continue;
      beforeRow = ",";
      hasRows = true;
    }
    if (!hasRows) continue;
    yield "}";
    beforeTable = ",";
    isEmpty = false;
  }
  if (!isEmpty) yield `}${end}`;
}

function updateOf(spec: MonitorSpec, before: MonitoredTable, table: MonitoredTable, row: Row): ReturnType<typeof insertUpdate> {
  const isSeen = matchesAny(table.condition, row);
  if (matchesAny(before.condition, row) === isSeen) return undefined;
  return isSeen ? insertUpdate(spec, table, row) : deleteUpdate(spec, table, row);
}
