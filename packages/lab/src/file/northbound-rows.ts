/**
 * Northbound rows as a person writes them: by table, rows that others own strongly written inside them, and
 * references to rows elsewhere by name. What is allowed where is asked of the schema, so every table and column works.
 *
 *     Logical_Switch:
 *       - { name: prod, ports: [{ name: web1, addresses: ["0a:00:00:00:00:01 10.0.0.1"] }] }
 *     Port_Group:
 *       - { name: web, ports: [web1] }
 */
import { didYouMean, type SourcePosition } from "@tenet/kit";
import { type Atom, type ColumnSchema, type DatabaseSchema, OVN_NORTHBOUND, type TableSchema, toSchema } from "@tenet/ovsdb";
import { readAtom, sizeOf } from "./read-atom.ts";
import { readSource, type SourceNode } from "./source-node.ts";

/** A reference by name to a row of the same file. */
export interface RowName {
  readonly refersTo: string;
  readonly name: string;
  readonly node: SourceNode;
}

/** An element of a column: a plain value, a row written inside this one, or a name of a row elsewhere. */
export type RowElement = Atom | NorthboundRow | RowName;

/** A column's value: the elements of a set (a scalar is one element), or the pairs of a map. */
export type NorthboundValue = readonly RowElement[] | ReadonlyMap<Atom, RowElement>;

/** A row to write. */
export interface NorthboundRow {
  readonly table: string;
  /** Its `name` column; `undefined` when it has none. */
  readonly name: string | undefined;
  readonly columns: ReadonlyMap<string, NorthboundValue>;
  readonly at: SourcePosition;
}

/** The rows of a file. */
export interface NorthboundRows {
  readonly file: string;
  /** Rows that stand by themselves; others are inside them. */
  readonly rows: readonly NorthboundRow[];
  /** Names of all rows of a table, inner ones included. */
  names(table: string): readonly string[];
}

/** Whether a value is that of a map column. */
export function isPairs(value: NorthboundValue): value is ReadonlyMap<Atom, RowElement> {
  return value instanceof Map;
}

/** Whether an element is a row written in place. */
export function isRow(element: RowElement): element is NorthboundRow {
  return typeof element === "object" && "columns" in element;
}

/** Reads a file of northbound rows. @throws LabFileError; IoError */
export function readNorthbound(file: string): NorthboundRows {
  return new NorthboundReader(file, toSchema(OVN_NORTHBOUND)).read(readSource(file));
}

class NorthboundReader {
  readonly #file: string;
  readonly #schema: DatabaseSchema;
  readonly #names = new Map<string, Set<string>>();
  readonly #references: RowName[] = [];

  constructor(file: string, schema: DatabaseSchema) {
    this.#file = file;
    this.#schema = schema;
  }

  read(root: SourceNode): NorthboundRows {
    const rows = root.entries("tables of OVN_Northbound, each with a list of rows").flatMap(({ key, value }) => {
      const table = this.#table(key);
      if (!table.isRoot) throw key.error(`rows of ${table.name} live only inside others`, { expected: this.#ownersOf(table) });
      return value.items(`a list of ${table.name} rows`).map((item) => this.#row(table, item));
    });
    for (const reference of this.#references) this.#checkReference(reference);
    return { file: this.#file, rows, names: (table) => [...(this.#names.get(table) ?? [])] };
  }

  #table(key: SourceNode): TableSchema {
    const name = key.text("a table");
    const table = this.#schema.tables.get(name);
    if (table === undefined) {
      throw key.error(`OVN_Northbound has no table "${name}"`, { hint: didYouMean(name, this.#schema.tables.keys()) });
    }
    return table;
  }

  #ownersOf(table: TableSchema): string {
    const places: string[] = [];
    for (const owner of this.#schema.tables.values()) {
      for (const column of owner.strongColumns) {
        if (column.type.key.refTable === table.name) places.push(`${owner.name}.${column.name}`);
      }
    }
    return `them in ${places.join(" or ")}`;
  }

  #row(table: TableSchema, node: SourceNode): NorthboundRow {
    const columns: [string, NorthboundValue][] = [];
    for (const { key, value } of node.entries(`a ${table.name} row`)) {
      const name = key.text("a column");
      const column = table.columns.get(name);
      if (column === undefined) {
        throw key.error(`${table.name} has no column "${name}"`, { hint: didYouMean(name, table.columns.keys()) });
      }
      columns.push([name, column.kind === "map" ? this.#pairs(column, value) : this.#elements(column, value)]);
    }
    const byColumn = new Map(columns);
    const nameColumn = byColumn.get("name");
    const first = nameColumn === undefined || isPairs(nameColumn) ? undefined : nameColumn[0];
    const name = typeof first === "string" && first !== "" ? first : undefined;
    if (name !== undefined) this.#noteName(table, name, node);
    return { table: table.name, name, columns: byColumn, at: node.at };
  }

  #noteName(table: TableSchema, name: string, node: SourceNode): void {
    const names = this.#names.get(table.name) ?? new Set();
    // ACL names are remarks; names of what can be referred to, or that the schema keeps apart, are unique.
    const isUnique = table.isRoot || table.indexes.some((index) => index.length === 1 && index[0]?.name === "name");
    if (isUnique && names.has(name))
      throw node.error(`${table.name} "${name}" is there twice`, { expected: "a name of its own" });
    this.#names.set(table.name, names.add(name));
  }

  #elements(column: ColumnSchema, node: SourceNode): readonly RowElement[] {
    const items = node.isList ? node.items("a list") : [node];
    checkSize(column, items.length, node);
    const elements = items.map((item) => this.#element(column.type.key, item));
    const seen = new Set<RowElement>();
    elements.forEach((element, i) => {
      const key = typeof element === "object" && "refersTo" in element ? element.name : element;
      if (seen.has(key)) throw (items[i] ?? node).error(`${(items[i] ?? node).describe()} is there twice`);
      seen.add(key);
    });
    return elements;
  }

  #pairs(column: ColumnSchema, node: SourceNode): ReadonlyMap<Atom, RowElement> {
    const entries = node.entries(`a mapping for ${column.name}`);
    checkSize(column, entries.length, node);
    const { key: keyType, value: valueType } = column.type;
    return new Map(
      entries.map(({ key, value }): [Atom, RowElement] => [readAtom(keyType, key), this.#element(valueType ?? keyType, value)]),
    );
  }

  #element(base: ColumnSchema["type"]["key"], node: SourceNode): RowElement {
    const table = base.refTable === undefined ? undefined : this.#schema.tables.get(base.refTable);
    if (table === undefined) return readAtom(base, node);
    if (node.isMapping) {
      if (!base.isWeak || table.isRoot) return this.#row(table, node);
      throw node.error(`a ${table.name} row cannot live here`, { expected: "the name of a row that is elsewhere" });
    }
    const name = node.text(base.isWeak ? `the name of a ${table.name}` : `a ${table.name} row, or the name of one`);
    if (!table.columns.has("name"))
      throw node.error(`rows of ${table.name} have no names`, { expected: "the row itself, in braces" });
    const reference = { refersTo: table.name, name, node };
    this.#references.push(reference);
    return reference;
  }

  #checkReference({ refersTo, name, node }: RowName): void {
    const names = this.#names.get(refersTo) ?? new Set<string>();
    if (!names.has(name)) throw node.error(`there is no ${refersTo} "${name}" in this file`, { hint: didYouMean(name, names) });
  }
}

function checkSize(column: ColumnSchema, n: number, node: SourceNode): void {
  const { min, max } = column.type;
  if (n < min || n > max) throw node.error(`${column.name} cannot have ${n} values`, { expected: sizeOf(column) });
}
