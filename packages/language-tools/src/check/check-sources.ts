/** Checks rule files without running them. */
import { analyze, type Analysis, type SourceText } from "@tenet/datalog";
import { SourceError } from "@tenet/kit";
import { programsOf } from "../project/programs.ts";
import { servicesOf, type Surroundings } from "../project/surroundings.ts";
import { type Diagnostic, toDiagnostic } from "./diagnostic.ts";

/** What is known about sources that make one program. */
export interface CheckedSources {
  readonly sources: readonly SourceText[];
  readonly analysis: Analysis;
  /** Errors and warnings, by file and place. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Checks sources that make one program. */
export function checkSources(sources: readonly SourceText[], surroundings: Surroundings): CheckedSources {
  const analysis = analyze(sources, surroundings);
  const services = servicesOf(surroundings);
  const taken = sources.flatMap((source) => (services.has(source.namespace ?? "") ? [nameIsTaken(source)] : []));
  const diagnostics = [
    ...[...taken, ...analysis.errors].map((error) => toDiagnostic(error, "error")),
    ...analysis.warnings.map((warning) => toDiagnostic(warning, "warning")),
  ];
  return { sources, analysis, diagnostics: inOrder(diagnostics, sources) };
}

/**
 * Checks files, each together with its neighbours in the folder; tells about the named files only.
 *
 * @throws IoError when a file cannot be read
 */
export function checkFiles(files: readonly string[], surroundings: Surroundings): Diagnostic[] {
  return programsOf(files, surroundings).flatMap(({ sources, surroundings: own, asked }) =>
    checkSources(sources, own).diagnostics.filter(({ file }) => asked.has(file)),
  );
}

function nameIsTaken({ name, namespace = "", text }: SourceText): SourceError {
  return new SourceError(`"${namespace}" names a source of tables`, {
    at: { file: name, line: 1, column: 1 },
    code: "LANGUAGE_NAME_TAKEN",
    hint: "give the file another name: a policy is named for its file",
    text,
  });
}

function inOrder(diagnostics: readonly Diagnostic[], sources: readonly SourceText[]): Diagnostic[] {
  const rank = new Map(sources.map(({ name }, i) => [name, i]));
  return diagnostics.toSorted(
    (a, b) => (rank.get(a.file) ?? 0) - (rank.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
}
