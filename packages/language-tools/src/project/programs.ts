/**
 * Which sources make a program: the rule files of a folder, as policies do, and what they import from elsewhere.
 *
 * A file that others import from elsewhere is judged as a part of them, not alone.
 */
import { dirname, normalize } from "node:path";
import { type SourceText, withImports } from "@tenet/datalog";
import { errnoOf } from "@tenet/kit";
import { byFolder, readRuleFile, ruleFilesIn, toSource } from "./rule-files.ts";

/** Sources that are compiled together. */
export interface ProgramSources {
  readonly sources: readonly SourceText[];
  /** Names of the sources that were asked for. */
  readonly asked: ReadonlySet<string>;
}

/** Gives the text of a file. @throws IoError */
export type ReadFile = (file: string) => string;

/**
 * The programs that files belong to.
 *
 * @throws IoError when a file cannot be read; one that is only imported may be missing, which the compiler reports
 */
export function programsOf(files: readonly string[], hasNamespaces: boolean, read: ReadFile = readRuleFile): ProgramSources[] {
  const asked = new Set(files.map((file) => normalize(file)));
  const programs = [...byFolder([...asked])].map(([folder, own]) => {
    const names = [...new Set([...own, ...ruleFilesIn(folder)])];
    return { folder, sources: folderProgram(names, hasNamespaces, read) };
  });
  const imported = new Set(
    programs.flatMap(({ folder, sources }) => sources.map(({ name }) => name).filter((name) => dirname(name) !== folder)),
  );
  return programs.flatMap(({ folder, sources }) => {
    const roots = sources.filter(({ name }) => dirname(name) === folder && !imported.has(name)).map(({ name }) => name);
    if (!roots.some((name) => asked.has(name))) return [];
    return [{ sources: roots.length === sources.length ? sources : folderProgram(roots, hasNamespaces, read), asked }];
  });
}

/** The sources of files, and what they import. */
export function folderProgram(files: readonly string[], hasNamespaces: boolean, read: ReadFile): SourceText[] {
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
