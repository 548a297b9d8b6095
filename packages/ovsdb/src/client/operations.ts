/**
 * Builders for the operations of a transaction, from datums in memory form.
 *
 * A column's value may be given as a plain atom, an array (set), a `Map` or object (map), or as JSON made
 * by {@link uuidRef} and {@link namedUuid}; the schema decides what it becomes on the wire.
 *
 * @see RFC 7047, section 5.2
 */
import { AppError, didYouMean, type Json } from "@tenet/kit";
import { toSchema } from "../model/parse-schema.ts";
import type { BaseType, ColumnSchema, DatabaseSchema, TableSchema } from "../model/schema.ts";
import type {
  AnyTables,
  AtomInput,
  ColumnInput,
  ColumnName,
  Mutation,
  NamedUuid,
  RowInput,
  TableMap,
  TableName,
  TypedSchema,
  UpdateOf,
  Where,
} from "./table-forms.ts";

/** A table or column that the schema does not have. */
export class UnknownColumnError extends AppError {
  static override readonly code: string = "OVSDB_UNKNOWN_COLUMN";
}

/** A reference to the row that an `insert` of the same transaction names. */
export function namedUuid(name: string): NamedUuid {
  return { namedUuid: name };
}

/** A uuid as JSON: `["uuid", "..."]`. */
export function uuidRef(uuid: string): Json {
  return ["uuid", uuid];
}

/** How an insertion is named. */
export interface InsertOptions {
  /** Names the row for references in the same transaction. */
  readonly as?: string;
  /** Fixes its uuid; servers older than 2.17 refuse it. */
  readonly uuid?: string;
}

/** Builds operations against one schema, whose types it knows when the schema carries them. */
export class Operations<T extends TableMap = AnyTables> {
  /** What it builds for. */
  readonly schema: DatabaseSchema;

  constructor(schema: TypedSchema<T>) {
    this.schema = toSchema(schema);
  }

  /** Inserts a row. */
  insert<N extends TableName<T>>(table: N, row: T[N]["input"], options: InsertOptions = {}): Json {
    return {
      op: "insert",
      table,
      row: this.row(table, row),
      ...(options.as === undefined ? {} : { "uuid-name": options.as }),
      ...(options.uuid === undefined ? {} : { uuid: options.uuid }),
    };
  }

  /** Sets columns of the rows that match. */
  update<N extends TableName<T>>(table: N, where: Where<T[N]>, row: UpdateOf<T[N]>): Json {
    return { op: "update", table, where: this.where(table, where), row: this.row(table, row) };
  }

  /** Adds elements to (or pairs to) sets and maps, or removes them; numbers take arithmetic mutators. */
  mutate<N extends TableName<T>>(table: N, where: Where<T[N]>, mutations: readonly Mutation<T[N]>[]): Json {
    const encoded = mutations.map((mutation): Json => {
      const [name, mutator, value] = mutation as readonly [string, string, ColumnInput];
      const column = columnNamed(this.#table(table), name);
      const isKeySet = mutator === "delete" && Array.isArray(value);
      return [name, mutator, isKeySet ? encodeSet(column.type.key, value) : encodeColumn(column, value)];
    });
    return { op: "mutate", table, where: this.where(table, where), mutations: encoded };
  }

  /** Deletes the rows that match. */
  delete<N extends TableName<T>>(table: N, where: Where<T[N]>): Json {
    return { op: "delete", table, where: this.where(table, where) };
  }

  /** Reads the rows that match. */
  select<N extends TableName<T>>(table: N, where: Where<T[N]>, columns?: readonly ColumnName<T[N]>[]): Json {
    return { op: "select", table, where: this.where(table, where), ...(columns === undefined ? {} : { columns }) };
  }

  /** Fails the transaction unless the rows that match have exactly these columns. */
  verify<N extends TableName<T>>(
    table: N,
    where: Where<T[N]>,
    columns: readonly ColumnName<T[N]>[],
    rows: readonly T[N]["input"][],
  ): Json {
    return this.wait(table, where, columns, "==", rows, 0);
  }

  /**
   * Holds the transaction until the rows that match have exactly (`==`) or not (`!=`) these columns.
   *
   * @param timeoutMs - after it the transaction fails with "timed out"; without it it waits for ever
   */
  wait<N extends TableName<T>>(
    table: N,
    where: Where<T[N]>,
    columns: readonly ColumnName<T[N]>[],
    until: "==" | "!=",
    rows: readonly T[N]["input"][],
    timeoutMs?: number,
  ): Json {
    const encoded = rows.map((row) => this.row(table, row));
    const timeout = timeoutMs === undefined ? {} : { timeout: timeoutMs };
    return { op: "wait", ...timeout, table, where: this.where(table, where), columns, until, rows: encoded };
  }

  /** Adds text to the transaction's comment. */
  comment(text: string): Json {
    return { op: "comment", comment: text };
  }

  /** A row's columns as JSON. */
  row<N extends TableName<T>>(tableName: N, row: T[N]["input"] | UpdateOf<T[N]>): { [column: string]: Json } {
    const table = this.#table(tableName);
    const json: { [column: string]: Json } = {};
    for (const [name, value] of Object.entries(row as RowInput)) {
      if (value !== undefined) json[name] = encodeColumn(columnNamed(table, name), value);
    }
    return json;
  }

  /** A condition as JSON. */
  where<N extends TableName<T>>(table: N, where: Where<T[N]>): readonly Json[] {
    if (typeof where === "string") return [["_uuid", "==", ["uuid", where]]];
    if (isClauses(where)) return where;
    return Object.entries(this.row(table, where)).map(([name, value]): Json => [name, "==", value]);
  }

  #table(name: string): TableSchema {
    const table = this.schema.tables.get(name);
    if (table !== undefined) return table;
    throw new UnknownColumnError(`No table "${name}" in the schema`, { hint: didYouMean(name, this.schema.tables.keys()) });
  }
}

function columnNamed(table: TableSchema, name: string): ColumnSchema {
  const column = table.allColumns.get(name);
  if (column !== undefined) return column;
  throw new UnknownColumnError(`No column "${name}" in table "${table.name}"`, { hint: didYouMean(name, table.columns.keys()) });
}

function isClauses(where: object): where is readonly Json[] {
  return Array.isArray(where);
}

function encodeColumn({ type }: ColumnSchema, value: ColumnInput): Json {
  const { key, value: valueType } = type;
  if (valueType !== undefined) {
    const pairs = value instanceof Map ? [...value] : Object.entries(value);
    return ["map", pairs.map(([k, v]): Json => [encodeAtom(key, k), encodeAtom(valueType, v)])];
  }
  return isAtomList(value) ? encodeSet(key, value) : encodeAtom(key, value);
}

function encodeSet(key: BaseType, value: readonly AtomInput[]): Json {
  return ["set", value.map((atom) => encodeAtom(key, atom))];
}

function isAtomList(value: ColumnInput): value is readonly AtomInput[] {
  return Array.isArray(value);
}

function encodeAtom(base: BaseType, atom: ColumnInput): Json {
  if (typeof atom === "object" && "namedUuid" in atom && typeof atom.namedUuid === "string")
    return ["named-uuid", atom.namedUuid];
  if (typeof atom === "object")
    throw new AppError(`Expected ${base.type}, not ${JSON.stringify(atom)}`, { code: "OVSDB_BAD_VALUE" });
  return base.type === "uuid" ? ["uuid", String(atom)] : (atom as Json);
}
