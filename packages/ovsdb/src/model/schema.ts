/**
 * The parsed form of a database schema: tables, columns, types and their constraints.
 *
 * Columns carry what the engine asks again and again (kind, references, default), worked out once.
 *
 * @see RFC 7047, section 3.2
 */
import type { Json } from "@tenet/kit";
import type { Atom, AtomicType } from "./atom.ts";
import type { Datum } from "./datum.ts";

/** The type of a key or of a value, with its constraints. */
export interface BaseType {
  readonly type: AtomicType;
  /** Allowed values in order, or `undefined` when all are. */
  readonly enum: readonly Atom[] | undefined;
  /** Bounds of the value for numbers, inclusive. */
  readonly minimum: number | bigint | undefined;
  readonly maximum: number | bigint | undefined;
  /** Bounds of the length for strings, in characters, inclusive. */
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  /** The table a uuid refers to. */
  readonly refTable: string | undefined;
  readonly isWeak: boolean;
}

/** The type of a column. */
export interface ColumnType {
  readonly key: BaseType;
  /** Present for maps. */
  readonly value: BaseType | undefined;
  readonly min: 0 | 1;
  /** At least 1; `Infinity` for "unlimited". */
  readonly max: number;
}

/** How a column's datums look in memory: an atom, a sorted array of atoms, or a map in key order. */
export type ColumnKind = "scalar" | "set" | "map";

/** A column of a table. */
export interface ColumnSchema {
  readonly name: string;
  readonly type: ColumnType;
  readonly kind: ColumnKind;
  /** Not kept over a restart of the server. */
  readonly isEphemeral: boolean;
  readonly isMutable: boolean;
  /** `_uuid` and `_version`. */
  readonly isSynthetic: boolean;
  /** Key or value refers to a table strongly (weakly). */
  readonly hasStrongRefs: boolean;
  readonly hasWeakRefs: boolean;
  readonly defaultDatum: Datum;
}

/** A table of a database. */
export interface TableSchema {
  readonly name: string;
  /** The columns of the schema in its order; without `_uuid` and `_version`. */
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  /** The columns including `_uuid` and `_version`. */
  readonly allColumns: ReadonlyMap<string, ColumnSchema>;
  /** `Infinity` when unbounded. */
  readonly maxRows: number;
  /** Rows stay although nothing refers to them. */
  readonly isRoot: boolean;
  /** Sets of columns whose values together are unique. */
  readonly indexes: readonly (readonly ColumnSchema[])[];
  /** Columns with strong (weak) references, so that the engine need not look at others. */
  readonly strongColumns: readonly ColumnSchema[];
  readonly weakColumns: readonly ColumnSchema[];
  readonly ephemeralColumns: readonly ColumnSchema[];
}

/** A schema as parsed from its JSON form by `parseSchema`. */
export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
  /** Its JSON in the shortest form, as `get_schema` answers it. */
  readonly json: Json;
}
