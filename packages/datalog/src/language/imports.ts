/**
 * Brings in the files that a program's files import.
 *
 * A path is relative to the file that names it. A file without a `module` line belongs to the namespace of the file that
 * imported it first; each file is read once, however many import it, and files may import each other.
 */
import { posix } from "node:path";
import type { ImportSyntax, SourceText, Statement } from "./ast.ts";
import { parseProgram } from "./parse-program.ts";

/** The text of a file, or `undefined` if there is none: `compile` then reports the import. */
export type ReadSource = (path: string) => string | undefined;

/** The sources and everything they import, directly or not, in the order in which they are met. */
export function withImports(sources: readonly SourceText[], read: ReadSource): SourceText[] {
  const all = [...sources];
  const names = new Set(sources.map(({ name }) => name));
  for (const source of all) {
    for (const { path } of importsOf(parseProgram(source, []))) {
      const name = importedName(source, path);
      if (names.has(name)) continue;
      names.add(name);
      const text = read(name);
      if (text !== undefined) all.push(inNamespace({ name, text }, source.namespace));
    }
  }
  return all;
}

/** The import lines of a file. */
export function importsOf(statements: readonly Statement[]): ImportSyntax[] {
  return statements.filter((statement) => statement.kind === "import");
}

/** Names of the files that a source imports itself. */
export function importedNames(source: SourceText): string[] {
  return importsOf(parseProgram(source, [])).map(({ path }) => importedName(source, path));
}

/** The source name that an import in a file means. */
export function importedName(source: SourceText, path: string): string {
  return posix.isAbsolute(path) ? posix.normalize(path) : posix.join(posix.dirname(source.name), path);
}

function inNamespace(source: SourceText, namespace: string | undefined): SourceText {
  const isModule = parseProgram(source, []).some(({ kind }) => kind === "module");
  return isModule || namespace === undefined ? source : { ...source, namespace };
}
