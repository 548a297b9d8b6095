/**
 * What a document asks its reader to do: commands to type, with what they print, and files to write.
 *
 *     ```console                         ```yaml title=my-lab/lab.yaml
 *     $ ovn-nbctl ls-add sw0             name: my-lab
 *     $ ovn-nbctl ls-list                ```
 *     … (sw0)
 *     ```
 *
 * A command may go on in lines that start with `> `. In what it prints, `…` or `...` stands for anything within a line; alone on a
 * line it stands for any number of lines.
 */

/** Something that the reader does. */
export type DocStep =
  | { readonly kind: "run"; readonly line: number; readonly command: string; readonly prints: string }
  | { readonly kind: "write"; readonly line: number; readonly path: string; readonly text: string };

const FENCE = /^```(\S*)[ \t]*(.*)$/;
const TITLE = /\btitle=(\S+)/;

/** The steps of a document, in its order. */
export function stepsOf(markdown: string): DocStep[] {
  const lines = markdown.split("\n");
  const steps: DocStep[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = FENCE.exec(lines[i] ?? "");
    if (fence === null) continue;
    const start = i + 1;
    const end = lines.indexOf("```", start);
    if (end === -1) throw new Error(`the block of line ${start} has no end`);
    const [, language = "", rest = ""] = fence;
    const body = lines.slice(start, end);
    const path = TITLE.exec(rest)?.[1];
    if (language === "console") steps.push(...commandsOf(body, start + 1));
    else if (path !== undefined) steps.push({ kind: "write", line: start + 1, path, text: `${body.join("\n")}\n` });
    i = end;
  }
  return steps;
}

function commandsOf(body: readonly string[], firstLine: number): DocStep[] {
  const found: { line: number; command: string[]; prints: string[] }[] = [];
  for (const [i, text] of body.entries()) {
    const last = found.at(-1);
    if (text.startsWith("$ ")) found.push({ line: firstLine + i, command: [text.slice(2)], prints: [] });
    else if (last === undefined) throw new Error(`line ${firstLine + i}: a console block starts with "$ "`);
    else if (text.startsWith("> ") && last.prints.length === 0) last.command.push(text.slice(2));
    else last.prints.push(text);
  }
  return found.map(({ line, command, prints }) => ({
    kind: "run",
    line,
    command: command.join("\n"),
    prints: prints.join("\n").trim(),
  }));
}

/** Where what a command printed departs from what the document shows; `undefined` when it does not. */
export function departure(printed: string, shown: string): string | undefined {
  const lines = shown.split("\n");
  const patterns = lines.map(patternOf);
  const text = `${printed.trim()}\n`;
  if (new RegExp(`^${patterns.join("")}$`).test(text)) return undefined;
  const isPrinted = (n: number): boolean => new RegExp(`^${patterns.slice(0, n).join("")}`).test(text);
  const first = lines.findIndex((_, i) => !isPrinted(i + 1));
  return first === -1
    ? `it shows less than is printed, which ends: ${text.trim().split("\n").at(-1)}`
    : `not printed: ${lines[first]}`;
}

function patternOf(line: string): string {
  if (/^\s*(…|\.\.\.)\s*$/.test(line)) return "(?:[^\\n]*\\n)*?";
  const parts = line.trimEnd().split(/…|\.\.\./);
  return `${parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("[^\\n]*")}[ \\t]*\\n`;
}
