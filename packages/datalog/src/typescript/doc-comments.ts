/** The comments that stand at declarations: above, without an empty line between, or behind on the same line. */
import type { SourceText } from "../language/ast.ts";
import { parseProgram } from "../language/parse-program.ts";

/** Comments by full name of the relation, their signs removed. */
export function docComments(sources: readonly SourceText[]): Map<string, string> {
  const comments = new Map<string, string>();
  for (const source of sources) {
    const statements = parseProgram(source, []);
    const module = statements.find((statement) => statement.kind === "module");
    const namespace = module?.name ?? source.namespace;
    for (const statement of statements) {
      if (statement.kind !== "declaration") continue;
      const { name, span } = statement;
      const fullName = name.includes(":") || namespace === undefined ? name : `${namespace}:${name}`;
      const comment = [above(source.text, span.start), behind(source.text, span.end)].filter((text) => text !== "").join("\n");
      if (comment !== "" && !comments.has(fullName)) comments.set(fullName, comment);
    }
  }
  return comments;
}

function above(text: string, at: number): string {
  const lines = text.slice(0, at).split("\n");
  if (lines.pop()?.trim() !== "") return "";
  const last = lines.at(-1)?.trim() ?? "";
  if (last.endsWith("*/")) {
    const before = lines.join("\n");
    const start = before.lastIndexOf("/*");
    const isWhole = start >= 0 && before.slice(before.lastIndexOf("\n", start) + 1, start).trim() === "";
    return isWhole ? blockText(before.slice(start)) : "";
  }
  const first = lines.findLastIndex((line) => !isLineComment(line)) + 1;
  return lines.slice(first).map(lineText).join("\n").trim();
}

function behind(text: string, at: number): string {
  const rest = /^[ \t]*[.;]?[ \t]*((?:\/\/|#)[^\n]*|\/\*[^\n]*?\*\/(?=[ \t]*(?:\n|$)))/.exec(text.slice(at))?.[1] ?? "";
  return rest.startsWith("/*") ? blockText(rest) : lineText(rest);
}

function isLineComment(line: string): boolean {
  return /^\s*(?:\/\/|#)/.test(line);
}

/** A rule of dashes says nothing. */
function lineText(line: string): string {
  return line
    .replace(/^\s*(?:\/{2,}|#+)\s?/, "")
    .replace(/^[-=─*/#\s]{3,}$/, "")
    .trimEnd();
}

function blockText(comment: string): string {
  const inner = comment.trim().slice(2, -2);
  const lines = inner.split("\n").map((line) => line.replace(/^\s*\*+\s?/, "").trim());
  return lines.join("\n").trim();
}
