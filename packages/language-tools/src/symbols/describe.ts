/** What tools say about a name: a line of the language, the comment above its declaration, and where its rows come from. */
import type { CoreRelation, FunctionDef, Statement } from "@tenet/datalog";
import { fullName } from "./occurrences.ts";
import type { FileModel, Place, ProgramModel } from "./program-model.ts";

/** Markdown about a name. */
export function describe(model: ProgramModel, { occurrence }: Place): string | undefined {
  const { kind, name } = occurrence;
  if (kind === "table") return describeTable(model, name);
  if (kind === "function") return describeFunction(model, name);
  const table = occurrence.table === undefined ? undefined : model.relation(occurrence.table);
  if (kind === "column") return table && code(`${name}${typeOf(model, table, name)}`) + `\n\ncolumn of \`${table.name}\``;
  const column = typeof occurrence.column === "number" ? table?.columns[occurrence.column]?.name : occurrence.column;
  if (table === undefined || column === undefined) return `${code(name)}\n\nvariable`;
  return code(`${name}${typeOf(model, table, column)}`) + `\n\nvariable, here column \`${column}\` of \`${table.name}\``;
}

/** A table as it would be declared, with the types that its rules give. */
export function declarationOf(model: ProgramModel, relation: CoreRelation): string {
  const role = relation.kind === "input" ? "input" : relation.isOutput ? "output" : "relation";
  return `${role} ${relation.name}(${relation.columns.map(({ name }) => `${name}${typeOf(model, relation, name)}`).join(", ")})`;
}

/** A function's name with placeholders for its arguments. */
export function signatureOf({ name, nArgs, minArgs = nArgs, isSet = false }: FunctionDef): string {
  const args = Array.from({ length: nArgs }, (_, i) => `${String.fromCharCode(97 + (i % 26))}${i < minArgs ? "" : "?"}`);
  return `${isSet ? "… in " : ""}${name}(${args.join(", ")})`;
}

function typeOf(model: ProgramModel, relation: CoreRelation, column: string): string {
  const i = relation.columns.findIndex(({ name }) => name === column);
  const kind = model.checked.analysis.kinds.get(relation.name)?.[i];
  const type = relation.columns[i]?.type ?? (kind === "boolean" ? "bool" : kind);
  return type === undefined ? "" : `: ${type}`;
}

function describeTable(model: ProgramModel, name: string): string | undefined {
  const relation = model.relation(name);
  if (relation === undefined) return undefined;
  const own = model.files.flatMap((file) =>
    file.statements.filter((statement) => isOf(file, statement, name)).map((statement) => ({ file, statement })),
  );
  const source = own.find(({ statement }) => statement.kind === "declaration") ?? own[0];
  const comment = source === undefined ? "" : commentAbove(source.file.source.text, source.statement.span.start);
  const rules = own.filter(({ statement }) => statement.kind === "rule" && statement.body !== undefined).length;
  const facts = own.filter(({ statement }) => statement.kind === "rule" && statement.body === undefined).length;
  const counted = [counting(rules, "rule"), counting(facts, "fact")].filter((text) => text !== "").join(", ");
  const origin = counted === "" ? (relation.kind === "input" ? "rows come from outside" : "no rule derives it") : counted;
  return [code(declarationOf(model, relation)), comment, origin].filter((text) => text !== "").join("\n\n");
}

function describeFunction(model: ProgramModel, name: string): string | undefined {
  const fn = model.functions.get(name);
  for (const { source, statements } of model.files) {
    const declared = statements.find((statement) => statement.kind === "function" && statement.name === name);
    if (declared === undefined) continue;
    const { start, end } = declared.span;
    const comment = commentAbove(source.text, start);
    const parts = [code(source.text.slice(start, end)), comment, "function of the program that runs these rules"];
    return parts.filter((text) => text !== "").join("\n\n");
  }
  if (fn === undefined) return describeAggregate(name.replace(/ \{\}$/, ""));
  return `${code(signatureOf(fn))}\n\n${fn.isSet === true ? "function that gives a set" : "function"}`;
}

/** What stands between an aggregate's braces, and what it gives. */
const AGGREGATES: ReadonlyMap<string, readonly [form: string, meaning: string]> = new Map([
  ["count", ["body", "how many ways there are to satisfy the body; of `v : body`, how many distinct values"]],
  ["sum", ["v : body", "the values added, once per way"]],
  ["avg", ["v : body", "the mean of the values, once per way"]],
  ["min", ["v : body", "the least value"]],
  ["max", ["v : body", "the greatest value"]],
  ["argmin", ["what, key : body", "the `what` with the least key"]],
  ["argmax", ["what, key : body", "the `what` with the greatest key"]],
  ["longest", ["p : body", "the prefix with the most bits"]],
  ["top", ["k, what, key : body", "the `what` with the `k` greatest keys, as a list, the greatest first"]],
  ["collect", ["v : body", "the distinct values as a sorted list"]],
  ["list", ["v : body", "all values as a sorted list, once per way"]],
  ["map", ["key, v : body", "a map; of several values at one key the greatest stays"]],
  ["join", ["v, separator : body", "the distinct values in order, as one text"]],
]);

/** Aggregates as they are written. */
export function aggregateForms(): [name: string, form: string][] {
  return [...AGGREGATES].map(([name, [form]]) => [name, `${name} { ${form} }`]);
}

function describeAggregate(name: string): string | undefined {
  const known = AGGREGATES.get(name);
  return known && `${code(`${name} { ${known[0]} }`)}\n\naggregate: ${known[1]}`;
}

function isOf({ source }: FileModel, statement: Statement, table: string): boolean {
  return (statement.kind === "rule" || statement.kind === "declaration") && fullName(source, statement.name) === table;
}

/** The comment lines directly above an offset. */
function commentAbove(text: string, offset: number): string {
  const above = text.slice(0, offset).split("\n").slice(0, -1);
  const first = above.findLastIndex((lineText) => !/^\s*(\/\/|#)/.test(lineText)) + 1;
  return above
    .slice(first)
    .map((lineText) => lineText.replace(/^\s*(\/\/+|#+)\s?/, ""))
    .join("\n")
    .trim();
}

function counting(n: number, what: string): string {
  return n === 0 ? "" : `${n} ${what}${n === 1 ? "" : "s"}`;
}

function code(text: string): string {
  return `\`\`\`dl\n${text}\n\`\`\``;
}
