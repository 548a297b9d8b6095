/** Aligned columns of text that may hold colours. */
import { stripVTControlCharacters } from "node:util";

/** Pads every column to its widest cell, two spaces between; rows have the same number of cells. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, widthOf(cell))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
