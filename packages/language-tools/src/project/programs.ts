/**
 * Which sources make a program: a file with a `program` line and what it imports; all other rule files of a folder together, as
 * policies do, with what they import from elsewhere.
 *
 * A file that others import from elsewhere is judged as a part of them, not alone.
 */
import { dirname, normalize } from "node:path";
import { parseProgram, type SourceText, withImports } from "@tenet/datalog";
import { errnoOf } from "@tenet/kit";
import { byFolder, readRuleFile, ruleFilesIn, toSource } from "./rule-files.ts";
import { type Surroundings, surroundingsOfProgram } from "./surroundings.ts";

/** Sources that are compiled together, and what they may use besides. */
export interface ProgramSources {
  readonly sources: readonly SourceText[];
  readonly surroundings: Surroundings;
}

/** Gives the text of a file. @throws IoError */
export type ReadFile = (file: string) => string;

/**
 * The programs that files belong to, with the names of the files.
 *
 * @throws IoError when a file cannot be read; one that is only imported may be missing, which the compiler reports
 */
export function programsOf(
  files: readonly string[],
  surroundings: Surroundings,
): (ProgramSources & { readonly asked: ReadonlySet<string> })[] {
  const asked = new Set(files.map((file) => normalize(file)));
  const folders = [...byFolder([...asked])].map(([folder, own]) => {
    const names = [...new Set([...own, ...ruleFilesIn(folder)])];
    return { folder, names, programs: programsIn(names, surroundings, readRuleFile) };
  });
  const imported = new Set(
    folders.flatMap(({ folder, programs }) =>
      programs.flatMap(({ sources }) => sources.map(({ name }) => name).filter((name) => dirname(name) !== folder)),
    ),
  );
  return folders.flatMap(({ names, programs }) => {
    const isWhole = !names.some((name) => imported.has(name));
    const roots = names.filter((name) => !imported.has(name));
    return (isWhole ? programs : programsIn(roots, surroundings, readRuleFile))
      .filter(({ sources }) => sources.some(({ name }) => asked.has(name)))
      .map((program) => ({ ...program, asked }));
  });
}

/** The programs that the rule files of one folder make. */
export function programsIn(files: readonly string[], surroundings: Surroundings, read: ReadFile): ProgramSources[] {
  const own = surroundingsOfProgram(surroundings);
  const programs = files
    .map((name) => ({ name, text: read(name) }))
    .filter((source) => parseProgram(source, []).some(({ kind }) => kind === "program"))
    .map(({ name }): ProgramSources => ({ sources: sourcesOf([name], false, read), surroundings: own }));
  const taken = new Set(programs.flatMap(({ sources }) => sources.map(({ name }) => name)));
  const others = files.filter((name) => !taken.has(name));
  if (others.length === 0) return programs;
  return [...programs, { sources: sourcesOf(others, surroundings.hasNamespaces, read), surroundings }];
}

/** The sources of files, and what they import. */
function sourcesOf(files: readonly string[], hasNamespaces: boolean, read: ReadFile): SourceText[] {
  const sources = files.map((file) => toSource(file, read(file), hasNamespaces));
  return withImports(sources, (name) => readIfThere(name, read));
}

function readIfThere(name: string, read: ReadFile): string | undefined {
  try {
    return read(name);
  } catch (error) {
    // The compiler says which import names no file.
    if (error instanceof Error && errnoOf(error.cause) !== undefined) return undefined;
    throw error;
  }
}
