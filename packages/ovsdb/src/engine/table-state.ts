/**
 * The rows of one table with everything that keeps a transaction's cost independent of the table's size:
 * index maps, counts of strong references to each row, and the rows that refer weakly to each row.
 */
import type { Json } from "@tenet/kit";
import { isAllowed } from "../model/constraints.ts";
import { datumsEqual, keysOf } from "../model/datum.ts";
import { stringifyExact } from "../model/exact-json.ts";
import { datumOf, type PartialRow, type Row, RowMaker } from "../model/row.ts";
import type { ColumnSchema, TableSchema } from "../model/schema.ts";

/** One declared index: finds the rows with the same values in its columns. */
export class IndexMap {
  readonly columns: readonly ColumnSchema[];
  /** Inside a transaction several rows may share a key; the commit refuses that. */
  readonly #uuidsByKey = new Map<string, string | Set<string>>();
  #nDuplicates = 0;

  constructor(columns: readonly ColumnSchema[]) {
    this.columns = columns;
  }

  /** The uuids of the rows whose columns equal those of `values`. */
  find(values: PartialRow): readonly string[] {
    const found = this.#uuidsByKey.get(this.#keyOf(values));
    if (found === undefined) return [];
    return typeof found === "string" ? [found] : [...found];
  }

  /** Whether some rows have the same values. */
  get hasDuplicates(): boolean {
    return this.#nDuplicates > 0;
  }

  /** The uuid of another row with the same values. */
  findOther(row: Row): string | undefined {
    const found = this.#uuidsByKey.get(this.#keyOf(row));
    if (found === undefined || found === row._uuid) return undefined;
    if (typeof found === "string") return found;
    for (const uuid of found) if (uuid !== row._uuid) return uuid;
    return undefined;
  }

  add(row: Row): void {
    const key = this.#keyOf(row);
    const found = this.#uuidsByKey.get(key);
    if (found === undefined) {
      this.#uuidsByKey.set(key, row._uuid);
      return;
    }
    this.#nDuplicates++;
    if (typeof found === "string") this.#uuidsByKey.set(key, new Set([found, row._uuid]));
    else found.add(row._uuid);
  }

  remove(row: Row): void {
    const key = this.#keyOf(row);
    const found = this.#uuidsByKey.get(key);
    if (found instanceof Set && found.size > 1) {
      found.delete(row._uuid);
      this.#nDuplicates--;
      const [only] = found;
      if (found.size === 1 && only !== undefined) this.#uuidsByKey.set(key, only);
    } else {
      this.#uuidsByKey.delete(key);
    }
  }

  /** Whether a change of the row moves it within this index. */
  isMovedBy(old: Row, row: Row): boolean {
    return this.columns.some((column) => !datumsEqual(datumOf(old, column), datumOf(row, column)));
  }

  #keyOf(row: PartialRow): string {
    const [only] = this.columns;
    if (this.columns.length === 1 && only !== undefined) return keyPart(row, only);
    return JSON.stringify(this.columns.map((column) => keyPart(row, column)));
  }
}

function keyPart(row: PartialRow, column: ColumnSchema): string {
  const datum = row[column.name] ?? column.defaultDatum;
  if (typeof datum === "string") return datum;
  return stringifyExact((datum instanceof Map ? [...datum] : datum) as Json);
}

/** The rows of one table, their indexes and the references to them. */
export class TableState {
  readonly schema: TableSchema;
  readonly maker: RowMaker;
  readonly rows: Map<string, Row> = new Map();
  readonly indexes: readonly IndexMap[];
  /** Columns that an insert has to give, because their type does not allow what they have otherwise. */
  readonly forbiddenDefaults: readonly ColumnSchema[];
  /** How many strong references other rows hold to a row; absent is none. */
  readonly strongCounts: Map<string, number> = new Map();
  /** Who refers weakly to a uuid, which need not be a row's: `table/uuid` of the source and how often. */
  readonly weakSources: Map<string, Map<string, number>> = new Map();

  constructor(schema: TableSchema) {
    this.schema = schema;
    this.maker = new RowMaker(schema);
    this.forbiddenDefaults = [...schema.columns.values()].filter(hasForbiddenDefault);
    this.indexes = schema.indexes.map((columns) => new IndexMap(columns));
  }

  /** Puts, replaces or (with `row` absent) removes the row of this uuid and keeps the indexes. */
  set(uuid: string, row: Row | undefined): void {
    this.replace(uuid, this.rows.get(uuid), row);
  }

  /** The same for who knows the row that is there, which costs no look-up. */
  replace(uuid: string, old: Row | undefined, row: Row | undefined): void {
    for (const index of this.indexes) {
      if (old !== undefined && row !== undefined && !index.isMovedBy(old, row)) continue;
      if (old !== undefined) index.remove(old);
      if (row !== undefined) index.add(row);
    }
    if (row === undefined) this.rows.delete(uuid);
    else this.rows.set(uuid, row);
  }
}

function hasForbiddenDefault({ type, defaultDatum }: ColumnSchema): boolean {
  return type.min > 0 && !keysOf(defaultDatum).every((atom) => isAllowed(type.key, atom));
}
