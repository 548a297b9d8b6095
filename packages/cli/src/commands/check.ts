/** `tenet check`: errors and warnings of rule files, without running them. */
import { checkFiles, type Diagnostic, findRuleFiles, formatDiagnostic } from "@tenet/language-tools";
import { policySurroundings } from "./language.ts";

/** What was found, as text, and whether that is good enough. */
export interface CheckOutcome {
  readonly text: string;
  readonly isSound: boolean;
}

/**
 * Checks files, and all rule files below folders.
 *
 * @param isStrict - warnings count as errors
 * @throws NoRuleFilesError, IoError
 */
export function check(paths: readonly string[], format: "text" | "json", isStrict: boolean): CheckOutcome {
  const files = findRuleFiles(paths);
  const diagnostics = checkFiles(files, policySurroundings());
  const nErrors = diagnostics.filter(({ severity }) => severity === "error").length;
  const isSound = nErrors === 0 && !(isStrict && diagnostics.length > 0);
  if (format === "json") return { text: `${JSON.stringify({ files, diagnostics }, undefined, 2)}\n`, isSound };
  const summary = summarize(files.length, nErrors, diagnostics.length - nErrors);
  return {
    text: [...diagnostics.map((diagnostic: Diagnostic) => `${formatDiagnostic(diagnostic)}\n`), summary].join("\n"),
    isSound,
  };
}

function summarize(nFiles: number, nErrors: number, nWarnings: number): string {
  return `${count(nFiles, "file")}: ${count(nErrors, "error")}, ${count(nWarnings, "warning")}\n`;
}

function count(n: number, what: string): string {
  return `${n === 0 ? "no" : n} ${what}${n === 1 ? "" : "s"}`;
}
