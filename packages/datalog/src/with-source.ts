/** Programs that differ from another one by a rule file. */
import { AppError, didYouMean } from "@tenet/kit";
import { compile, type Program } from "./compile.ts";
import type { SourceText } from "./language/ast.ts";

/**
 * The program with one rule file more; a file of that name is replaced.
 *
 * @throws ProgramError with every fault of every file
 */
export function withSource({ sources, options }: Program, source: SourceText): Program {
  const isThere = sources.some(({ name }) => name === source.name);
  return compile(isThere ? sources.map((each) => (each.name === source.name ? source : each)) : [...sources, source], options);
}

/**
 * The program without a rule file.
 *
 * @throws ProgramError if others need its tables; AppError if there is no such file
 */
export function withoutSource({ sources, options }: Program, name: string): Program {
  const others = sources.filter((source) => source.name !== name);
  if (others.length < sources.length) return compile(others, options);
  throw new AppError(`Cannot remove "${name}": the program has no such rule file`, {
    code: "DATALOG_SOURCE",
    hint: didYouMean(
      name,
      sources.map((source) => source.name),
    ),
  });
}
