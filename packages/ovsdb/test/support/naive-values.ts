/**
 * Values, conditions and mutations of the naive database.
 *
 * Every value is a list of pairs of JSON texts in order (a set's second texts are empty, a scalar is a set of one), so that
 * equality is that of text.
 */
import type { Json } from "@tenet/kit";
import { type BaseType, type ColumnSchema, type ColumnType, type TableSchema, toJson } from "@tenet/ovsdb";

type Value = readonly (readonly [key: string, value: string])[];
export type NaiveRow = ReadonlyMap<string, Value>;
export type Operation = { readonly [member: string]: Json };

/** The transaction fails here; which words tell of it is not for this model to say. */
export class Failure extends Error {}

/** A row in the texts of {@link NaiveDatabase.content}, from the JSON of its columns; those that have their default may be missing. */
export function naiveRowText(table: TableSchema, columns: { readonly [column: string]: Json }): string {
  const given = Object.entries(columns).map(([name, json]) => [name, parse(bare(columnOf(table, name).type), json)] as const);
  return rowText(new Map([...defaults(table), ...given]));
}

/** Selected rows in the texts of {@link NaiveOutcome}. */
export function naiveSelectText(table: TableSchema, names: readonly string[], row: { readonly [column: string]: Json }): string {
  return JSON.stringify(
    names.map((name) => {
      const column = table.columns.get(name);
      return column === undefined ? uuidIn(JSON.stringify(row[name])) : parse(bare(column.type), row[name] ?? null);
    }),
  );
}

export function rowText(row: NaiveRow): string {
  return JSON.stringify([...row].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export function projected(rows: readonly [string, NaiveRow][], columns: readonly string[]): string[] {
  const texts = rows.map(([uuid, row]) => JSON.stringify(columns.map((name) => (name === "_uuid" ? uuid : row.get(name)))));
  return columns.includes("_uuid") ? texts : [...new Set(texts)];
}

export function defaults(table: TableSchema): [string, Value][] {
  return Array.from(table.columns.values(), (column) => [
    column.name,
    parse(bare(column.type), toJson(column.type, column.defaultDatum)),
  ]);
}

function columnOf(table: TableSchema, name: Json | undefined): ColumnSchema {
  const column = table.allColumns.get(String(name));
  if (column === undefined) throw new Failure();
  return column;
}

export function parseRow(table: TableSchema, json: Json | undefined): Map<string, Value> {
  return new Map(Object.entries(json as Operation).map(([name, value]) => [name, parse(columnOf(table, name).type, value)]));
}

export function matching(table: TableSchema, rows: ReadonlyMap<string, NaiveRow>, where: Json | undefined): [string, NaiveRow][] {
  const tests = (where as Json[][]).map((clause) => parseClause(table, clause));
  return [...rows].filter(([uuid, row]) => tests.every((test) => test(uuid, row)));
}

function parseClause(table: TableSchema, [name, call, json = null]: readonly Json[]): (uuid: string, row: NaiveRow) => boolean {
  const column = columnOf(table, name);
  const isSubset = call === "includes" || call === "excludes";
  const type =
    isSubset && column.kind !== "scalar"
      ? { ...column.type, min: 0 as const, max: call === "excludes" ? Infinity : column.type.max }
      : column.type;
  const argument = parse(["<", "<=", ">", ">="].includes(String(call)) ? { ...type, min: 1 } : type, json);
  const valueOf = (uuid: string, row: NaiveRow): Value =>
    name === "_uuid" ? [[JSON.stringify(["uuid", uuid]), ""]] : (row.get(column.name) ?? []);
  const has = (value: Value, pair: readonly [string, string]) =>
    value.some((other) => JSON.stringify(other) === JSON.stringify(pair));
  return (uuid, row) => {
    const value = valueOf(uuid, row);
    const [[a = "null"] = []] = value;
    const [[b = "null"] = []] = argument;
    switch (call) {
      case "==":
        return JSON.stringify(value) === JSON.stringify(argument);
      case "!=":
        return JSON.stringify(value) !== JSON.stringify(argument);
      case "includes":
        return argument.every((pair) => has(value, pair));
      case "excludes":
        return !argument.some((pair) => has(value, pair));
      default:
        return value.length > 0 && { "<": +a < +b, "<=": +a <= +b, ">": +a > +b, ">=": +a >= +b }[String(call)] === true;
    }
  };
}

export function parseMutation(table: TableSchema, [name, mutator, json = null]: readonly Json[]): (row: NaiveRow) => NaiveRow {
  const column = columnOf(table, name);
  const { type } = column;
  const isNumber = column.kind !== "map" && ["integer", "real"].includes(type.key.type);
  if (!column.isMutable) throw new Failure();
  if (mutator === "insert" || mutator === "delete") {
    if (column.kind === "scalar") throw new Failure();
    const argument = parse({ ...type, min: 0, max: mutator === "insert" ? type.max : Infinity }, json);
    return (row) => {
      const value = row.get(column.name) ?? [];
      const result =
        mutator === "insert"
          ? [...value, ...argument.filter(([key]) => !value.some(([other]) => other === key))]
          : value.filter((pair) => !argument.some((other) => JSON.stringify(other) === JSON.stringify(pair)));
      if (result.length < type.min || result.length > type.max) throw new Failure();
      return new Map([...row, [column.name, inOrder(result)]]);
    };
  }
  if (!isNumber) throw new Failure();
  const [[text = ""] = []] = parse(
    { key: { ...type.key, enum: undefined, minimum: undefined, maximum: undefined }, value: undefined, min: 1, max: 1 },
    json,
  );
  return (row) => {
    const results = (row.get(column.name) ?? []).map(
      ([atom]): Json => calculate(type.key, String(mutator), Number(atom), Number(text)),
    );
    return new Map([...row, [column.name, parse({ ...type, min: 0, max: Infinity }, ["set", results])]]);
  };
}

function calculate(base: BaseType, mutator: string, a: number, b: number): number {
  if (b === 0 && (mutator === "/=" || mutator === "%=")) throw new Failure();
  const quotient = base.type === "integer" ? Math.trunc(a / b) : a / b;
  const result = { "+=": a + b, "-=": a - b, "*=": a * b, "/=": quotient, "%=": a % b }[mutator] ?? Number.NaN;
  return result === 0 ? 0 : result;
}

/** Reads a value and checks all that its type asks. */
export function parse(type: ColumnType, json: Json): Value {
  const isTagged = (tag: string) => Array.isArray(json) && json[0] === tag;
  const list = (tag: string) => {
    const elements = (json as Json[])[1];
    if (!isTagged(tag) || !Array.isArray(elements)) throw new Failure();
    return elements as Json[];
  };
  let pairs: [string, string][];
  if (type.value === undefined) {
    const atoms = isTagged("set") ? list("set") : [json];
    if (isTagged("set") && (atoms.length < type.min || atoms.length > type.max)) throw new Failure();
    pairs = atoms.map((atom) => [parseAtom(type.key, atom), ""]);
  } else {
    const { value } = type;
    if (!isTagged("map") || list("map").length < type.min || list("map").length > type.max) throw new Failure();
    pairs = list("map").map((pair) => [
      parseAtom(type.key, (pair as Json[])[0] ?? null),
      parseAtom(value, (pair as Json[])[1] ?? null),
    ]);
  }
  if (new Set(pairs.map(([key]) => key)).size < pairs.length) throw new Failure();
  return inOrder(pairs);
}

function inOrder(pairs: readonly (readonly [string, string])[]): Value {
  return pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function parseAtom(base: BaseType, json: Json): string {
  const isOfType = {
    integer: Number.isInteger(json),
    real: typeof json === "number",
    boolean: typeof json === "boolean",
    string: typeof json === "string",
    uuid: Array.isArray(json) && json[0] === "uuid" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(json[1])),
  }[base.type];
  if (!isOfType || (base.enum !== undefined && !base.enum.includes(json as string))) throw new Failure();
  if (typeof json === "number" && (json < Number(base.minimum ?? -Infinity) || json > Number(base.maximum ?? Infinity)))
    throw new Failure();
  if (typeof json === "string" && ([...json].length < (base.minLength ?? 0) || [...json].length > (base.maxLength ?? Infinity)))
    throw new Failure();
  return JSON.stringify(json);
}

/** The type without its limits, for values that need not satisfy them. */
function bare({ key, value }: ColumnType): ColumnType {
  const free = (base: BaseType): BaseType => ({
    ...base,
    enum: undefined,
    minimum: undefined,
    maximum: undefined,
    minLength: undefined,
    maxLength: undefined,
  });
  return { key: free(key), value: value === undefined ? undefined : free(value), min: 0, max: Infinity };
}

export function uuidIn(text: string): string {
  return String((JSON.parse(text) as Json[])[1]);
}
