/**
 * The one layout of rule files.
 *
 * A statement starts in the first column and ends where the next one starts; empty lines between statements stay, at most
 * one at a time. Comments stay where they are. The result is read again and compared: a layout that would change what a
 * file means is never given out.
 */
import { parseProgram, readTokens, type SourceText, type Statement } from "@tenet/datalog";
import { AppError, type SourceError } from "@tenet/kit";
import { layOutFile } from "./lay-out-file.ts";
import { readPieces } from "./pieces.ts";

/** The outcome: a text, or why there is none. */
export type Formatted =
  | { readonly text: string; readonly errors: readonly [] }
  | { readonly text: undefined; readonly errors: readonly SourceError[] };

/** The formatter met something that it would have changed; a fault of the formatter, never of the file. */
export class UnfaithfulFormatError extends AppError {
  static override readonly code: string = "LANGUAGE_FORMAT_UNFAITHFUL";

  constructor(file: string) {
    super(`Cannot format "${file}": the layout would change its meaning`, {
      hint: "The file is left as it is; please report it with the file",
      details: { file },
    });
  }
}

/** A layout that starts from its own result changes nothing, or it is tried once more. */
const MAX_PASSES = 5;

/**
 * Lays out a rule file; a file that cannot be read gives its errors.
 *
 * @throws UnfaithfulFormatError rather than change a meaning
 */
export function formatSource(source: SourceText): Formatted {
  const errors: SourceError[] = [];
  const meaning = withoutPlaces(parseProgram(source, errors));
  if (errors.length > 0) return { text: undefined, errors };
  let { text } = source;
  // A comment in an odd place may move in the first pass, and with it the breaks around it.
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const next = layOut({ ...source, text });
    if (next === text) break;
    text = next;
  }
  if (withoutPlaces(parseProgram({ ...source, text }, errors)) !== meaning || errors.length > 0) {
    throw new UnfaithfulFormatError(source.name);
  }
  return { text, errors: [] };
}

function layOut(source: SourceText): string {
  return layOutFile(parseProgram(source, []), readPieces(source, readTokens(source, [])));
}

/** A syntax tree as text in which positions do not appear: equal for equal meanings. */
function withoutPlaces(statements: readonly Statement[]): string {
  return JSON.stringify(statements, (key, value: unknown) => {
    if (key === "span" || key === "headSpan") return undefined;
    return typeof value === "bigint" ? `${value} exactly` : Object.is(value, -0) ? "-0" : value;
  });
}
