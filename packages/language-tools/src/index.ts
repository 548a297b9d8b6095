/** Tools of the rule language: check, format, language server, grammar for editors. */
export { checkFiles, checkSources, type CheckedSources } from "./check/check-sources.ts";
export { type Diagnostic, formatDiagnostic } from "./check/diagnostic.ts";
export { type Formatted, formatSource, UnfaithfulFormatError } from "./format/format-source.ts";
export { findRuleFiles, NoRuleFilesError, readRuleFile } from "./project/rule-files.ts";
export type { Surroundings } from "./project/surroundings.ts";
export { serveLanguage } from "./server/language-server.ts";
export { rulesParser } from "./lezer/rules-parser.ts";
export { typesOfFiles, TypesError, type TypesOfFiles } from "./types/types-of-files.ts";
export { formatTestRun, testFiles, type TestRun } from "./test-run/test-files.ts";
