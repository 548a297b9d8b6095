/**
 * TypeScript text for a program: an interface for the rows of each relation, and what {@link relation} needs to serve them.
 *
 * Columns have the types that they are declared with, derived ones without a type those that all their rules give them. A derived column may
 * be null besides when a rule leaves it out, or takes it from a column that may. Limits: null in an input's column is not foreseen.
 */
import type { Program } from "../compile.ts";
import type { CoreRelation, Literal, Term } from "../check/core.ts";
import { RelationError } from "../engine/errors.ts";
import type { SourceText } from "../language/ast.ts";
import { docComments } from "./doc-comments.ts";
import { propertyName, RelationNames } from "./names.ts";

/** What types are made of. */
export type TypedProgram = Pick<Program, "relations" | "rules"> & Partial<Pick<Program, "kinds" | "aggregates">>;

/** How types are written. */
export interface TypesOptions {
  /** The program's sources: comments at declarations become comments of the types. */
  readonly sources?: readonly SourceText[];
  /** Columns of type `int` are `number | bigint`, as whole numbers beyond ±(2^53 - 1) come as bigints. Default false: `number`. */
  readonly hasLargeIntegers?: boolean;
  /** Where the types come from that the text imports. Default `"@tenet/datalog"`. */
  readonly module?: string;
}

const TYPES: Readonly<Record<string, string>> = {
  int: "number",
  float: "number",
  number: "number",
  bool: "boolean",
  boolean: "boolean",
  string: "string",
  uuid: "string",
  mac: "Scalar",
  ip: "Scalar",
  prefix: "Scalar",
  bytes: "Scalar",
  time: "Scalar",
  duration: "Scalar",
  null: "null",
  list: "readonly Value[]",
  map: "{ readonly [key: string]: Value }",
};

/**
 * The text of a TypeScript file.
 *
 * @throws RelationError if two columns of a relation have one name
 */
export function typesOf(program: TypedProgram, options: TypesOptions = {}): string {
  const comments = docComments(options.sources ?? []);
  const names = new RelationNames(["Scalar", "Table", "Value", "Relations"]);
  const nullable = nullableColumns(program);
  const entries: string[] = [];
  const used = new Set<string>();
  const blocks = [...program.relations.values()].flatMap((relation) => {
    if (relation.kind === "hidden") return [];
    const { type, constant } = names.of(relation.name);
    entries.push(`  readonly ${JSON.stringify(relation.name)}: ${type};`);
    const typeOfColumn = (i: number): string => {
      const base = columnType(relation.columns[i]?.type ?? program.kinds?.get(relation.name)?.[i], options);
      used.add(base);
      return nullable.has(`${relation.name} ${i}`) && base !== "Value" && base !== "null" ? `${base} | null` : base;
    };
    return [
      `${docOf(relation, comments.get(relation.name))}\n${interfaceText(relation, type, typeOfColumn)}`,
      constantText(relation, type, constant),
    ];
  });
  const body = [...blocks, `/** Rows by relation. */\nexport interface Relations {\n${entries.join("\n")}\n}`].join("\n\n");
  return `${importText(used, entries.length, options.module ?? "@tenet/datalog")}${body}\n`;
}

/** Only what is used: the compiler may be told to complain of the rest. */
function importText(types: Iterable<string>, nTables: number, module: string): string {
  const text = [...types].join(" ");
  const used = [/\bScalar\b/.test(text) && "Scalar", nTables > 0 && "Table", /\bValue\b/.test(text) && "Value"];
  const names = used.filter((name) => name !== false);
  return names.length === 0 ? "" : `import type { ${names.join(", ")} } from ${JSON.stringify(module)};\n\n`;
}

function interfaceText({ name, columns }: CoreRelation, type: string, typeOfColumn: (i: number) => string): string {
  if (columns.length === 0) return `export type ${type} = { readonly [column: string]: never };`;
  const seen = new Set<string>();
  const lines = columns.map((column, i) => {
    if (seen.has(column.name)) throw new RelationError(`Cannot give "${name}" a type: two columns are named "${column.name}"`);
    seen.add(column.name);
    return `  readonly ${propertyName(column.name)}: ${typeOfColumn(i)};`;
  });
  return `export interface ${type} {\n${lines.join("\n")}\n}`;
}

function constantText({ name, columns, kind }: CoreRelation, type: string, constant: string): string {
  const columnList = columns.map((column) => JSON.stringify(column.name)).join(", ");
  const doc = kind === "input" ? "" : ", derived";
  const table = `{ relation: ${JSON.stringify(name)}, columns: [${columnList}] }`;
  return `/** The relation \`${inComment(name)}\`${doc}. */\nexport const ${constant}: Table<${type}> = ${table};`;
}

function docOf({ name, kind, isOutput }: CoreRelation, comment: string | undefined): string {
  const role = kind === "input" ? "input" : isOutput ? "output" : "derived relation";
  const lines = [`A row of the ${role} \`${name}\`.`, ...(comment === undefined ? [] : ["", ...comment.split("\n")])].map(
    inComment,
  );
  return lines.length === 1 ? `/** ${lines[0]} */` : `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */`;
}

function inComment(text: string): string {
  return text.replaceAll("*/", "*\\/").replaceAll(/[\r\u2028\u2029]/g, " ");
}

function columnType(type: string | undefined, { hasLargeIntegers = false }: TypesOptions): string {
  if ((type === "int" || type === "number") && hasLargeIntegers) return "number | bigint";
  return (type === undefined ? undefined : TYPES[type]) ?? "Value";
}

/** Columns that a rule leaves null, or takes from such a column, as `relation index`. */
function nullableColumns({ rules, aggregates = [] }: TypedProgram): Set<string> {
  const nullable = new Set<string>();
  for (let size = -1; size !== nullable.size; ) {
    ({ size } = nullable);
    for (const { relation, head, body } of rules) {
      for (const [i, term] of head.entries()) if (mayBeNull(term, body, nullable)) nullable.add(`${relation} ${i}`);
    }
    for (const { relation, body, nGroup } of aggregates) {
      for (let i = 0; i < nGroup; i++) if (nullable.has(`${body} ${i}`)) nullable.add(`${relation} ${i}`);
    }
  }
  return nullable;
}

/** A variable is null only if all tables that it stands in allow it. */
function mayBeNull(term: Term, body: readonly Literal[], nullable: ReadonlySet<string>): boolean {
  if (term.kind !== "var") return term.kind === "const" && term.value === null;
  const columns = body.flatMap((literal) =>
    literal.kind === "atom"
      ? literal.terms.flatMap((other, i) =>
          other.kind === "var" && other.slot === term.slot ? [`${literal.relation} ${i}`] : [],
        )
      : [],
  );
  return columns.length > 0 && columns.every((column) => nullable.has(column));
}
