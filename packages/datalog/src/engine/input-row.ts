/**
 * What an input's declaration promises about its rows: columns of typed values hold such values, and no two rows share a key.
 *
 * Texts given for typed columns are read; keys are checked when a transaction is evaluated, so that a row may be replaced
 * by deleting and inserting it in any order.
 */
import type { CoreRelation } from "../check/core.ts";
import { SCALAR_TYPES, Scalar, type ScalarType, scalar } from "../scalar.ts";
import { formatAtom, formatValue, type Tuple, type Value } from "../value.ts";
import { readTuple } from "./delta.ts";
import { RelationError } from "./errors.ts";
import type { IntList } from "./int-list.ts";
import type { Interner } from "./interner.ts";
import type { RowStore } from "./row-store.ts";
import { OLD } from "./views.ts";

/** Two rows of an input have the same key; the transaction is rolled back. */
export class KeyError extends RelationError {
  static override readonly code: string = "DATALOG_KEY";
}

/** The row with texts of typed columns read. Null stays null. */
export function inputRow(relation: CoreRelation, tuple: Tuple): Tuple {
  const typed = typedColumns(relation);
  if (typed.length === 0) return tuple;
  let read: Value[] | undefined;
  for (const { i, name, type } of typed) {
    const value = tuple[i] ?? null;
    if (value === null || (value instanceof Scalar && value.type === type)) continue;
    const made = typeof value === "string" ? scalar(type, value) : undefined;
    if (made === undefined) {
      throw new RelationError(`Cannot change "${relation.name}": ${formatValue(value)} in column "${name}" is no ${type}`, {
        hint: `give a text such as ${EXAMPLES[type]}, or what scalar("${type}", …) makes`,
        details: { relation: relation.name, column: name },
      });
    }
    read ??= [...tuple];
    read[i] = made;
  }
  return read ?? tuple;
}

/** True if {@link inputRow} has anything to do for the relation. */
export function hasTypedColumns({ columns }: CoreRelation): boolean {
  return columns.some(({ type }) => isScalarType(type));
}

/** The row of another program under this one's types. */
export function typedIds(relation: CoreRelation, ids: Int32Array, interner: Interner): Int32Array {
  if (typedColumns(relation).length === 0) return ids;
  const row = inputRow(
    relation,
    Array.from(ids, (id) => interner.valueOf(id)),
  );
  return Int32Array.from(row, (value) => interner.idOf(value));
}

/** A pattern or row to look for, with texts of typed columns read where they can be. */
export function typedPattern<P extends readonly (Value | undefined)[]>(relation: CoreRelation | undefined, pattern: P): P {
  const typed = relation === undefined ? [] : typedColumns(relation);
  if (typed.length === 0) return pattern;
  const read = [...pattern];
  for (const { i, type } of typed) {
    const value = read[i];
    if (typeof value === "string") read[i] = scalar(type, value) ?? value;
  }
  return read as unknown as P;
}

interface TypedColumn {
  readonly i: number;
  readonly name: string;
  readonly type: ScalarType;
}

/** Asked for every row that comes in, so found once per relation. */
const typedOf = new WeakMap<CoreRelation, readonly TypedColumn[]>();

function typedColumns(relation: CoreRelation): readonly TypedColumn[] {
  const known = typedOf.get(relation);
  if (known !== undefined) return known;
  const typed = relation.columns.flatMap(({ name, type }, i) => (isScalarType(type) ? [{ i, name, type }] : []));
  typedOf.set(relation, typed);
  return typed;
}

/** Throws if one of the rows that came into an input has the key of another row. */
export function checkKeys(relation: CoreRelation, store: RowStore, rows: IntList, interner: Interner): void {
  const columns = keyColumns(relation);
  if (columns.length === 0 || columns.length === store.arity) return;
  const index = store.index(columns);
  for (const row of rows.values()) {
    const key = Int32Array.from(columns, (column) => store.data[row * store.stride + column] as number);
    const same = [...index.rowsOf(key)].filter((other) => ((store.flags[other] as number) & OLD) !== 0);
    const other = same.find((candidate) => candidate !== row);
    if (other === undefined) continue;
    const [first, second] = [readTuple(store, other, interner), readTuple(store, row, interner)];
    const names = columns.map((column) => relation.columns[column]?.name).join(", ");
    throw new KeyError(
      `Cannot change "${relation.name}": ${formatAtom(relation.name, second)} has the key (${names}) of ${formatAtom(relation.name, first)}`,
      { hint: "delete the old row in the same transaction", details: { relation: relation.name } },
    );
  }
}

/** Asked for after each transaction, so found once per relation. */
const keyOf = new WeakMap<CoreRelation, readonly number[]>();

/** Positions of the columns that are declared `key`. */
function keyColumns(relation: CoreRelation): readonly number[] {
  const known = keyOf.get(relation);
  if (known !== undefined) return known;
  const columns = relation.columns.flatMap(({ isKey }, i) => (isKey === true ? [i] : []));
  keyOf.set(relation, columns);
  return columns;
}

const EXAMPLES: Readonly<Record<ScalarType, string>> = {
  bytes: '"0aff"',
  mac: '"0a:00:00:00:00:01"',
  ip: '"10.0.0.1"',
  prefix: '"10.0.0.0/8"',
  time: '"2026-01-02T03:04:05Z"',
  duration: '"1h30m"',
};

function isScalarType(type: string | undefined): type is ScalarType {
  return (SCALAR_TYPES as readonly (string | undefined)[]).includes(type);
}
