/**
 * Builders for the operations of a transaction, from datums in memory form.
 *
 * A column's value may be given as a plain atom, an array (set), a `Map` or object (map), or as JSON made
 * by {@link uuidRef} and {@link namedUuid}; the schema decides what it becomes on the wire.
 *
 * @see RFC 7047, section 5.2
 */
import { AppError, didYouMean, type Json } from "@tenet/kit";
import type { Atom } from "../model/atom.ts";
import { type SchemaSource, toSchema } from "../model/parse-schema.ts";
import type { BaseType, ColumnSchema, TableSchema } from "../model/schema.ts";

/** A reference to a row that the same transaction inserts. */
export interface NamedUuid {
  readonly namedUuid: string;
}

/** An atom, or a reference to a row of the same transaction. */
export type AtomInput = Atom | NamedUuid;

/** A column's value as a caller writes it. */
export type ColumnInput = AtomInput | readonly AtomInput[] | ReadonlyMap<Atom, AtomInput> | { readonly [key: string]: AtomInput };

/** Columns of a row as a caller writes them; `undefined` is left out. */
export interface RowInput {
  readonly [column: string]: ColumnInput | undefined;
}

/** Which rows: a uuid, columns that must be equal, or clauses of RFC 7047. */
export type Where = string | RowInput | readonly Json[];

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

/** Builds operations against one schema. */
export class Operations {
  readonly #tables: ReadonlyMap<string, TableSchema>;

  constructor(schema: SchemaSource) {
    this.#tables = toSchema(schema).tables;
  }

  /** Inserts a row; `as` names it for references in the same transaction, `uuid` fixes its uuid. */
  insert(table: string, row: RowInput, options: { readonly as?: string; readonly uuid?: string } = {}): Json {
    return {
      op: "insert",
      table,
      row: this.row(table, row),
      ...(options.as === undefined ? {} : { "uuid-name": options.as }),
      ...(options.uuid === undefined ? {} : { uuid: options.uuid }),
    };
  }

  /** Sets columns of the rows that match. */
  update(table: string, where: Where, row: RowInput): Json {
    return { op: "update", table, where: this.where(table, where), row: this.row(table, row) };
  }

  /** Adds elements to (or pairs to) sets and maps, or removes them; numbers take arithmetic mutators. */
  mutate(table: string, where: Where, mutations: readonly (readonly [string, string, ColumnInput])[]): Json {
    const encoded = mutations.map(([name, mutator, value]): Json => {
      const column = columnNamed(this.#table(table), name);
      const isKeySet = mutator === "delete" && Array.isArray(value);
      return [name, mutator, isKeySet ? encodeSet(column.type.key, value) : encodeColumn(column, value)];
    });
    return { op: "mutate", table, where: this.where(table, where), mutations: encoded };
  }

  /** Deletes the rows that match. */
  delete(table: string, where: Where): Json {
    return { op: "delete", table, where: this.where(table, where) };
  }

  /** Reads the rows that match. */
  select(table: string, where: Where, columns?: readonly string[]): Json {
    return { op: "select", table, where: this.where(table, where), ...(columns === undefined ? {} : { columns }) };
  }

  /** Fails the transaction unless the rows that match have exactly these columns. */
  verify(table: string, where: Where, columns: readonly string[], rows: readonly RowInput[]): Json {
    const encoded = rows.map((row) => this.row(table, row));
    return { op: "wait", timeout: 0, table, where: this.where(table, where), columns, until: "==", rows: encoded };
  }

  /** Adds text to the transaction's comment. */
  comment(text: string): Json {
    return { op: "comment", comment: text };
  }

  /** A row's columns as JSON. */
  row(tableName: string, row: RowInput): { [column: string]: Json } {
    const table = this.#table(tableName);
    const json: { [column: string]: Json } = {};
    for (const [name, value] of Object.entries(row)) {
      if (value !== undefined) json[name] = encodeColumn(columnNamed(table, name), value);
    }
    return json;
  }

  /** A condition as JSON. */
  where(table: string, where: Where): readonly Json[] {
    if (typeof where === "string") return [["_uuid", "==", ["uuid", where]]];
    if (isClauses(where)) return where;
    return Object.entries(this.row(table, where)).map(([name, value]): Json => [name, "==", value]);
  }

  #table(name: string): TableSchema {
    const table = this.#tables.get(name);
    if (table !== undefined) return table;
    throw new UnknownColumnError(`No table "${name}" in the schema`, { hint: didYouMean(name, this.#tables.keys()) });
  }
}

function columnNamed(table: TableSchema, name: string): ColumnSchema {
  const column = table.allColumns.get(name);
  if (column !== undefined) return column;
  throw new UnknownColumnError(`No column "${name}" in table "${table.name}"`, { hint: didYouMean(name, table.columns.keys()) });
}

function isClauses(where: RowInput | readonly Json[]): where is readonly Json[] {
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
  return base.type === "uuid" ? ["uuid", atom] : atom;
}
