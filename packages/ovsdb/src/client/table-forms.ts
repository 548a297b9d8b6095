/**
 * What TypeScript knows of a database: `tenet db types` writes it from a schema, and replicas, builders and indexes are
 * typed by it. Without it everything is as loose as the protocol.
 */
import type { Json } from "@tenet/kit";
import type { Atom } from "../model/atom.ts";
import { parseSchema, type SchemaSource } from "../model/parse-schema.ts";
import type { Row } from "../model/row.ts";

/** A reference to a row that the same transaction inserts. */
export interface NamedUuid {
  readonly namedUuid: string;
}

/** An atom, or a reference to a row of the same transaction. */
export type AtomInput = Atom | NamedUuid;

/** A uuid as a caller writes it. */
export type UuidInput = string | NamedUuid;

/** A set as a caller writes it: all elements, or the only one bare. */
export type SetInput<A> = A | readonly A[];

/** A map as a caller writes it; an object when its keys are strings. */
export type MapInput<K extends Atom, V> =
  | ReadonlyMap<K, V>
  | (K extends string ? { readonly [key in K]?: V } : { readonly [key: string]: never });

/** A column's value as a caller writes it. */
export type ColumnInput = AtomInput | readonly AtomInput[] | ReadonlyMap<Atom, AtomInput> | { readonly [key: string]: AtomInput };

/** Columns of a row as a caller writes them; `undefined` is left out. */
export interface RowInput {
  readonly [column: string]: ColumnInput | undefined;
}

/** The forms of one table's rows. */
export interface TableForms {
  /** As a replica holds them. */
  readonly row: object;
  /** As a caller writes them. */
  readonly input: object;
  /** The columns that only an insertion may set. */
  readonly immutable: string;
}

/** The tables of a database by name. */
export interface TableMap {
  readonly [table: string]: TableForms;
}

/** Tables of which nothing is known. */
export interface AnyTables {
  readonly [table: string]: { readonly row: Row; readonly input: RowInput; readonly immutable: never };
}

/** The names of a database's tables. */
export type TableName<T> = keyof T & string;

/** The names of a table's columns. */
export type ColumnName<F extends TableForms> = keyof F["row"] & string;

/** What an update may set. */
export type UpdateOf<F extends TableForms> = [F["immutable"]] extends [never] ? F["input"] : Omit<F["input"], F["immutable"]>;

/** The functions of a condition. @see RFC 7047, section 5.1 */
export type ConditionFunction = "==" | "!=" | "<" | "<=" | ">" | ">=" | "includes" | "excludes";

/** Clauses of a condition, values as on the wire. */
export type Clauses<F extends TableForms> =
  string extends ColumnName<F>
    ? readonly Json[]
    : readonly (boolean | readonly [column: ColumnName<F>, is: ConditionFunction, value: Json])[];

/** Which rows: a uuid, columns that must be equal, or clauses of RFC 7047. */
export type Where<F extends TableForms = AnyTables[string]> = string | F["input"] | Clauses<F>;

type Arithmetic = "+=" | "-=" | "*=" | "/=" | "%=";

type MutationOf<C extends string, R, I> =
  R extends ReadonlyMap<infer K, unknown>
    ? readonly [C, "insert", Exclude<I, undefined>] | readonly [C, "delete", Exclude<I, undefined> | readonly K[]]
    : R extends readonly (infer A)[]
      ?
          | readonly [C, "insert" | "delete", Exclude<I, undefined>]
          | (A extends number ? readonly [C, Arithmetic, number | bigint] : never)
      : R extends number
        ? readonly [C, Arithmetic, number | bigint]
        : never;

/** A mutation of a column: `[column, mutator, value]`. */
export type Mutation<F extends TableForms> =
  string extends ColumnName<F>
    ? readonly [string, string, ColumnInput]
    : {
        [C in keyof UpdateOf<F> & keyof F["row"] & string]: MutationOf<C, F["row"][C], UpdateOf<F>[C]>;
      }[keyof UpdateOf<F> & keyof F["row"] & string];

/** One change of one row: inserted when `old` is absent, deleted when `new` is. */
export type ChangeOf<T extends TableMap> = {
  [N in TableName<T>]: {
    readonly table: N;
    readonly uuid: string;
    readonly old: T[N]["row"] | undefined;
    readonly new: T[N]["row"] | undefined;
  };
}[TableName<T>];

declare const TABLES: unique symbol;

/** Something that carries the types of tables; at run time there is nothing of it. */
export interface TypedBy<T extends TableMap> {
  readonly [TABLES]?: T;
}

/** A database schema that carries the types of its tables. */
export type TypedSchema<T extends TableMap = AnyTables> = SchemaSource & TypedBy<T>;

/** A schema with the types that `tenet db types` wrote for it. @throws OvsdbError when it is none */
export function typedSchema<T extends TableMap>(schema: Json): TypedSchema<T> {
  return parseSchema(schema);
}
