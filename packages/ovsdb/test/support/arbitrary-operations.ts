/** Random operations over any schema: mostly what it allows, now and then what it does not. */
import type { Json } from "@tenet/kit";
import { type BaseType, type ColumnSchema, type DatabaseSchema, keysOf, type TableSchema, toJson } from "@tenet/ovsdb";
import fc from "fast-check";

/** So few rows of each table that operations meet each other's. */
const ROWS_PER_TABLE = 4;

/** The uuids that rows of a table may have. */
function uuidsOf(schema: DatabaseSchema, table: string): string[] {
  const n = [...schema.tables.keys()].indexOf(table);
  return Array.from(
    { length: ROWS_PER_TABLE },
    (_, i) => `00000000-0000-4000-8000-${String(n).padStart(10, "0")}${String(i).padStart(2, "0")}`,
  );
}

/** One operation on one of these tables. */
export function arbitraryOperation(schema: DatabaseSchema, tables: readonly TableSchema[]): fc.Arbitrary<Json> {
  return fc.constantFrom(...tables).chain((table) => operationOn(schema, table));
}

function operationOn(schema: DatabaseSchema, table: TableSchema): fc.Arbitrary<Json> {
  const name = table.name;
  const row = rowOf(schema, table);
  const where = whereOf(schema, table);
  const operation = (op: string, members: { [member: string]: fc.Arbitrary<Json> }) =>
    fc.record({ op: fc.constant(op), table: fc.constant(name), ...members }) as fc.Arbitrary<Json>;
  const columns = fc.uniqueArray(fc.constantFrom("_uuid", ...table.columns.keys()), { minLength: 1, maxLength: 4 });
  const mutation = fc.constantFrom(...table.columns.values()).chain((column) => mutationOf(schema, column));
  return fc.oneof(
    {
      weight: 8,
      arbitrary: operation("insert", { uuid: fc.constantFrom(...uuidsOf(schema, name)), row: newRowOf(schema, table) }),
    },
    { weight: 4, arbitrary: operation("update", { where, row }) },
    { weight: 6, arbitrary: operation("mutate", { where, mutations: fc.array(mutation, { maxLength: 2 }) }) },
    { weight: 2, arbitrary: operation("delete", { where }) },
    { weight: 3, arbitrary: operation("select", { where, columns: columns as fc.Arbitrary<Json> }) },
    {
      weight: 1,
      arbitrary: operation("wait", {
        where,
        columns: columns as fc.Arbitrary<Json>,
        until: fc.constantFrom("==", "!="),
        rows: fc.array(row, { maxLength: 1 }),
        timeout: fc.constant(0),
      }),
    },
  );
}

function rowOf(schema: DatabaseSchema, table: TableSchema): fc.Arbitrary<Json> {
  const indexed = table.indexes.flat();
  const column = fc.oneof(fc.constantFrom(...table.columns.values()), fc.constantFrom(...indexed, ...table.columns.values()));
  return fc
    .uniqueArray(column, { maxLength: 5 })
    .chain((columns) => fc.tuple(...columns.map((each) => valueOf(schema, each).map((value) => [each.name, value] as const))))
    .map((pairs) => Object.fromEntries(pairs) as Json);
}

/** A row with values for the columns whose defaults are not allowed, too. */
function newRowOf(schema: DatabaseSchema, table: TableSchema): fc.Arbitrary<Json> {
  const needed = [...table.columns.values()].filter(({ type: { key, min }, defaultDatum }) => {
    const [atom] = keysOf(defaultDatum);
    const isTooSmall = typeof atom === "number" && key.minimum !== undefined && atom < key.minimum;
    return min > 0 && atom !== undefined && (key.enum?.includes(atom) === false || isTooSmall);
  });
  const values = fc.tuple(...needed.map((column) => valueOf(schema, column).map((value) => [column.name, value] as const)));
  return fc
    .tuple(values, rowOf(schema, table))
    .map(([pairs, row]): Json => ({ ...Object.fromEntries(pairs), ...(row as object) }));
}

function whereOf(schema: DatabaseSchema, table: TableSchema): fc.Arbitrary<Json> {
  const byUuid = fc.constantFrom(...uuidsOf(schema, table.name)).map((uuid): Json => ["_uuid", "==", ["uuid", uuid]]);
  const byColumn = fc.constantFrom(...table.columns.values()).chain((column) => {
    const isNumber = column.kind !== "map" && column.type.max === 1 && ["integer", "real"].includes(column.type.key.type);
    const call = fc.constantFrom("==", "!=", "includes", "excludes", ...(isNumber ? ["<", "<=", ">", ">="] : []));
    return fc.tuple(fc.constant(column.name), call, valueOf(schema, column)) as fc.Arbitrary<Json>;
  });
  return fc.array(fc.oneof({ weight: 3, arbitrary: byUuid }, { weight: 2, arbitrary: byColumn }), { maxLength: 2 });
}

function mutationOf(schema: DatabaseSchema, column: ColumnSchema): fc.Arbitrary<Json> {
  const { kind, type } = column;
  const isNumber = kind !== "map" && ["integer", "real"].includes(type.key.type);
  const arithmetic = isNumber ? ["+=", "-=", "*=", "/=", ...(type.key.type === "integer" ? ["%="] : [])] : [];
  const mutators = kind === "scalar" ? [...arithmetic, ...(isNumber ? [] : ["insert"])] : ["insert", "delete", ...arithmetic];
  return fc
    .constantFrom(...mutators)
    .chain((mutator) => {
      const argument = arithmetic.includes(mutator) ? atomOf(schema, type.key) : valueOf(schema, column);
      return fc.tuple(fc.constant(column.name), fc.constant(mutator), argument) as fc.Arbitrary<Json[]>;
    })
    .filter(([, mutator, argument]) => mutator !== "*=" || !(Number(argument) <= 0)); // the original dies or overflows
}

function valueOf(schema: DatabaseSchema, column: ColumnSchema): fc.Arbitrary<Json> {
  const { key, value, min, max } = column.type;
  const maxLength = Math.min(3, max);
  const fallback = fc.constant(toJson(column.type, column.defaultDatum));
  const atom = atomOf(schema, key);
  if (column.kind === "scalar") return fc.oneof({ weight: 12, arbitrary: atom }, { weight: 1, arbitrary: fallback });
  const distinct = { minLength: min, maxLength, selector: (json: Json | readonly [Json, Json]) => JSON.stringify(json) };
  if (value === undefined) return fc.uniqueArray(atom, distinct).map((atoms): Json => ["set", atoms]);
  const byKey = { minLength: min, maxLength, selector: ([k]: readonly [Json, Json]) => JSON.stringify(k) };
  return fc.uniqueArray(fc.tuple(atom, atomOf(schema, value)), byKey).map((pairs): Json => ["map", pairs]);
}

function atomOf(schema: DatabaseSchema, base: BaseType): fc.Arbitrary<Json> {
  const good = goodAtomOf(schema, base);
  const bad = fc.constantFrom<Json>("zork", -1, 70000, true, ["uuid", "x"]);
  return fc.oneof({ weight: 60, arbitrary: good }, { weight: 1, arbitrary: bad });
}

function goodAtomOf(schema: DatabaseSchema, base: BaseType): fc.Arbitrary<Json> {
  if (base.enum !== undefined) return fc.constantFrom(...base.enum.map((atom) => atom as Json));
  switch (base.type) {
    case "boolean":
      return fc.boolean();
    case "real":
      return fc.constantFrom(0, 0.5, -2, 1024);
    case "integer": {
      const low = Number(base.minimum ?? 0);
      const high = Number(base.maximum ?? low + 100);
      return fc.oneof(fc.integer({ min: low, max: Math.min(high, low + 5) }), fc.constantFrom(low, high));
    }
    case "string": {
      const texts = ["a", "b", "c", "eth0", "00:00:00:00:00:01", "é€", 'q"te \\'];
      const { minLength = 0, maxLength = Infinity } = base;
      const allowed = texts.filter((text) => [...text].length >= minLength && [...text].length <= maxLength);
      return fc.constantFrom(...(allowed.length === 0 ? texts : allowed));
    }
    case "uuid": {
      const table = base.refTable ?? [...schema.tables.keys()][0] ?? "";
      return fc.constantFrom(...uuidsOf(schema, table)).map((uuid): Json => ["uuid", uuid]);
    }
  }
}
