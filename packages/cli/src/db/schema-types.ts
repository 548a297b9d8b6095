/** `tenet db types`: TypeScript for the rows of a database, as a replica and a database hold them. */
import type { BaseType, ColumnSchema, DatabaseSchema, TableSchema } from "@tenet/ovsdb";

/** An interface for the rows of each table, and one that names them all. */
export function schemaTypes(schema: DatabaseSchema): string {
  const tables = [...schema.tables.values()];
  const names = tables.map(({ name }) => `  readonly ${name}: ${typeName(name)}Row;`);
  return [
    `/** Rows of ${schema.name}${schema.version === "" ? "" : ` ${schema.version}`}, written by tenet db types. */`,
    ...tables.map(tableType),
    `/** The rows of each table of ${schema.name}. */\nexport interface ${typeName(schema.name)}Tables {\n${names.join("\n")}\n}\n`,
  ].join("\n\n");
}

function tableType({ name, columns }: TableSchema): string {
  const lines = Array.from(columns.values(), (column) => `${about(column)}  readonly ${column.name}: ${columnType(column)};`);
  return `/** A row of ${name}. */\nexport interface ${typeName(name)}Row {\n  readonly _uuid: string;\n  readonly _version: string;\n${lines.join("\n")}\n}`;
}

function about({ type: { key, value, min, max } }: ColumnSchema): string {
  const tables = [key, value].flatMap((base) => base?.refTable ?? []);
  const notes = [
    ...(tables.length > 0 ? [`uuids of ${[...new Set(tables)].join(" and ")}`] : []),
    ...(value === undefined && min === 0 && max === 1 ? ["one or none"] : []),
  ];
  return notes.length === 0 ? "" : `  /** ${notes.join(", ").replace(/^./, (letter) => letter.toUpperCase())}. */\n`;
}

function columnType({ kind, type: { key, value } }: ColumnSchema): string {
  const keyType = atomType(key);
  if (kind === "map") return `ReadonlyMap<${keyType}, ${atomType(value ?? key)}>`;
  return kind === "scalar" ? keyType : `readonly ${keyType.includes("|") ? `(${keyType})` : keyType}[]`;
}

function atomType({ type, enum: values }: BaseType): string {
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(" | ");
  return type === "boolean" ? "boolean" : type === "integer" || type === "real" ? "number" : "string";
}

function typeName(name: string): string {
  return name.replace(/(?:^|_)+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
