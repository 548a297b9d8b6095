/**
 * Breaks text into lines of a width, at spaces and after commas, not inside `f(a,b)`; a piece that is too long for a
 * line is cut.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const piece of text.match(/(?:\([^()\s]*\)|[^\s,])+,?|,|\s+/g) ?? []) {
    if (line.length + piece.trimEnd().length > width && line !== "") {
      lines.push(line.trimEnd());
      line = "";
    }
    line += line === "" ? piece.trimStart() : piece;
    while (line.length > width && line.trimEnd().length > width) {
      lines.push(line.slice(0, width));
      line = line.slice(width);
    }
  }
  if (line.trimEnd() !== "" || lines.length === 0) lines.push(line.trimEnd());
  return lines;
}
