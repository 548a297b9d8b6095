/** A northbound database of plain objects: change it, and get the row changes that a replica would report. */
import { type ColumnJson, OVN_NORTHBOUND, OVN_SOUTHBOUND, type Row, type RowChange, type SchemaJson } from "@tenet/ovsdb";

/** Some columns of a row. */
export type Columns = { readonly [column: string]: Row[string] };

/** Rows by table and UUID, with the changes since the last `take`. */
export class RowStore {
  readonly #schema: SchemaJson;
  readonly #tables = new Map<string, Map<string, Row>>();
  #changes: RowChange[] = [];

  constructor(schema: SchemaJson = OVN_NORTHBOUND) {
    this.#schema = schema;
  }

  /** Makes a row what `columns` say, with defaults elsewhere; `undefined` deletes it. */
  put(table: string, uuid: string, columns: Columns | undefined): void {
    const rows = this.#tables.get(table) ?? new Map<string, Row>();
    this.#tables.set(table, rows);
    const old = rows.get(uuid);
    const next = columns === undefined ? undefined : this.#row(table, uuid, columns);
    if (old === undefined && next === undefined) return;
    if (next === undefined) rows.delete(uuid);
    else rows.set(uuid, next);
    this.#changes.push({ table, uuid, old, new: next });
  }

  /** Changes some columns of a row that is there. */
  patch(table: string, uuid: string, columns: Columns): void {
    const old = this.#tables.get(table)?.get(uuid);
    if (old !== undefined) this.put(table, uuid, { ...old, ...columns });
  }

  /** A row that is there. */
  get(table: string, uuid: string): Row | undefined {
    return this.#tables.get(table)?.get(uuid);
  }

  /** The changes since the last call. */
  take(): RowChange[] {
    return this.#changes.splice(0);
  }

  /** The whole content as insertions. */
  content(): RowChange[] {
    return Array.from(this.#tables).flatMap(([table, rows]) =>
      Array.from(rows.values(), (row) => ({ table, uuid: row._uuid, old: undefined, new: row })),
    );
  }

  #row(table: string, uuid: string, columns: Columns): Row {
    const defaults = Object.entries(this.#schema.tables[table]?.columns ?? {}).map(([name, column]) => [
      name,
      defaultDatum(column),
    ]);
    return { ...Object.fromEntries(defaults), ...columns, _uuid: uuid, _version: uuid };
  }
}

/** A store for southbound rows. */
export function southboundStore(): RowStore {
  return new RowStore(OVN_SOUTHBOUND);
}

/** A UUID made of a small number. */
export function uuidOf(n: number): string {
  return `${n.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
}

function defaultDatum({ type }: ColumnJson): Row[string] {
  if (type.value !== undefined) return new Map();
  if (type.max !== undefined && !(type.min === 1 && type.max === 1)) return [];
  const defaults = { integer: 0, real: 0, boolean: false, string: "", uuid: "00000000-0000-0000-0000-000000000000" };
  return type.key.enum?.[1][0] ?? defaults[type.key.type];
}
