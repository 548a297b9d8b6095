/**
 * `tenet db types`: TypeScript for a database: its rows as a replica and a database hold them, what may be written to
 * them, and the schema itself, which gives `connect` and all that follows these types.
 */
import {
  type Atom,
  type BaseType,
  type ColumnSchema,
  type DatabaseSchema,
  type SchemaSource,
  stringifyExact,
  type TableSchema,
  toSchema,
} from "@tenet/ovsdb";

/** A module for a program that uses the library. */
export function schemaTypes(schema: DatabaseSchema): string {
  const { name, json } = schema;
  const declarations = tableTypes(schema);
  const imports = [...[...formsIn(declarations), "TypedSchema"].map((form) => `type ${form}`), "typedSchema"];
  return [
    `/** ${titleOf(schema)}, written by tenet db types. */\nimport { ${imports.join(", ")} } from "@tenet/ovsdb";`,
    declarations,
    `/** The schema of ${name}, which gives a replica its types. */\nexport const ${typeName(name)}: TypedSchema<${typeName(name)}Tables> = typedSchema(${stringifyExact(json)});\n`,
  ].join("\n\n");
}

/** A module of the library itself, for a schema that it carries. */
export function libraryTypes(source: SchemaSource): string {
  const schema = toSchema(source);
  const declarations = tableTypes(schema);
  const header = `/** ${titleOf(schema)}, written by scripts/schema-types.mjs. */`;
  const imports = `import type { ${formsIn(declarations).join(", ")} } from "../../client/table-forms.ts";`;
  return `${header}\n${imports}\n\n${declarations}\n`;
}

/** The declarations alone: an interface for the rows of each table, one for what is written to them, and all tables. */
function tableTypes({ name, tables }: DatabaseSchema): string {
  const all = [...tables.values()];
  const forms = all.map((table) => `  readonly ${table.name}: ${formsOf(table)};`);
  return [
    ...all.flatMap((table) => [rowType(table), inputType(table)]),
    `/** The tables of ${name}. */\nexport type ${typeName(name)}Tables = {\n${forms.join("\n")}\n};`,
  ].join("\n\n");
}

/** The types of the library that declarations use, as they stand in an import. */
function formsIn(declarations: string): string[] {
  return ["MapInput", "SetInput", "UuidInput"].filter((form) => declarations.includes(form));
}

function titleOf({ name, version }: DatabaseSchema): string {
  return `Rows of ${name}${version === "" ? "" : ` ${version}`}`;
}

function formsOf({ name, columns }: TableSchema): string {
  const immutable = [...columns.values()].filter(({ isMutable }) => !isMutable).map((column) => JSON.stringify(column.name));
  const row = typeName(name);
  return `{ readonly row: ${row}Row; readonly input: ${row}Input; readonly immutable: ${immutable.join(" | ") || "never"} }`;
}

function rowType({ name, columns }: TableSchema): string {
  const lines = Array.from(columns.values(), (column) => `${about(column)}  readonly ${column.name}: ${readType(column)};`);
  const own = ["  readonly _uuid: string;", "  readonly _version: string;", ...lines];
  return `/** A row of ${name}. */\nexport interface ${typeName(name)}Row {\n${own.join("\n")}\n}`;
}

function inputType({ name, columns }: TableSchema): string {
  const lines = Array.from(columns.values(), (column) => `  readonly ${column.name}?: ${writeType(column)} | undefined;`);
  return `/** What may be written to a row of ${name}. */\nexport interface ${typeName(name)}Input {\n${lines.join("\n")}\n}`;
}

function about({ type: { key, value, min, max } }: ColumnSchema): string {
  const tables = [key, value].flatMap((base) => base?.refTable ?? []);
  const notes = [
    ...(tables.length > 0 ? [`uuids of ${[...new Set(tables)].join(" and ")}`] : []),
    ...(value === undefined && min === 0 && max === 1 ? ["one or none"] : []),
  ];
  return notes.length === 0 ? "" : `  /** ${notes.join(", ").replace(/^./, (letter) => letter.toUpperCase())}. */\n`;
}

function readType({ kind, type: { key, value } }: ColumnSchema): string {
  const keyType = atomType(key);
  if (kind === "map") return `ReadonlyMap<${keyType}, ${atomType(value ?? key)}>`;
  return kind === "scalar" ? keyType : `readonly ${keyType.includes("|") ? `(${keyType})` : keyType}[]`;
}

function writeType({ kind, type: { key, value } }: ColumnSchema): string {
  if (kind === "map") return `MapInput<${atomType(key)}, ${writtenAtom(value ?? key)}>`;
  return kind === "scalar" ? writtenAtom(key) : `SetInput<${writtenAtom(key)}>`;
}

function writtenAtom(base: BaseType): string {
  return base.type === "uuid" ? "UuidInput" : atomType(base);
}

function atomType({ type, enum: values, minimum, maximum }: BaseType): string {
  if (values !== undefined) return values.map(literal).join(" | ");
  switch (type) {
    case "boolean":
    case "string":
      return type;
    case "uuid":
      return "string";
    case "real":
      return "number";
    case "integer":
      return isSafe(minimum) && isSafe(maximum) ? "number" : "number | bigint";
  }
}

/** Whether a bound keeps integers where they are exact as numbers; beyond they are bigints. */
function isSafe(bound: number | bigint | undefined): boolean {
  return Number.isSafeInteger(bound);
}

function literal(atom: Atom): string {
  return typeof atom === "bigint" ? `${atom}n` : JSON.stringify(atom);
}

function typeName(name: string): string {
  return name.replace(/(?:^|_)+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
