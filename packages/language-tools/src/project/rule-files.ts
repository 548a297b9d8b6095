/**
 * Which rule files make a program: those of one folder, as policies do.
 *
 * A file is checked together with its neighbours, because policies of a folder may read each other's tables; what is
 * found in neighbours that were not asked for is left out by the caller.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import type { SourceText } from "@tenet/datalog";
import { AppError, errnoOf, IoError, messageOf } from "@tenet/kit";

/** The extension of rule files. */
const EXTENSION = ".dl";

/** No rule file where the caller named one. */
export class NoRuleFilesError extends AppError {
  static override readonly code: string = "LANGUAGE_NO_FILES";
}

/**
 * The rule files that paths name: files as they are, folders with all that lies below them.
 *
 * @throws NoRuleFilesError when a path does not exist or a folder holds none, IoError when it cannot be read
 */
export function findRuleFiles(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => {
    const found = isFolder(path) ? filesBelow(path) : [normalize(path)];
    if (found.length > 0) return found;
    throw new NoRuleFilesError(`"${path}" holds no *${EXTENSION} file`, { hint: "Name a file, or the folder of the policies" });
  });
  return [...new Set(files)];
}

/** The rule files of one folder, without what lies deeper; none when there is no such folder. */
export function ruleFilesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter(isRuleFile)
      .toSorted()
      .map((name) => join(folder, name));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw new IoError(`Cannot read the folder "${folder}": ${messageOf(error)}`, { cause: error });
  }
}

/** Reads a file. @throws IoError */
export function readRuleFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new IoError(`Cannot read "${file}": ${messageOf(error)}`, { cause: error });
  }
}

/** The file as a source; with `hasNamespace` its unqualified tables belong to the policy of its name. */
export function toSource(file: string, text: string, hasNamespace: boolean): SourceText {
  return hasNamespace ? { name: file, text, namespace: basename(file, EXTENSION) } : { name: file, text };
}

/** Files by the folder they lie in. */
export function byFolder(files: readonly string[]): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = dirname(file);
    const known = folders.get(folder);
    if (known === undefined) folders.set(folder, [file]);
    else known.push(file);
  }
  return folders;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw new IoError(`Cannot read "${path}": ${messageOf(error)}`, { cause: error });
    throw new NoRuleFilesError(`There is no "${path}"`, { hint: "Name a file, or the folder of the policies", cause: error });
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === "node_modules" || entry.name.startsWith(".") ? [] : filesBelow(path);
      return isRuleFile(entry.name) ? [path] : [];
    });
}

/** Not hidden files, and not drafts of editors. */
function isRuleFile(name: string): boolean {
  return name.endsWith(EXTENSION) && !/^[.#]/.test(name);
}
