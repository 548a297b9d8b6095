/**
 * Holds `function` declarations against the functions that there are.
 *
 * Rule files that a program embeds say so what they need of it: tools can judge the files alone, and a program that no longer gives
 * a function, or gives another one, is told when it compiles them.
 */
import type { FunctionSyntax, SourceText } from "../language/ast.ts";
import type { CheckContext } from "./context.ts";
import type { FunctionDef } from "./core.ts";
import type { ParsedSource } from "./declare.ts";

/**
 * Reports declarations of functions that are not given so.
 *
 * @param isTrusting - what is not given is taken to be as declared; calling it fails
 */
export function declareFunctions(context: CheckContext, sources: readonly ParsedSource[], isTrusting: boolean): void {
  for (const { source, statements } of sources) {
    for (const statement of statements) if (statement.kind === "function") declare(context, source, statement, isTrusting);
  }
}

function declare(context: CheckContext, source: SourceText, syntax: FunctionSyntax, isTrusting: boolean): void {
  const { name, span } = syntax;
  const given = context.functions.get(name);
  if (given !== undefined) return compare(context, source, syntax, given);
  if (!isTrusting) {
    context.report(source, span, `the program that runs these rules gives no function "${name}"`, {
      hint: context.nearFunction(name),
    });
  }
  context.functions.set(name, asDeclared(syntax));
}

function compare(
  context: CheckContext,
  source: SourceText,
  { name, args, isSet, span }: FunctionSyntax,
  given: FunctionDef,
): void {
  const { nArgs, minArgs = nArgs, isSet: givesSet = false } = given;
  if (args.length >= minArgs && args.length <= nArgs && isSet === givesSet) return;
  const expected = `${minArgs === nArgs ? nArgs : `${minArgs} to ${nArgs}`} argument${nArgs === 1 ? "" : "s"}`;
  context.report(source, span, `function "${name}" is another one than declared`, {
    expected: `${expected}${givesSet ? ' and ": set"' : ""}`,
  });
}

function asDeclared({ name, args, isSet }: FunctionSyntax): FunctionDef {
  const call = (): never => {
    throw new Error("it is declared only; the program that runs these rules gives it");
  };
  return { name, nArgs: args.length, isSet, call };
}
