/**
 * Turns a delta of output relations into OVSDB operations that carry only what changed.
 *
 * A tuple of a main relation that came is an `insert` (with the row's own UUID), one that went a `delete`, one that
 * went and came an `update` of the columns that differ. Elements of sets and maps are `mutate` operations.
 *
 * @see RFC 7047, section 5.2
 */
import type { Delta, Tuple, Value } from "@tenet/datalog";
import type { Json } from "@tenet/kit";
import type { Atom, ColumnInput, Operations, RowInput } from "@tenet/ovsdb";
import type { OutputTable } from "./output-table.ts";

/** How rows of a database are written. */
export interface RowWriter {
  readonly operations: Operations;
  readonly tables: ReadonlyMap<string, OutputTable>;
  /**
   * Rows are inserted and deleted, and derived sets and maps hold nothing else. Otherwise the rows are somebody
   * else's: columns are written and elements added, nothing is taken away.
   */
  readonly ownsRows: boolean;
  /** What a new row holds in columns that are not derived, e.g. `up` of a port binding. */
  readonly initial: { readonly [table: string]: RowInput };
}

/** What happens to one row. */
interface RowDelta {
  came: Tuple | undefined;
  went: Tuple | undefined;
  readonly elements: Map<string, { inserted: Tuple[]; deleted: Tuple[] }>;
}

/** The operations that make a delta true in the database. */
export function rowOperations(writer: RowWriter, delta: Delta): Json[] {
  const list: Json[] = [];
  for (const table of writer.tables.values()) {
    for (const [uuid, row] of rowDeltas(table, delta)) list.push(...operationsOfRow(writer, table, uuid, row));
  }
  return list;
}

function rowDeltas(table: OutputTable, delta: Delta): Map<string, RowDelta> {
  const rows = new Map<string, RowDelta>();
  const rowOf = (tuple: Tuple): RowDelta => {
    const uuid = String(tuple[0]);
    const row = rows.get(uuid) ?? { came: undefined, went: undefined, elements: new Map() };
    rows.set(uuid, row);
    return row;
  };
  const main = table.main === undefined ? undefined : delta.get(table.main);
  for (const tuple of main?.deleted ?? []) rowOf(tuple).went = tuple;
  for (const tuple of main?.inserted ?? []) rowOf(tuple).came = tuple;
  for (const [column, relation] of table.elements) {
    const changes = delta.get(relation);
    for (const kind of ["inserted", "deleted"] as const) {
      for (const tuple of changes?.[kind] ?? []) {
        const { elements } = rowOf(tuple);
        const ofColumn = elements.get(column) ?? { inserted: [], deleted: [] };
        elements.set(column, ofColumn);
        ofColumn[kind].push(tuple);
      }
    }
  }
  return rows;
}

function operationsOfRow(writer: RowWriter, output: OutputTable, uuid: string, row: RowDelta): Json[] {
  const { operations } = writer;
  const { table } = output;
  const { came, went } = row;
  if (writer.ownsRows && came === undefined && went !== undefined) return [operations.delete(table, uuid)];
  if (writer.ownsRows && came !== undefined && went === undefined) {
    const elements = Array.from(row.elements, ([column, { inserted }]) => [column, elementsOf(inserted)]);
    const columns = { ...writer.initial[table], ...wholeColumns(output, came), ...Object.fromEntries(elements) };
    return [operations.insert(table, columns, { uuid })];
  }
  const list: Json[] = [];
  if (came !== undefined) {
    const changed = wholeColumns(output, came, went);
    if (Object.keys(changed).length > 0) list.push(operations.update(table, uuid, changed));
  }
  const mutations = [...row.elements].flatMap(([column, { inserted, deleted }]) =>
    mutationsOf(column, inserted, writer.ownsRows ? deleted : []),
  );
  if (mutations.length > 0) list.push(operations.mutate(table, uuid, mutations));
  return list;
}

/** The columns of a main tuple, those alone that differ from `old` if there is one. */
function wholeColumns({ columns }: OutputTable, tuple: Tuple, old?: Tuple): { [column: string]: ColumnInput } {
  const changed: { [column: string]: ColumnInput } = {};
  for (const [i, column] of columns.entries()) {
    const value = tuple[i + 1] ?? null;
    if (old === undefined || JSON.stringify(value) !== JSON.stringify(old[i + 1])) changed[column] = wholeColumn(value);
  }
  return changed;
}

/** Null is an empty set, a list of pairs a map. */
function wholeColumn(value: Value): ColumnInput {
  if (value === null) return [];
  return Array.isArray(value) ? new Map(value.map((pair) => pairOf(Array.isArray(pair) ? pair : []))) : atomOf(value);
}

/** Tuples (row, value) are a set, tuples (row, key, value) a map. */
function elementsOf(tuples: readonly Tuple[]): ColumnInput {
  const isMap = tuples.some((tuple) => tuple.length === 3);
  return isMap ? new Map(tuples.map((tuple) => pairOf(tuple.slice(1)))) : tuples.map((tuple) => atomOf(tuple[1]));
}

/** Deletions first: a map keeps the old value of a key that is inserted again. */
function mutationsOf(column: string, inserted: readonly Tuple[], deleted: readonly Tuple[]): [string, string, ColumnInput][] {
  const mutations: [string, string, ColumnInput][] = [];
  if (deleted.length > 0) mutations.push([column, "delete", elementsOf(deleted)]);
  if (inserted.length > 0) mutations.push([column, "insert", elementsOf(inserted)]);
  return mutations;
}

function pairOf([key, value]: readonly Value[]): [Atom, Atom] {
  return [atomOf(key), atomOf(value)];
}

function atomOf(value: Value | undefined): Atom {
  if (typeof value === "bigint") return Number(value);
  return value === null || value === undefined || typeof value === "object" ? "" : value;
}
