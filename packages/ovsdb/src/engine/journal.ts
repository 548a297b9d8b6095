/**
 * The journal of a running transaction.
 *
 * Operations work on the tables in place, so that later operations see earlier ones; the journal keeps
 * each touched row's version from before the transaction, which is what a rollback and the list of
 * changes need. Its size is what the transaction touched. It knows the present version too, so that who asks
 * what was touched does not look it up in tables that are far larger than the processor's caches.
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

interface Entry extends TouchedRow {
  new: Row | undefined;
  /** The version whose references are counted. */
  counted: Row | undefined;
}

/** So many entries are looked through; beyond, they are found by hash. */
const FEW = 8;

/** Applies changes to tables and can take them back. */
export class Journal {
  readonly #tables: Tables;
  #entries: Entry[] = [];
  #entryByUuid: Map<TableState, Map<string, Entry>> | undefined;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Inserts, replaces or (with `row` absent) deletes a row. */
  set(table: TableState, uuid: string, row: Row | undefined): void {
    const entry = this.#find(table, uuid);
    if (entry === undefined) {
      const old = table.rows.get(uuid);
      this.#add({ table, uuid, old, new: row, counted: old });
      table.replace(uuid, old, row);
    } else {
      table.replace(uuid, entry.new, row);
      entry.new = row;
    }
  }

  /** The row before the transaction. */
  originalOf(table: TableState, uuid: string): Row | undefined {
    const entry = this.#find(table, uuid);
    return entry === undefined ? table.rows.get(uuid) : entry.old;
  }

  /** All touched rows, in the order of being touched; rows that are touched while it is read come at its end. */
  touched(): readonly TouchedRow[] {
    return this.#entries;
  }

  /** Puts the original object back where a row ended as it began. */
  dropUnchanged(): void {
    const changed = this.#entries.filter(hasChanged);
    if (changed.length === this.#entries.length) return;
    for (const entry of this.#entries) {
      if (entry.old !== undefined && !hasChanged(entry)) entry.table.rows.set(entry.uuid, entry.old);
    }
    this.#entries = [];
    this.#entryByUuid = undefined;
    for (const entry of changed) this.#add(entry);
  }

  /** Brings the reference counts up to the row's present version. */
  countReferences(table: TableState, uuid: string, onStrong: (step: ReferenceStep) => void): void {
    const entry = this.#find(table, uuid);
    if (entry === undefined) return;
    const from = entry.counted;
    entry.counted = entry.new;
    moveReferences(this.#tables, table, uuid, from, entry.new, onStrong);
  }

  /** Takes everything back: rows, indexes and reference counts. */
  rollback(): void {
    for (const { table, uuid, old, counted } of this.#entries) {
      moveReferences(this.#tables, table, uuid, counted, old);
      table.set(uuid, old);
    }
    this.#entries = [];
    this.#entryByUuid = undefined;
  }

  #find(table: TableState, uuid: string): Entry | undefined {
    if (this.#entryByUuid !== undefined) return this.#entryByUuid.get(table)?.get(uuid);
    for (const entry of this.#entries) if (entry.uuid === uuid && entry.table === table) return entry;
    return undefined;
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entryByUuid !== undefined) this.#index(this.#entryByUuid, entry);
    else if (this.#entries.length > FEW) {
      this.#entryByUuid = new Map();
      for (const each of this.#entries) this.#index(this.#entryByUuid, each);
    }
  }

  #index(entryByUuid: Map<TableState, Map<string, Entry>>, entry: Entry): void {
    const entries = entryByUuid.get(entry.table) ?? new Map<string, Entry>();
    entryByUuid.set(entry.table, entries.set(entry.uuid, entry));
  }
}

function hasChanged({ table, old, new: row, counted }: Entry): boolean {
  if (counted !== old) return true;
  if (old === undefined || row === undefined) return old !== row;
  return !rowsEqual(table.schema, old, row);
}
