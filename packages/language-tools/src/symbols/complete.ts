/** What could be written at a place: columns, variables, tables, functions, types and the words of the language. */
import { type CoreRelation, readTokens, TYPES, type Token } from "@tenet/datalog";
import { contextAt, type WritingContext } from "./context-at.ts";
import { aggregateForms, declarationOf, signatureOf } from "./describe.ts";
import { fullName } from "./occurrences.ts";
import type { FileModel, ProgramModel } from "./program-model.ts";

/** A proposal; it replaces the `length` characters before the place. */
export interface Completion {
  readonly kind: "column" | "variable" | "table" | "function" | "type" | "word";
  readonly label: string;
  readonly insert: string;
  readonly detail: string;
  readonly length: number;
}

const STATEMENT_WORDS = ["input", "relation", "output", "function", "import", "module", "program", "test"];
const BODY_WORDS = ["not", "or", "and", "in", "if", "then", "else", "true", "false", "null"];

/** Proposals for an offset, the nearest first. */
export function complete(model: ProgramModel, file: FileModel, text: string, offset: number): Completion[] {
  const context = contextAt(text, offset);
  if (context.isComment || context.isString) return [];
  const { prefix } = context;
  const toCompletion = (kind: Completion["kind"], label: string, detail = "", insert = label): Completion => ({
    kind,
    label,
    insert,
    detail,
    length: prefix.length,
  });
  if (context.isDeclaration) return context.isType ? TYPES.map((type) => toCompletion("type", type)) : [];
  const words = context.isStatementStart ? STATEMENT_WORDS : context.isBody ? BODY_WORDS : [];
  const all = [
    ...missingColumns(model, file, context).map(({ name, type = "any" }) => toCompletion("column", name, type, `${name}=`)),
    ...(context.isStatementStart ? [] : variablesIn(model, file, text, context).map((name) => toCompletion("variable", name))),
    ...model.relations
      .filter((relation) => !context.isStatementStart || relation.kind === "derived")
      .map((relation) => toCompletion("table", shortName(file, relation), declarationOf(model, relation))),
    ...(context.isStatementStart ? [] : functionsOf(model).map(([name, detail]) => toCompletion("function", name, detail))),
    ...words.map((word) => toCompletion("word", word)),
  ];
  return all.filter(({ label }) => label.toLowerCase().startsWith(prefix.toLowerCase()));
}

/** Columns of the table around the place that have no value yet. */
function missingColumns(model: ProgramModel, file: FileModel, { call }: WritingContext): CoreRelation["columns"] {
  if (call === undefined || !call.isArgumentStart) return [];
  const columns = model.relation(fullName(file.source, call.name))?.columns ?? [];
  return columns.filter(({ name }) => !call.columns.includes(name));
}

/** Variables of the statement around the place, whether it parses or not. */
function variablesIn(model: ProgramModel, file: FileModel, text: string, { statement, prefix }: WritingContext): string[] {
  const tokens = flatten(readTokens({ name: "", text: text.slice(statement.start, statement.end) }, []));
  const count = new Map<string, number>();
  for (const [i, { kind, text: name }] of tokens.entries()) {
    const next = tokens[i + 1]?.text;
    const isColumn = next === "=" && [",", "("].includes(tokens[i - 1]?.text ?? "");
    const isOther = /[.:]/.test(name) || BODY_WORDS.includes(name) || name === "_" || next === "(" || next === "{" || isColumn;
    if (kind === "name" && !isOther && model.relation(fullName(file.source, name)) === undefined) {
      count.set(name, (count.get(name) ?? 0) + 1);
    }
  }
  // What is being written is no proposal for itself.
  return [...count].filter(([name, n]) => name !== prefix || n > 1).map(([name]) => name);
}

function functionsOf(model: ProgramModel): [name: string, detail: string][] {
  const functions = [...model.functions.values()].map((fn): [string, string] => [fn.name, signatureOf(fn)]);
  return [...functions, ...aggregateForms().filter(([name]) => !model.functions.has(name))];
}

/** As the file may write it: its own tables without the namespace. */
function shortName({ source }: FileModel, { name }: CoreRelation): string {
  const own = `${source.namespace ?? ""}:`;
  return name.startsWith(own) ? name.slice(own.length) : name;
}

function flatten(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token) => [
    token,
    ...(token.parts ?? []).flatMap((part) => (typeof part === "string" ? [] : flatten(part))),
  ]);
}
