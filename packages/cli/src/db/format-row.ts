/** Rows and changes of a database as people read them. */
import {
  type Atom,
  type ColumnSchema,
  type Datum,
  datumOf,
  datumsEqual,
  type DatabaseSchema,
  isMap,
  isSet,
  isUuid,
  type Row,
  type RowChange,
} from "@tenet/ovsdb";

/** A datum in short: `sw0`, `[a, b]`, `{k=v}`; uuids by their first 8 digits. */
export function formatDatum(datum: Datum): string {
  if (isMap(datum)) return `{${Array.from(datum, ([key, value]) => `${formatAtom(key)}=${formatAtom(value)}`).join(", ")}}`;
  if (!isSet(datum)) return formatAtom(datum);
  const [only] = datum;
  return datum.length === 1 && only !== undefined ? formatAtom(only) : `[${datum.map(formatAtom).join(", ")}]`;
}

function formatAtom(atom: Atom): string {
  if (typeof atom !== "string") return String(atom);
  if (isUuid(atom)) return atom.slice(0, 8);
  return /^[^\s,={}[\]"]+$/.test(atom) ? atom : JSON.stringify(atom);
}

/** One change as a line: `insert Root a (72668f3c): n=1`, `modify …: n: 1 -> 2`, `delete …`. */
export function formatChange(schema: DatabaseSchema, change: RowChange): string {
  const { table, old, new: row } = change;
  const kind = old === undefined ? "insert" : row === undefined ? "delete" : "modify";
  const columns = row === undefined ? [] : columnsOf(schema, table).flatMap((column) => formatColumn(column, old, row));
  return `${kind} ${nameOf(schema, change)}${columns.length === 0 ? "" : `: ${columns.join(", ")}`}`;
}

/** The columns of a table; none when the schema lacks it. */
export function columnsOf(schema: DatabaseSchema, table: string): ColumnSchema[] {
  return [...(schema.tables.get(table)?.columns.values() ?? [])];
}

function formatColumn(column: ColumnSchema, old: Row | undefined, row: Row): string[] {
  const datum = datumOf(row, column);
  const before = old === undefined ? column.defaultDatum : datumOf(old, column);
  if (datumsEqual(before, datum)) return [];
  return [
    old === undefined
      ? `${column.name}=${formatDatum(datum)}`
      : `${column.name}: ${formatDatum(before)} -> ${formatDatum(datum)}`,
  ];
}

/** `Table name (uuid)`; the name is what identifies rows of that table to people, when something does. */
function nameOf(schema: DatabaseSchema, { table, uuid, old, new: row }: RowChange): string {
  const columns = schema.tables.get(table);
  const column = columns?.indexes.find((index) => index.length === 1)?.[0] ?? columns?.columns.get("name");
  const values = row ?? old;
  const name = column === undefined || values === undefined ? "" : formatDatum(datumOf(values, column));
  return `${table} ${name === "" || name === '""' ? "" : `${name} `}(${uuid.slice(0, 8)})`;
}
