/**
 * What a client wants to see: tables, columns, kinds of change, conditions.
 *
 * @see RFC 7047, section 4.1.5 and ovsdb-server(7), sections 4.1.12 and 4.1.13
 */
import type { Json } from "@tenet/kit";
import { type Condition, parseCondition } from "../engine/condition.ts";
import { MemberReader } from "../engine/operation-reader.ts";
import { OvsdbError, syntaxError } from "../model/ovsdb-error.ts";
import type { ColumnSchema, DatabaseSchema, TableSchema } from "../model/schema.ts";
import { isJsonArray, isJsonObject, stringifySorted } from "../model/sorted-json.ts";

/** The kinds of change of `<monitor-select>`. */
export interface MonitorSelect {
  readonly initial: boolean;
  readonly insert: boolean;
  readonly delete: boolean;
  readonly modify: boolean;
}

/** One monitored column and when it is shown. */
export interface MonitoredColumn {
  readonly column: ColumnSchema;
  readonly select: MonitorSelect;
}

/** One monitored table. */
export interface MonitoredTable {
  readonly schema: TableSchema;
  readonly columns: readonly MonitoredColumn[];
  /** A row is seen when any clause holds; none means all rows. */
  readonly condition: Condition;
  /** The condition as the client wrote it, for telling equal monitors. */
  readonly where: Json;
}

/** A parsed monitor request. */
export interface MonitorSpec {
  /** The rows' notation: 1 for `update`, 2 for `update2` and `update3`. */
  readonly notation: 1 | 2;
  readonly tables: ReadonlyMap<string, MonitoredTable>;
  /** Equal for monitors that see the same. */
  readonly key: string;
}

/** Parses `<monitor-requests>` (notation 1) or `<monitor-cond-requests>` (notation 2). */
export function parseMonitorSpec(schema: DatabaseSchema, json: Json | undefined, notation: 1 | 2): MonitorSpec {
  if (!isJsonObject(json)) throw syntaxError(json ?? null, "monitor-requests must be object");
  const tables = new Map<string, MonitoredTable>();
  for (const [name, requests] of Object.entries(json)) {
    const table = schema.tables.get(name);
    if (table === undefined) throw new OvsdbError("syntax error", `no table named ${name}`);
    const list = isJsonArray(requests) ? requests : [requests ?? null];
    if (list.length > 0) tables.set(name, parseTable(table, list, notation)); // without requests nothing of it is shown
  }
  return makeSpec(notation, tables);
}

/** The spec after a `monitor_cond_change`: named tables get a new condition. */
export function changeConditions(schema: DatabaseSchema, spec: MonitorSpec, json: Json | undefined): MonitorSpec {
  if (!isJsonObject(json)) throw syntaxError(undefined, "monitor-cond-change-requests must be object");
  const tables = new Map(spec.tables);
  for (const [name, requests] of Object.entries(json)) {
    if (!schema.tables.has(name)) throw new OvsdbError("syntax error", `no table named ${name}`);
    const table = tables.get(name);
    if (table === undefined) throw new OvsdbError("syntax error", `no table named ${name} in monitor session`);
    if (!isJsonArray(requests)) throw new OvsdbError("syntax error", `table ${name} no monitor-cond-change JSON array`);
    for (const request of requests) {
      const reader = new MemberReader(request, () => `table ${name}`);
      reader.optionalArray("columns");
      const where = reader.optionalArray("where") ?? [];
      reader.finish();
      tables.set(name, { ...table, where, condition: parseCondition(table.schema, where) });
    }
  }
  return makeSpec(spec.notation, tables);
}

function makeSpec(notation: 1 | 2, tables: ReadonlyMap<string, MonitoredTable>): MonitorSpec {
  const parts = Array.from(tables, ([name, { columns, where }]): Json => {
    const shown = columns.map(({ column, select }): Json => [column.name, { ...select }]);
    return [name, shown, where];
  });
  return { notation, tables, key: stringifySorted([notation, parts]) };
}

function parseTable(schema: TableSchema, requests: readonly Json[], notation: 1 | 2): MonitoredTable {
  const columns = new Map<ColumnSchema, MonitoredColumn>();
  const where: Json[] = [];
  let isUnconditional = false;
  for (const request of requests) {
    const reader = new MemberReader(request, () => `table ${schema.name}`);
    const columnsJson = reader.optionalArray("columns");
    const selectJson = reader.optionalObject("select");
    const clauses = notation === 2 ? reader.optionalArray("where") : undefined;
    reader.finish();
    const select = parseSelect(schema.name, selectJson);
    if (clauses === undefined || clauses.length === 0) isUnconditional = true;
    else where.push(...clauses);
    for (const column of parseColumns(schema, columnsJson)) {
      if (columns.has(column)) throw syntaxError(columnsJson ?? null, `column ${column.name} mentioned more than once`);
      columns.set(column, { column, select });
    }
  }
  const kept = isUnconditional ? [] : where;
  return { schema, columns: [...columns.values()], condition: parseCondition(schema, kept), where: kept };
}

function parseSelect(table: string, json: Json | undefined): MonitorSelect {
  if (json === undefined) return { initial: true, insert: true, delete: true, modify: true };
  const reader = new MemberReader(json, () => `table ${table} select`);
  const select = {
    initial: reader.optionalBoolean("initial") ?? true,
    insert: reader.optionalBoolean("insert") ?? true,
    delete: reader.optionalBoolean("delete") ?? true,
    modify: reader.optionalBoolean("modify") ?? true,
  };
  reader.finish();
  return select;
}

function parseColumns(schema: TableSchema, json: readonly Json[] | undefined): ColumnSchema[] {
  if (json === undefined) return [...schema.allColumns.values()].filter((column) => column.name !== "_uuid");
  return json.map((name) => {
    if (typeof name !== "string") throw syntaxError(json, "array of column names expected");
    const column = schema.allColumns.get(name);
    if (column === undefined) throw syntaxError(json, `${name} is not a valid column name`);
    return column;
  });
}
