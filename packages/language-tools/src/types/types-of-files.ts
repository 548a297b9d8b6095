/** TypeScript for the relations of rule files: those that the files, and what they import, declare, derive or read. */
import { typesOf, type TypesOptions } from "@tenet/datalog";
import { AppError } from "@tenet/kit";
import type { Diagnostic } from "../check/diagnostic.ts";
import { programsOf } from "../project/programs.ts";
import type { Surroundings } from "../project/surroundings.ts";
import { ProgramModel } from "../symbols/program-model.ts";

/** Rule files for which there is no one file of types. */
export class TypesError extends AppError {
  static override readonly code: string = "LANGUAGE_TYPES";
}

/** The text of a TypeScript file, or the errors for which there is none. */
export type TypesOfFiles = { readonly text: string } | { readonly errors: readonly Diagnostic[] };

/**
 * Writes the types of files that make one program.
 *
 * @throws TypesError when the files make several programs, IoError when one cannot be read
 */
export function typesOfFiles(
  files: readonly string[],
  surroundings: Surroundings,
  options: Pick<TypesOptions, "hasLargeIntegers"> = {},
): TypesOfFiles {
  const [own, second] = programsOf(files, surroundings);
  if (own === undefined || second !== undefined) {
    throw new TypesError("Cannot write types: the files make several programs", {
      hint: "Name the files of one program; each gets types of its own",
    });
  }
  const model = new ProgramModel(own.sources, own.surroundings);
  const { program } = model.checked.analysis;
  if (program === undefined) return { errors: model.checked.diagnostics.filter(({ severity }) => severity === "error") };
  const wanted = model.withImports(own.asked);
  const named = new Set(
    wanted.flatMap(({ occurrences }) => occurrences).flatMap(({ kind, id }) => (kind === "table" ? [id] : [])),
  );
  const relations = new Map([...program.relations].filter(([name]) => named.has(name)));
  return { text: typesOf({ ...program, relations }, { ...options, sources: own.sources }) };
}
