/**
 * How derived relations stand for database rows.
 *
 * `to_sb:Table(_uuid, a, b)` holds the columns `a` and `b` of rows that exist exactly as long as their tuple does;
 * a map column may be in it whole, as a list of pairs in key order. `to_sb:Table.column(_uuid, value)` and
 * `to_sb:Table.column(_uuid, key, value)` hold the elements of a set or map one by one, so that a change of one
 * element is a change of one tuple. Columns that occur in neither belong to somebody else and are left alone.
 */
import type { RelationInfo, Tuple, Value } from "@tenet/datalog";
import type { Row } from "@tenet/ovsdb";

/** The relations that derive rows of one table. */
export interface OutputTable {
  readonly table: string;
  /** Relation of the rows, e.g. `to_sb:Port_Binding`; absent when only elements of foreign rows are derived. */
  readonly main: string | undefined;
  /** Columns of the main relation after `_uuid`. */
  readonly columns: readonly string[];
  /** Set or map column and the relation of its elements. */
  readonly elements: ReadonlyMap<string, string>;
}

/** All tables that relations named `prefix:...` derive. */
export function outputTables(relations: readonly RelationInfo[], prefix: string): ReadonlyMap<string, OutputTable> {
  const tables = new Map<string, OutputTable & { elements: Map<string, string> }>();
  for (const { name, columns } of relations) {
    if (!name.startsWith(`${prefix}:`)) continue;
    const [table = "", column] = name.slice(prefix.length + 1).split(".");
    const known = tables.get(table) ?? { table, main: undefined, columns: [], elements: new Map<string, string>() };
    if (column === undefined) {
      tables.set(table, { ...known, main: name, columns: columns.slice(1).map((each) => each.name) });
    } else {
      known.elements.set(column, name);
      tables.set(table, known);
    }
  }
  return tables;
}

/** The tuples, by relation, that say what a database row holds now in the columns that the table derives. */
export function tuplesOfRow(table: OutputTable, row: Row): [relation: string, tuple: Tuple][] {
  const tuples: [string, Tuple][] = [];
  if (table.main !== undefined) {
    tuples.push([table.main, [row._uuid, ...table.columns.map((column) => wholeValue(row[column]))]]);
  }
  for (const [column, relation] of table.elements) {
    const datum = row[column];
    if (datum instanceof Map) for (const [key, value] of datum) tuples.push([relation, [row._uuid, key, value]]);
    else if (Array.isArray(datum)) for (const value of datum) tuples.push([relation, [row._uuid, value]]);
  }
  return tuples;
}

/** A column in a main relation: an optional one is null or its value, a map a list of pairs. */
function wholeValue(datum: Row[string] | undefined): Value {
  if (datum === undefined) return null;
  if (datum instanceof Map) return Array.from(datum, ([key, value]) => [key, value]);
  if (!Array.isArray(datum)) return datum as Value;
  return datum[0] ?? null;
}
