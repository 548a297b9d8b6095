/**
 * Keeps one database equal to that of the active server, except for tables that are left out.
 *
 * What the active server tells is gathered row by row and committed in one transaction after the other: while one is being
 * written the next grows, by at most the rows there are. The rows pass through the engine as any transaction does, so
 * they are durable, in the history, and told to monitors; and what refers to tables that are left out stays sound.
 */
import { type Json, messageOf, ProtocolError } from "@tenet/kit";
import type { DatabaseEngine } from "../engine/database.ts";
import { datumsEqual, parseDatum } from "../model/datum.ts";
import { datumOf, type Row } from "../model/row.ts";
import type { DatabaseSchema, TableSchema } from "../model/schema.ts";
import { isJsonObject } from "../model/sorted-json.ts";
import { membersOf } from "../client/row-updates.ts";
import type { ExcludedTables } from "./excluded-tables.ts";
import { ReplicationError } from "./replication-error.ts";

/** New rows by table and uuid; `null` is a row that is gone. */
type RowsToPut = Map<string, Map<string, Json>>;

/** One replicated database, over one connection. */
export class DatabaseFeed {
  readonly database: DatabaseEngine;
  /** The request for the monitor: columns by table. */
  readonly requests: { readonly [table: string]: Json };
  readonly #remote: string;
  readonly #onFailure: (error: Error) => void;
  #toPut: RowsToPut = new Map();
  /** Updates that came before the content was dealt with. */
  #early: Json[] | undefined = [];
  #flushing: Promise<void> | undefined;

  /**
   * @param schema - of the active server
   * @param onFailure - called once when a change could not be committed; nothing more is
   * @throws ReplicationError when the database lacks what the active server has
   */
  constructor(
    database: DatabaseEngine,
    schema: DatabaseSchema,
    excluded: ExcludedTables,
    remote: string,
    onFailure: (error: Error) => void,
  ) {
    this.database = database;
    this.#remote = remote;
    this.#onFailure = onFailure;
    const tables = [...schema.tables.values()].filter(({ name }) => !excluded.has(schema.name, name));
    for (const table of tables) checkTable(database.schema, table);
    this.requests = Object.fromEntries(tables.map(({ name, columns }) => [name, [{ columns: [...columns.keys()] }]]));
  }

  /** Takes the whole content; resolves when it is committed. @throws ProtocolError */
  async begin(content: Json): Promise<void> {
    this.#put(content);
    for (const table of Object.keys(this.requests)) {
      const rows = this.#rowsToPut(table);
      for (const uuid of this.database.table(table).keys()) if (!rows.has(uuid)) rows.set(uuid, null);
    }
    for (const updates of this.#early ?? []) this.#put(updates);
    this.#early = undefined;
    this.#flush();
    await this.settled();
  }

  /** Takes `<table-updates>`. @throws ProtocolError */
  update(updates: Json): void {
    if (this.#early !== undefined) return void this.#early.push(updates);
    this.#put(updates);
    this.#flush();
  }

  /** Resolves when all that was told is committed, or failed. */
  async settled(): Promise<void> {
    await this.#flushing;
  }

  #put(updates: Json): void {
    for (const [table, rows] of membersOf(updates)) {
      const toPut = this.#rowsToPut(table);
      for (const [uuid, update] of membersOf(rows)) {
        if (!isJsonObject(update)) throw new ProtocolError("Row update is not an object");
        toPut.set(uuid, update["new"] ?? null);
      }
    }
  }

  #rowsToPut(table: string): Map<string, Json> {
    const rows = this.#toPut.get(table) ?? new Map<string, Json>();
    this.#toPut.set(table, rows);
    return rows;
  }

  #flush(): void {
    this.#flushing ??= this.#commitAll().then(
      () => (this.#flushing = undefined),
      (error: unknown) => this.#onFailure(error instanceof Error ? error : new ReplicationError(messageOf(error))),
    );
  }

  async #commitAll(): Promise<void> {
    while (this.#toPut.size > 0) {
      const toPut = this.#toPut;
      this.#toPut = new Map();
      const operations = operationsFor(this.database, toPut);
      const results = operations.length === 0 ? [] : await this.database.transact(operations, { remote: this.#remote });
      const failure = results.find((result) => isJsonObject(result) && result["error"] !== undefined);
      if (isJsonObject(failure)) {
        const why = `${String(failure["error"])}: ${String(failure["details"] ?? "")}`;
        throw new ReplicationError(`Cannot commit what "${this.#remote}" told of ${this.database.schema.name}: ${why}`);
      }
    }
  }
}

function checkTable(local: DatabaseSchema, table: TableSchema): void {
  const columns = local.tables.get(table.name)?.columns;
  if (columns === undefined) throw new ReplicationError(`Table ${table.name} not present in the local db schema`);
  for (const name of table.columns.keys()) {
    if (!columns.has(name)) throw new ReplicationError(`Column ${name} not present in the local db schema table ${table.name}`);
  }
}

/** Operations that put rows where they are not, or are others. */
function operationsFor(database: DatabaseEngine, toPut: RowsToPut): Json[] {
  const operations: Json[] = [];
  for (const [name, rows] of toPut) {
    const table = database.schema.tables.get(name);
    const present = database.table(name);
    for (const [uuid, row] of rows) {
      const old = present.get(uuid);
      const where = [["_uuid", "==", ["uuid", uuid]]];
      if (row === null) {
        if (old !== undefined) operations.push({ op: "delete", table: name, where });
      } else if (old === undefined) operations.push({ op: "insert", table: name, uuid, row });
      else if (table !== undefined) {
        const changed = changedOf(table, old, row);
        if (Object.keys(changed).length > 0) operations.push({ op: "update", table: name, where, row: changed });
      }
    }
  }
  return operations;
}

/** The columns of a row that are others than those that are there. */
function changedOf(table: TableSchema, old: Row, row: Json): { readonly [column: string]: Json } {
  const changed: { [column: string]: Json } = {};
  for (const [name, json] of membersOf(row)) {
    const column = table.columns.get(name);
    if (column !== undefined && !datumsEqual(parseDatum(column.type, json), datumOf(old, column))) changed[name] = json;
  }
  return changed;
}
