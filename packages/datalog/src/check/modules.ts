/** Applies the `module` and `import` lines of a program's files. */
import { didYouMean } from "@tenet/kit";
import type { SourceText } from "../language/ast.ts";
import { importedName, importsOf } from "../language/imports.ts";
import type { CheckContext } from "./context.ts";
import type { ParsedSource } from "./declare.ts";

/** The sources in the namespaces that their `module` lines name; checks that imported files are part of the program. */
export function placeModules(context: CheckContext, parsed: readonly ParsedSource[]): ParsedSource[] {
  const names = parsed.map(({ source }) => source.name);
  for (const { source, statements } of parsed) {
    for (const { path, span } of importsOf(statements)) {
      const name = importedName(source, path);
      if (names.includes(name)) continue;
      context.report(source, span, `imported file "${name}" is not part of the program`, { hint: didYouMean(name, names) });
    }
  }
  return parsed.map(({ source, statements }) => ({ source: placed(context, source, statements), statements }));
}

function placed(context: CheckContext, source: SourceText, statements: ParsedSource["statements"]): SourceText {
  const [first, second] = statements.filter(({ kind }) => kind === "module" || kind === "program");
  if (second !== undefined) {
    context.report(source, second.span, "a file is one module or one program", { expected: "one such line" });
  }
  if (first?.kind === "program" && source.namespace !== undefined) {
    context.report(source, first.span, `a file of "${source.namespace}" cannot be a program of its own`, {
      hint: `remove the line; the file's tables belong to "${source.namespace}"`,
    });
  }
  if (first?.kind !== "module") return source;
  if (source.namespace !== undefined && source.namespace !== first.name) {
    context.report(source, first.span, `a file of "${source.namespace}" cannot be module "${first.name}"`, {
      hint: "import a file that is a module of its own",
    });
    return source;
  }
  return { ...source, namespace: first.name };
}
