/** `tenet types`: TypeScript for the rows of rule files. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { AppError, IoError, messageOf } from "@tenet/kit";
import { type Diagnostic, findRuleFiles, formatDiagnostic, typesOfFiles } from "@tenet/language-tools";
import { policySurroundings } from "./language.ts";

/** Rule files that have errors have no types. */
class TypesError extends AppError {
  static override readonly code: string = "CLI_TYPES";

  constructor(errors: readonly Diagnostic[]) {
    super(`Cannot write types: the rule files have errors\n\n${errors.map(formatDiagnostic).join("\n\n")}\n`, {
      hint: "Mend the errors first; tenet check finds them too",
    });
  }
}

/**
 * The text of a TypeScript file for rule files, and all rule files below folders, that make one program.
 *
 * @param hasLargeIntegers - whole numbers may be bigints
 * @throws TypesError, NoRuleFilesError, IoError
 */
export function types(paths: readonly string[], hasLargeIntegers: boolean): string {
  const result = typesOfFiles(findRuleFiles(paths), policySurroundings(), { hasLargeIntegers });
  if ("errors" in result) throw new TypesError(result.errors);
  return result.text;
}

/** Writes a file unless it has this text already; tells whether it did. @throws IoError */
export function writeChanged(file: string, text: string): boolean {
  try {
    if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
    writeFileSync(file, text);
    return true;
  } catch (error) {
    throw new IoError(`Cannot write "${file}": ${messageOf(error)}`, { cause: error });
  }
}
