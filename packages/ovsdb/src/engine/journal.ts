/**
 * The journal of a running transaction.
 *
 * Operations work on the tables in place, so that later operations see earlier ones; the journal keeps
 * each touched row's version from before the transaction, which is what a rollback and the list of
 * changes need. Its size is what the transaction touched.
 */
import { type Row, rowsEqual } from "../model/row.ts";
import { moveReferences, type ReferenceStep, type Tables } from "./references.ts";
import type { TableState } from "./table-state.ts";

/** A row touched by the transaction; `old` and `new` absent means it came and went. */
export interface TouchedRow {
  readonly table: TableState;
  readonly uuid: string;
  readonly old: Row | undefined;
  readonly new: Row | undefined;
}

/** Applies changes to tables and can take them back. */
export class Journal {
  readonly #tables: Tables;
  readonly #originals = new Map<TableState, Map<string, Row | undefined>>();
  /** The version of each row whose references are counted, where it is not the original. */
  readonly #counted = new Map<TableState, Map<string, Row | undefined>>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Inserts, replaces or (with `row` absent) deletes a row. */
  set(table: TableState, uuid: string, row: Row | undefined): void {
    const originals = this.#originals.get(table) ?? new Map<string, Row | undefined>();
    if (originals.size === 0) this.#originals.set(table, originals);
    if (!originals.has(uuid)) originals.set(uuid, table.rows.get(uuid));
    table.set(uuid, row);
  }

  /** The row before the transaction. */
  originalOf(table: TableState, uuid: string): Row | undefined {
    const originals = this.#originals.get(table);
    return originals?.has(uuid) === true ? originals.get(uuid) : table.rows.get(uuid);
  }

  /** Tables in which some row was touched. */
  touchedTables(): Iterable<TableState> {
    return this.#originals.keys();
  }

  /** All touched rows; the list is a copy and stays as it is while more rows are touched. */
  touched(): TouchedRow[] {
    const rows: TouchedRow[] = [];
    for (const [table, originals] of this.#originals) {
      for (const [uuid, old] of originals) rows.push({ table, uuid, old, new: table.rows.get(uuid) });
    }
    return rows;
  }

  /** Puts the original object back where a row ended as it began. */
  dropUnchanged(): void {
    for (const [table, originals] of this.#originals) {
      for (const [uuid, old] of originals) {
        const row = table.rows.get(uuid);
        const isSame = old === row || (old && row && rowsEqual(table.schema, old, row));
        if (!isSame || this.#countedVersion(table, uuid, old) !== old) continue;
        if (old !== undefined) table.rows.set(uuid, old);
        originals.delete(uuid);
      }
      if (originals.size === 0) this.#originals.delete(table);
    }
  }

  /** Brings the reference counts up to the row's present version. */
  countReferences(table: TableState, uuid: string, onStrong: (step: ReferenceStep) => void): void {
    const from = this.#countedVersion(table, uuid, this.originalOf(table, uuid));
    const to = table.rows.get(uuid);
    const counted = this.#counted.get(table) ?? new Map<string, Row | undefined>();
    if (counted.size === 0) this.#counted.set(table, counted);
    counted.set(uuid, to);
    moveReferences(this.#tables, table, uuid, from, to, onStrong);
  }

  /** Takes everything back: rows, indexes and reference counts. */
  rollback(): void {
    for (const [table, counted] of this.#counted) {
      for (const [uuid, row] of counted) moveReferences(this.#tables, table, uuid, row, this.originalOf(table, uuid));
    }
    for (const [table, originals] of this.#originals) {
      for (const [uuid, old] of originals) table.set(uuid, old);
    }
    this.#counted.clear();
    this.#originals.clear();
  }

  #countedVersion(table: TableState, uuid: string, original: Row | undefined): Row | undefined {
    const counted = this.#counted.get(table);
    return counted?.has(uuid) === true ? counted.get(uuid) : original;
  }
}
