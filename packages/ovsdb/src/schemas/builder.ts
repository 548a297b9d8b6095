/**
 * Small words for declaring a database schema: the declaration reads like a table of columns, and
 * what it yields is the plain JSON object of RFC 7047, section 3.2, ready for a server or the wire.
 */

/** `<base-type>` in its object form. */
export interface BaseTypeJson {
  readonly type: "integer" | "real" | "boolean" | "string" | "uuid";
  readonly enum?: readonly ["set", readonly (string | number)[]];
  readonly minInteger?: number;
  readonly maxInteger?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly refTable?: string;
  readonly refType?: "strong" | "weak";
}

/** `<type>` in its object form. `min` and `max` are absent for a scalar. */
export interface TypeJson {
  readonly key: BaseTypeJson;
  readonly value?: BaseTypeJson;
  readonly min?: 0 | 1;
  readonly max?: number | "unlimited";
}

/** `<column-schema>`. */
export interface ColumnJson {
  readonly type: TypeJson;
  readonly ephemeral?: true;
  readonly mutable?: false;
}

/** `<table-schema>`. */
export interface TableJson {
  readonly columns: { readonly [column: string]: ColumnJson };
  readonly maxRows?: number;
  readonly isRoot?: boolean;
  readonly indexes?: readonly (readonly string[])[];
}

/** `<database-schema>`. */
export interface SchemaJson {
  readonly name: string;
  readonly version: string;
  readonly cksum: string;
  readonly tables: { readonly [table: string]: TableJson };
}

/** What a table has besides its columns. */
export interface TableOptions {
  /** Rows stay without being referred to. */
  readonly isRoot?: boolean;
  readonly maxRows?: number;
  /** Sets of columns whose values are unique together. */
  readonly indexes?: readonly (readonly string[])[];
}

/** A string, at most `maxLength` characters when given. */
export function string(maxLength?: number): ColumnJson {
  return scalar(maxLength === undefined ? { type: "string" } : { type: "string", maxLength });
}

/** An integer, bounded on the sides that are given. */
export function integer(min?: number, max?: number): ColumnJson {
  return scalar({
    type: "integer",
    ...(min === undefined ? {} : { minInteger: min }),
    ...(max === undefined ? {} : { maxInteger: max }),
  });
}

/** `true` or `false`. */
export function boolean(): ColumnJson {
  return scalar({ type: "boolean" });
}

/** A UUID that the database does not check against any table. */
export function uuid(): ColumnJson {
  return scalar({ type: "uuid" });
}

/** A reference: `strong` keeps the row alive and must resolve, `weak` vanishes together with the row. */
export function ref(refTable: string, strength: "strong" | "weak" = "strong"): ColumnJson {
  return scalar({ type: "uuid", refTable, ...(strength === "weak" ? { refType: "weak" } : {}) });
}

/** One of the given words. */
export function oneOf(words: readonly string[]): ColumnJson {
  return scalar({ type: "string", enum: ["set", words] });
}

/** At most one value. */
export function optional(column: ColumnJson): ColumnJson {
  return { type: { ...column.type, min: 0, max: 1 } };
}

/** Any number of values, at most `max` when given. */
export function set(column: ColumnJson, max: number | "unlimited" = "unlimited"): ColumnJson {
  return { type: { ...column.type, min: 0, max } };
}

/** One value or more. */
export function nonEmptySet(column: ColumnJson): ColumnJson {
  return { type: { ...column.type, min: 1, max: "unlimited" } };
}

/** Key-value pairs, strings on both sides unless told otherwise. */
export function map(key: ColumnJson = string(), value: ColumnJson = string()): ColumnJson {
  return { type: { key: key.type.key, value: value.type.key, min: 0, max: "unlimited" } };
}

/** Not kept on disk. */
export function ephemeral(column: ColumnJson): ColumnJson {
  return { ...column, ephemeral: true };
}

/** Set when the row is inserted, never changed after. */
export function immutable(column: ColumnJson): ColumnJson {
  return { ...column, mutable: false };
}

/** A table: columns first, then what else is to say. */
export function table(columns: TableJson["columns"], options: TableOptions = {}): TableJson {
  return { columns, ...options };
}

function scalar(key: BaseTypeJson): ColumnJson {
  return { type: { key } };
}
