/**
 * What happens between a transaction's last operation and its commit: references are checked, rows that
 * nobody refers to are collected, weak references to missing rows are dropped, and the limits on rows and
 * the uniqueness of indexes are enforced.
 *
 * All of it looks only at rows that the transaction touched and at rows that refer to those.
 *
 * @see RFC 7047, sections 3.2 and 4.1.3
 */
import { formatAtom, ZERO_UUID } from "../model/atom.ts";
import { type Datum, isMap, isSet, keysOf, sizeOf } from "../model/datum.ts";
import { constraintViolation, OvsdbError } from "../model/ovsdb-error.ts";
import { datumOf, type Row } from "../model/row.ts";
import type { ColumnSchema } from "../model/schema.ts";
import type { Journal } from "./journal.ts";
import { referredTable, type Tables } from "./references.ts";
import type { TableState } from "./table-state.ts";

/**
 * Brings the tables into a state that may be committed.
 *
 * @throws OvsdbError "referential integrity violation" or "constraint violation"; the caller rolls back
 */
export function settle(tables: Tables, journal: Journal): void {
  journal.dropUnchanged();
  const doubtful = countStrongReferences(journal);
  checkNoDanglingReference(journal);
  collectGarbage(journal, doubtful);
  checkMaxRows(journal);
  dropWeakReferences(tables, journal);
  checkIndexes(journal);
  journal.dropUnchanged();
}

/** Rows whose count may have become zero. */
type Doubtful = [TableState, string][];

function countStrongReferences(journal: Journal): Doubtful {
  const doubtful: Doubtful = [];
  let failure: OvsdbError | undefined;
  for (const { table, uuid, new: row } of journal.touched()) {
    // A row's counts move completely or not at all, or a rollback would take back more than was done.
    journal.countReferences(table, uuid, ({ column, target, uuid: to, step }) => {
      if (step < 0) doubtful.push([target, to]);
      else if (!target.rows.has(to) && journal.originalOf(target, to) === undefined) {
        failure ??= nonexistent(table, column, uuid, target, to);
      }
    });
    if (failure !== undefined) throw failure;
    if (row !== undefined && !table.schema.isRoot) doubtful.push([table, uuid]);
  }
  return doubtful;
}

function nonexistent(table: TableState, column: ColumnSchema, uuid: string, target: TableState, to: string): OvsdbError {
  const source = `Table ${table.schema.name} column ${column.name} row ${uuid}`;
  return integrityViolation(`${source} references nonexistent row ${to} in table ${target.schema.name}.`);
}

function integrityViolation(details: string): OvsdbError {
  return new OvsdbError("referential integrity violation", details);
}

function checkNoDanglingReference(journal: Journal): void {
  for (const { table, uuid, new: row } of journal.touched()) {
    const n = row === undefined ? (table.strongCounts.get(uuid) ?? 0) : 0;
    if (n === 0) continue;
    throw integrityViolation(`cannot delete ${table.schema.name} row ${uuid} because of ${n} remaining reference(s)`);
  }
}

/** Deletes rows of non-root tables without references, and what that leaves without references. */
function collectGarbage(journal: Journal, doubtful: Doubtful): void {
  for (let next = doubtful.pop(); next !== undefined; next = doubtful.pop()) {
    const [table, uuid] = next;
    if (table.schema.isRoot || table.strongCounts.has(uuid) || !table.rows.has(uuid)) continue;
    journal.set(table, uuid, undefined);
    journal.countReferences(table, uuid, ({ target, uuid: to }) => doubtful.push([target, to]));
  }
}

function checkMaxRows(journal: Journal): void {
  for (const { table } of journal.touched()) {
    const { schema, rows } = table;
    if (rows.size <= schema.maxRows) continue;
    const limit = `greater than the schema-defined limit of ${schema.maxRows} row(s)`;
    throw constraintViolation(`transaction causes "${schema.name}" table to contain ${rows.size} rows, ${limit}`);
  }
}

/** Removes references to missing rows from weak columns of touched rows and of rows that referred to deleted ones. */
function dropWeakReferences(tables: Tables, journal: Journal): void {
  const doubtful: Doubtful = [];
  for (const { table, uuid, new: row } of journal.touched()) {
    if (row !== undefined) dropFromRow(tables, journal, table, row, doubtful);
    else for (const source of table.weakSources.get(uuid)?.keys() ?? []) dropFromSource(tables, journal, source, doubtful);
  }
  if (doubtful.length === 0) return;
  collectGarbage(journal, doubtful);
  dropWeakReferences(tables, journal);
}

function dropFromSource(tables: Tables, journal: Journal, source: string, doubtful: Doubtful): void {
  const slash = source.indexOf("/");
  const table = tables.get(source.slice(0, slash));
  const row = table?.rows.get(source.slice(slash + 1));
  if (table !== undefined && row !== undefined) dropFromRow(tables, journal, table, row, doubtful);
}

function dropFromRow(tables: Tables, journal: Journal, table: TableState, row: Row, doubtful: Doubtful): void {
  let changed: { [column: string]: Datum } | undefined;
  for (const column of table.schema.weakColumns) {
    const datum = datumOf(row, column);
    const kept = withoutMissing(tables, column, datum);
    if (sizeOf(kept) === sizeOf(datum)) continue;
    if (sizeOf(kept) < column.type.min) throw emptied(journal, table, row, column, sizeOf(datum) - sizeOf(kept));
    changed = { ...changed, [column.name]: kept };
  }
  if (changed === undefined) return;
  journal.set(table, row._uuid, table.maker.change(row, changed));
  journal.countReferences(table, row._uuid, ({ target, uuid: to }) => doubtful.push([target, to]));
}

function withoutMissing(tables: Tables, { type }: ColumnSchema, datum: Datum): Datum {
  const keyTable = referredTable(tables, type.key, true);
  const valueTable = referredTable(tables, type.value, true);
  const isThere = (target: TableState | undefined, uuid: unknown) =>
    target === undefined || (typeof uuid === "string" && target.rows.has(uuid));
  if (isMap(datum)) {
    const pairs = [...datum].filter(([key, value]) => isThere(keyTable, key) && isThere(valueTable, value));
    return pairs.length === datum.size ? datum : new Map(pairs);
  }
  const kept = keysOf(datum).filter((uuid) => isThere(keyTable, uuid));
  return isSet(datum) || kept.length === 0 ? kept : datum;
}

function emptied(journal: Journal, table: TableState, row: Row, column: ColumnSchema, n: number): OvsdbError {
  const isInserted = journal.originalOf(table, row._uuid) === undefined;
  if (isInserted && keysOf(datumOf(row, column)).every((uuid) => uuid === ZERO_UUID)) {
    return constraintViolation(
      `Weak reference column "${column.name}" in "${table.schema.name}" row ${row._uuid} (inserted within this transaction) ` +
        "contained all-zeros UUID (probably as the default value for this column) but deleting this value caused a " +
        "constraint volation because this column is not allowed to be empty.",
    );
  }
  const when = isInserted ? "(inserted within this transaction) " : "";
  return constraintViolation(
    `Deletion of ${n} weak reference(s) to deleted (or never-existing) rows from column "${column.name}" in ` +
      `"${table.schema.name}" row ${row._uuid} ${when}caused this column to become empty, but constraints on this ` +
      "column disallow an empty column.",
  );
}

function checkIndexes(journal: Journal): void {
  for (const { table, new: row } of journal.touched()) {
    if (row === undefined) continue;
    for (const index of table.indexes) {
      if (!index.hasDuplicates) continue;
      const other = index.findOther(row);
      const otherRow = other === undefined ? undefined : table.rows.get(other);
      if (otherRow !== undefined) throw duplicateRows(journal, table, index.columns, row, otherRow);
    }
  }
}

function duplicateRows(journal: Journal, table: TableState, columns: readonly ColumnSchema[], a: Row, b: Row): OvsdbError {
  const [first, second] = a._uuid > b._uuid ? [a, b] : [b, a];
  const names = joinWithAnd(columns.map((column) => `"${column.name}"`));
  return constraintViolation(
    `Transaction causes multiple rows in "${table.schema.name}" table to have identical values (${valuesOf(first, columns)}) ` +
      `for index on column${columns.length === 1 ? "" : "s"} ${names}.  First row, with UUID ${first._uuid}, ` +
      `${originOf(journal, table, columns, first)}.  Second row, with UUID ${second._uuid}, ` +
      `${originOf(journal, table, columns, second)}.`,
  );
}

function originOf(journal: Journal, table: TableState, columns: readonly ColumnSchema[], row: Row): string {
  const old = journal.originalOf(table, row._uuid);
  if (old === undefined) return "was inserted by this transaction";
  if (old === row) return "existed in the database before this transaction and was not modified by the transaction";
  const before = valuesOf(old, columns);
  if (before === valuesOf(row, columns)) {
    return "existed in the database before this transaction, which modified some of the row's columns but not any columns in this index";
  }
  return `had the following index values before the transaction: ${before}`;
}

function valuesOf(row: Row, columns: readonly ColumnSchema[]): string {
  return joinWithAnd(columns.map((column) => formatDatum(column, datumOf(row, column))));
}

function formatDatum({ type }: ColumnSchema, datum: Datum): string {
  const { key, value = key } = type;
  if (isMap(datum))
    return `{${Array.from(datum, ([k, v]) => `${formatAtom(k, key.type)}=${formatAtom(v, value.type)}`).join(", ")}}`;
  const texts = keysOf(datum).map((atom) => formatAtom(atom, key.type));
  return texts.length === 1 ? texts.join() : `[${texts.join(", ")}]`;
}

function joinWithAnd(texts: readonly string[]): string {
  if (texts.length < 3) return texts.join(" and ");
  return `${texts.slice(0, -1).join(", ")}, and ${texts.at(-1)}`;
}
