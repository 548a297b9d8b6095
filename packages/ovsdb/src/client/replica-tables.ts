/**
 * The tables of a replica: applies the updates a server sends and tells what changed.
 *
 * Understands all three notations: `<table-updates>` (full old and new columns) and `<table-updates2>`
 * (differences), so that it follows any server.
 */
import { didYouMean, type Json, ProtocolError } from "@tenet/kit";
import { ZERO_UUID } from "../model/atom.ts";
import { type Row, type RowChange, RowMaker, rowsEqual } from "../model/row.ts";
import type { DatabaseSchema, TableSchema } from "../model/schema.ts";
import { finish, type Work } from "../rpc/work.ts";
import { UnknownColumnError } from "./operations.ts";
import { RowIndex } from "./row-index.ts";
import { eachMember, rowAfter } from "./row-updates.ts";

interface ReplicaTable {
  readonly schema: TableSchema;
  readonly maker: RowMaker;
  readonly rows: Map<string, Row>;
  readonly indexes: RowIndex[];
}

/** Rows by table and uuid, kept current by updates. */
export class ReplicaTables {
  readonly #tables = new Map<string, ReplicaTable>();
  readonly #declared: DatabaseSchema | undefined;

  /**
   * @param schema - of the server
   * @param declared - what the caller expects: tables and columns that the server lacks are empty
   */
  constructor(schema: DatabaseSchema, declared?: DatabaseSchema) {
    this.#declared = declared;
    for (const table of declared?.tables.values() ?? []) this.#take(table);
    this.adopt(schema);
  }

  /** Takes another schema. Rows stay as they are until they are replaced; those of tables that went, too. */
  adopt({ tables }: DatabaseSchema): void {
    for (const table of tables.values()) this.#take(table);
  }

  /** The rows of a table: a live view; empty for an unknown table. */
  rows(table: string): ReadonlyMap<string, Row> {
    return this.#tables.get(table)?.rows ?? new Map();
  }

  /**
   * An index over some columns of a table, kept current from now on; the same one for the same columns.
   *
   * @throws UnknownColumnError
   */
  index(tableName: string, columns: readonly string[]): RowIndex {
    const table = this.#tables.get(tableName);
    if (table === undefined) {
      throw new UnknownColumnError(`No table "${tableName}" in the schema`, { hint: didYouMean(tableName, this.#tables.keys()) });
    }
    const known = table.indexes.find((index) => index.isOver(columns));
    if (known !== undefined) return known;
    const index = new RowIndex(table.schema, columns, table.rows);
    table.indexes.push(index);
    return index;
  }

  /** Applies updates of either notation. @returns the rows that really changed */
  apply(updates: Json): RowChange[] {
    return finish(this.applying(updates));
  }

  /** {@link apply} in steps: all rows change in the last, which does nothing else. */
  *applying(updates: Json): Work<RowChange[]> {
    const changes: RowChange[] = [];
    for (const [tableName, rows] of eachMember(updates)) {
      const table = this.#tables.get(tableName);
      if (table === undefined) throw new ProtocolError(`Update for unknown table "${tableName}"`);
      for (const [uuid, update] of eachMember(rows)) {
        const old = table.rows.get(uuid);
        const change: RowChange = { table: tableName, uuid, old, new: rowAfter(table, uuid, old, update, ZERO_UUID) };
        if (isRealChange(table.schema, change)) changes.push(change);
        yield;
      }
    }
    for (const change of changes) this.#move(change);
    return changes;
  }

  /** Takes updates as the whole content. @returns the difference from what was there */
  replace(updates: Json): RowChange[] {
    const before = new Map(Array.from(this.#tables, ([name, table]) => [name, new Map(table.rows)]));
    for (const table of this.#tables.values()) clear(table);
    this.apply(updates);
    const changes: RowChange[] = [];
    for (const [name, { schema, rows }] of this.#tables) {
      const old = before.get(name) ?? new Map<string, Row>();
      for (const [uuid, row] of old) if (!rows.has(uuid)) changes.push({ table: name, uuid, old: row, new: undefined });
      for (const [uuid, row] of rows) {
        const change: RowChange = { table: name, uuid, old: old.get(uuid), new: row };
        if (isRealChange(schema, change)) changes.push(change);
      }
    }
    return changes;
  }

  /** Puts a row in the place of another. */
  #move({ table: name, uuid, old, new: row }: RowChange): void {
    const { rows, indexes = [] } = this.#tables.get(name) ?? {};
    if (row === undefined) rows?.delete(uuid);
    else rows?.set(uuid, row);
    for (const index of indexes) index.move(old, row);
  }

  #take(schema: TableSchema): void {
    const { rows = new Map<string, Row>(), indexes = [] } = this.#tables.get(schema.name) ?? {};
    const declared = this.#declared?.tables.get(schema.name)?.columns ?? [];
    const maker = new RowMaker({ columns: new Map([...declared, ...schema.columns]) });
    this.#tables.set(schema.name, { schema, maker, rows, indexes });
  }
}

function clear({ rows, indexes }: ReplicaTable): void {
  rows.clear();
  for (const index of indexes) index.clear();
}

function isRealChange(table: TableSchema, { old, new: row }: RowChange): boolean {
  return old === undefined || row === undefined ? old !== row : !rowsEqual(table, old, row);
}
