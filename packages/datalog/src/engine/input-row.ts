/**
 * What an input's declaration promises about its rows: each column holds values of its type or null, and no two rows share a key.
 *
 * Texts given for typed columns are read; keys are checked when a transaction is evaluated, so that a row may be replaced
 * by deleting and inserting it in any order.
 */
import type { CoreRelation } from "../check/core.ts";
import { normalNumber } from "../integer.ts";
import { SCALAR_TYPES, Scalar, type ScalarType, scalar } from "../scalar.ts";
import { formatAtom, formatValue, isList, isMap, jsonOf, type Tuple, type Value } from "../value.ts";
import { readTuple } from "./delta.ts";
import { RelationError } from "./errors.ts";
import type { IntList } from "./rows/int-list.ts";
import type { Interner } from "./rows/interner.ts";
import type { RowStore } from "./rows/row-store.ts";
import { OLD } from "./rows/views.ts";

/** Two rows of an input have the same key; the transaction is rolled back. */
export class KeyError extends RelationError {
  static override readonly code: string = "DATALOG_KEY";
}

/**
 * The row as its relation holds it: each value has the type of its column, or is null; texts in columns of typed values are read.
 *
 * Asked for every row that comes in. A row without surprises costs a few comparisons and is given back itself.
 *
 * @throws RelationError if a value has another type
 */
export function inputRow(relation: CoreRelation, tuple: Tuple): Tuple {
  const tests = testsOf(relation);
  let read: Value[] | undefined;
  for (let i = 0; i < tests.length; i++) {
    const value = tuple[i] as Value;
    switch (tests[i]) {
      case ANY:
        continue;
      case INT:
        if (Number.isSafeInteger(value)) continue;
        break;
      case NUMBER:
        if (typeof value === "number") continue;
        break;
      case STRING:
        if (typeof value === "string") continue;
        break;
      case BOOLEAN:
        if (typeof value === "boolean") continue;
    }
    if (value === null) continue;
    const fitting = fittingValue(relation.columns[i]?.type ?? "any", value);
    if (fitting === undefined) throw wrongType(relation, i, value);
    if (fitting === value) continue;
    read ??= [...tuple];
    read[i] = fitting;
  }
  return read ?? tuple;
}

/** True if {@link inputRow} has anything to do for the relation. */
export function hasTypedColumns(relation: CoreRelation): boolean {
  return testsOf(relation).some((test) => test !== ANY);
}

/** The value for a column of a type, or `undefined` if it is of another one. */
function fittingValue(type: string, value: Value): Value | undefined {
  switch (type) {
    case "int":
      return isWhole(value) ? value : undefined;
    case "float":
    case "number":
      return typeof value === "number" || typeof value === "bigint" ? value : undefined;
    case "uuid":
      return typeof value === "string" && UUID.test(value) ? value : undefined;
    case "list":
      return isList(value) ? value : undefined;
    case "map":
      return isMap(value) ? value : undefined;
    default:
      if (!isScalarType(type)) return undefined;
      if (value instanceof Scalar) return value.type === type ? value : undefined;
      return typeof value === "string" ? scalar(type, value) : undefined;
  }
}

/** Whole and of at most 64 bits. */
function isWhole(value: Value): boolean {
  if (typeof value !== "number" && typeof value !== "bigint") return false;
  const normal = normalNumber(value);
  return typeof normal === "bigint" || Number.isSafeInteger(normal);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function wrongType({ name, columns }: CoreRelation, i: number, value: Value): RelationError {
  const { name: column, type = "any" } = columns[i] ?? { name: String(i) };
  return new RelationError(`Cannot change "${name}": ${formatValue(value)} in column "${column}" is no ${type}`, {
    hint: isScalarType(type)
      ? `give a text such as ${EXAMPLES[type]}, or what scalar("${type}", …) makes`
      : `give ${EXAMPLES[type] ?? "null"}, or declare the column as what it holds`,
    details: { relation: name, column, type, value: jsonOf(value) },
  });
}

/** The row of another program under this one's types. */
export function typedIds(relation: CoreRelation, ids: Int32Array, interner: Interner): Int32Array {
  if (!hasTypedColumns(relation)) return ids;
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

/** What is compared for a column before anything else is looked at. */
const ANY = 0;
const INT = 1;
const NUMBER = 2;
const STRING = 3;
const BOOLEAN = 4;
const OTHER = 5;

const TESTS: Readonly<Record<string, number>> = {
  any: ANY,
  json: ANY,
  int: INT,
  float: NUMBER,
  number: NUMBER,
  string: STRING,
  bool: BOOLEAN,
};

const testsOfRelation = new WeakMap<CoreRelation, Uint8Array>();

function testsOf(relation: CoreRelation): Uint8Array {
  const known = testsOfRelation.get(relation);
  if (known !== undefined) return known;
  const tests = Uint8Array.from(relation.columns, ({ type = "any" }) => TESTS[type] ?? OTHER);
  testsOfRelation.set(relation, tests);
  return tests;
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
  const index = store.indexes.on(columns);
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

const EXAMPLES: Readonly<Record<string, string>> = {
  bytes: '"0aff"',
  mac: '"0a:00:00:00:00:01"',
  ip: '"10.0.0.1"',
  prefix: '"10.0.0.0/8"',
  time: '"2026-01-02T03:04:05Z"',
  duration: '"1h30m"',
  int: "a whole number of at most 64 bits",
  float: "a number",
  number: "a number",
  string: "a text",
  bool: "true or false",
  uuid: 'a text such as "4ff3cd58-a88e-4fbb-a2d5-9c9f3a4b9b6d"',
  list: "a list",
  map: "an object",
};

function isScalarType(type: string | undefined): type is ScalarType {
  return (SCALAR_TYPES as readonly (string | undefined)[]).includes(type);
}
