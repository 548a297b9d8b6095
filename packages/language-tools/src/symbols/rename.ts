/** Renames a table, column or variable everywhere at once, or says why that cannot be. */
import { readTokens, type Span } from "@tenet/datalog";
import { AppError } from "@tenet/kit";
import type { FileModel, Place, ProgramModel } from "./program-model.ts";

/** A name cannot be given. */
class RenameError extends AppError {
  static override readonly code: string = "LANGUAGE_RENAME";
}

/** A replacement in a file. */
export interface Replacement {
  readonly file: FileModel;
  readonly span: Span;
  readonly text: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const DOTTED_NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const RESERVED = new Set(["not", "or", "and", "in", "if", "then", "else", "true", "false", "null", "_"]);

/** The part of a name that can be renamed: a table's without its service. @throws RenameError when it is not ours to rename */
export function renamable(model: ProgramModel, place: Place): Span {
  const { occurrence, file } = place;
  const { kind, name, span, table } = occurrence;
  if (kind === "function")
    throw new RenameError(`Cannot rename the function "${name}"`, {
      hint: "Functions come from the language, or from the program that runs the rules",
    });
  const owner = kind === "table" ? name : kind === "column" ? table : undefined;
  if (owner !== undefined && model.givenTables.has(owner)) {
    throw new RenameError(`Cannot rename "${name}": "${owner}" comes from outside`, {
      hint: "Only tables of rule files can be renamed",
    });
  }
  const written = file.source.text.slice(span.start, span.end);
  return kind === "table" ? { start: span.start + written.indexOf(":") + 1, end: span.end } : span;
}

/** What to replace so that the thing at a place has another name. @throws RenameError */
export function rename(model: ProgramModel, place: Place, newName: string): Replacement[] {
  renamable(model, place);
  const { kind } = place.occurrence;
  if (!(kind === "table" ? DOTTED_NAME : NAME).test(newName) || RESERVED.has(newName)) {
    throw new RenameError(`Cannot rename to "${newName}": it is no name`, {
      hint: "Letters, digits and _, no digit first, no word of the language",
    });
  }
  if (isTaken(model, place, newName)) {
    throw new RenameError(`Cannot rename to "${newName}": the name is taken`, {
      hint: "Choose a name that nothing else has here",
    });
  }
  return model.places(place).map((same) => ({ file: same.file, span: renamable(model, same), text: newName }));
}

function isTaken(model: ProgramModel, { file, occurrence }: Place, newName: string): boolean {
  const { kind, name, table, id, span } = occurrence;
  if (kind === "column") return model.relation(table ?? "")?.columns.some((column) => column.name === newName) ?? false;
  if (kind === "table") {
    const renamed = name.includes(":") ? `${name.slice(0, name.indexOf(":") + 1)}${newName}` : newName;
    return (
      renamed !== name &&
      (model.relation(renamed) !== undefined || model.functions.has(newName) || usesVariable(model, renamed, newName))
    );
  }
  const statement = file.statements.find((candidate) => candidate.span.start <= span.start && span.end <= candidate.span.end);
  const names = readTokens({ ...file.source, text: file.source.text.slice(statement?.span.start, statement?.span.end) }, []);
  const sibling = `${id.slice(0, id.indexOf(" "))} ${newName}`;
  const isVariable = file.occurrences.some((other) => other.kind === "variable" && other.id === sibling);
  return isVariable || names.some((token) => token.kind === "name" && token.text === newName);
}

/** A variable that stands alone in a body would be read as the table from then on. */
function usesVariable(model: ProgramModel, renamed: string, newName: string): boolean {
  return model.files.some(
    ({ source, occurrences }) =>
      (source.namespace === undefined || renamed === `${source.namespace}:${newName}`) &&
      occurrences.some((other) => other.kind === "variable" && other.name === newName),
  );
}
