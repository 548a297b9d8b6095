/**
 * Writes a lab's northbound rows: one transaction, only what is missing, nothing of what is there is touched.
 *
 * A row that stands by itself is known again by its name (else by an index of its table, else by all that the file says
 * about it). Rows inside it are written with it, or left with it.
 */
import { AppError, type Json } from "@tenet/kit";
import {
  type AtomInput,
  type ColumnInput,
  type Datum,
  isMap,
  isSet,
  type NamedUuid,
  namedUuid,
  type Replica,
  type Row,
  type TableSchema,
} from "@tenet/ovsdb";
import type { LabFile } from "../file/lab-file.ts";
import {
  isPairs,
  isRow,
  type NorthboundRow,
  type NorthboundValue,
  type RowElement,
  type RowName,
} from "../file/northbound-rows.ts";

/** What was done with the rows that stand by themselves, e.g. `Logical_Switch prod`. */
export interface AppliedNorthbound {
  readonly written: readonly string[];
  readonly kept: readonly string[];
}

/** Rows of the file and rows of the database do not fit together. */
export class NorthboundError extends AppError {
  static override readonly code: string = "LAB_NORTHBOUND";
}

/**
 * Writes the northbound rows whose named top-level row is not there yet, in one transaction with a comment.
 *
 * @param nb - a replica of the whole northbound database
 * @throws OvsdbError when the transaction is refused, by a policy for example; NorthboundError
 */
export async function applyNorthbound(lab: LabFile, nb: Replica): Promise<AppliedNorthbound> {
  const { tables } = nb.schema;
  const missing: NorthboundRow[] = [];
  const kept: string[] = [];
  for (const row of lab.northbound?.rows ?? []) {
    const table = tables.get(row.table);
    if (table === undefined) throw new NorthboundError(`Cannot write ${labelOf(row)}: the database has no table ${row.table}`);
    const found = nb.find(row.table, (there) => isSame(table, row, there));
    if (found === undefined) missing.push(row);
    else kept.push(labelOf(row));
  }
  if (missing.length > 0) {
    const operations = new RowWriter(nb).operations(missing);
    await nb.transact([...operations, nb.operations.comment(`tenet up: lab ${lab.name}`)]);
  }
  return { written: missing.map(labelOf), kept };
}

/** A row in words. */
function labelOf(row: NorthboundRow): string {
  return row.name === undefined ? row.table : `${row.table} ${row.name}`;
}

function isSame(table: TableSchema, row: NorthboundRow, there: Row): boolean {
  if (row.name !== undefined) return there["name"] === row.name;
  if (table.maxRows === 1) return true;
  const index = table.indexes.find((columns) => columns.every((column) => row.columns.has(column.name)));
  const columns = index?.map((column) => column.name) ?? [...row.columns.keys()];
  return columns.every((name) => isSameValue(row.columns.get(name), there[name]));
}

/** Compares plain values; rows and references count as the same, for their names say nothing about uuids. */
function isSameValue(value: NorthboundValue | undefined, there: Datum | undefined): boolean {
  if (value === undefined || there === undefined) return value === undefined;
  if (isPairs(value)) {
    return isMap(there) && there.size === value.size && [...value].every(([key, atom]) => isSameAtom(atom, there.get(key)));
  }
  const elements = value;
  const atoms = isSet(there) ? there : isMap(there) ? [] : [there];
  return elements.length === atoms.length && elements.every((element) => typeof element === "object" || atoms.includes(element));
}

function isSameAtom(element: RowElement, there: unknown): boolean {
  return typeof element === "object" || element === there;
}

/** Turns rows into insert operations; rows inside rows get operations of their own. */
class RowWriter {
  readonly #nb: Replica;
  readonly #operations: Json[] = [];
  /** `table name` to what refers to the row in this transaction. */
  readonly #byName = new Map<string, NamedUuid>();
  readonly #symbols = new Map<NorthboundRow, NamedUuid>();

  constructor(nb: Replica) {
    this.#nb = nb;
  }

  operations(rows: readonly NorthboundRow[]): readonly Json[] {
    for (const row of rows) this.#register(row);
    const isBare = this.#nb.table("NB_Global").size === 0 && !rows.some((row) => row.table === "NB_Global");
    if (isBare) this.#operations.push(this.#nb.operations.insert("NB_Global", {})); // northd's own addresses come from it
    for (const row of rows) {
      // Nobody may have written the same since we looked.
      if (row.name !== undefined) this.#operations.push(this.#nb.operations.verify(row.table, { name: row.name }, ["name"], []));
    }
    for (const [row, symbol] of this.#symbols) this.#insert(row, symbol);
    return this.#operations;
  }

  #register(row: NorthboundRow): void {
    const symbol = namedUuid(`row${this.#symbols.size}`);
    this.#symbols.set(row, symbol);
    if (row.name !== undefined) this.#byName.set(`${row.table} ${row.name}`, symbol);
    for (const value of row.columns.values()) {
      for (const element of value.values()) if (isRow(element)) this.#register(element);
    }
  }

  #insert(row: NorthboundRow, symbol: NamedUuid): void {
    const columns = [...row.columns].map(([name, value]): [string, ColumnInput] => {
      if (!isPairs(value)) return [name, value.map((element) => this.#input(element))];
      return [name, new Map([...value].map(([key, element]) => [key, this.#input(element)]))];
    });
    this.#operations.push(this.#nb.operations.insert(row.table, Object.fromEntries(columns), { as: symbol.namedUuid }));
  }

  #input(element: RowElement): AtomInput {
    if (typeof element !== "object") return element;
    const symbol = isRow(element) ? this.#symbols.get(element) : this.#byName.get(`${element.refersTo} ${element.name}`);
    return symbol ?? this.#existing(element as RowName);
  }

  #existing({ refersTo, name, node }: RowName): string {
    const row = this.#nb.find(refersTo, (there) => there["name"] === name);
    if (row !== undefined) return row._uuid;
    throw new NorthboundError(
      `Cannot refer to ${refersTo} "${name}": the row that should hold it is in the database without it`,
      {
        hint: "Remove that row with ovn-nbctl, or start from an empty state folder, and the lab writes it anew",
        details: { file: node.at.file, line: node.at.line },
      },
    );
  }
}
