/** `tenet fmt`: the one layout of rule files. */
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { AppError, formatError, IoError, messageOf } from "@tenet/kit";
import { findRuleFiles, formatSource, readRuleFile } from "@tenet/language-tools";

/** Rule files that cannot be laid out, because they cannot be read. */
class FormatError extends AppError {
  static override readonly code: string = "CLI_FORMAT";
}

/** The files whose layout was another one. */
export interface FormatOutcome {
  readonly changed: readonly string[];
  readonly nFiles: number;
}

/**
 * Lays out files, and all rule files below folders. No file is written when one of them cannot be read.
 *
 * @param isCheck - only look
 * @throws FormatError with every fault, NoRuleFilesError, IoError
 */
export function fmt(paths: readonly string[], isCheck: boolean): FormatOutcome {
  const files = findRuleFiles(paths);
  const results = files.map((name) => {
    const text = readRuleFile(name);
    return { name, text, formatted: formatSource({ name, text }) };
  });
  const errors = results.flatMap(({ formatted }) => formatted.errors);
  if (errors.length > 0) {
    throw new FormatError(errors.map((error) => formatError(error).replace(/\n {2}code: .*$/, "")).join("\n"), {
      hint: "No file was changed; mend the errors first",
    });
  }
  const changed = results.flatMap(({ name, text, formatted }) =>
    formatted.text === undefined || formatted.text === text ? [] : [{ name, text: formatted.text }],
  );
  if (!isCheck) for (const { name, text } of changed) writeWhole(name, text);
  return { changed: changed.map(({ name }) => name), nFiles: files.length };
}

/** At once, so that nobody reads half a file; a link stays a link. */
function writeWhole(path: string, text: string): void {
  const file = realpathSync(path);
  const draft = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { mode: statSync(file).mode });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new IoError(`Cannot write "${file}": ${messageOf(error)}`, { cause: error });
  }
}
