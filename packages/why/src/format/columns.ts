/** A table of text: narrow columns as wide as their content, the last two share what is left and wrap. */
import { wrap } from "./wrap.ts";

const GAP = 2;
/** Narrowest useful column for text that wraps. */
const LEAST = 12;

/** One column's cells are aligned to the right when they are numbers. */
export type Cells = readonly (string | number)[];

/**
 * Lays out rows of equal length.
 *
 * @param width - of the whole; narrower than what does not wrap is not possible
 * @param mark - marks up the lines of a row that is ready
 */
export function layOut(
  rows: readonly Cells[],
  width: number,
  indent: string,
  mark: (line: string, row: number) => string,
): string[] {
  const nColumns = rows[0]?.length ?? 0;
  const widthOf = (column: number): number => Math.max(0, ...rows.map((row) => String(row[column] ?? "").length));
  const fixed = Array.from({ length: Math.max(0, nColumns - 2) }, (_, i) => widthOf(i));
  const left = width - indent.length - fixed.reduce((sum, each) => sum + each + GAP, 0) - GAP;
  const [first, last] = share(left, widthOf(nColumns - 2), widthOf(nColumns - 1));
  return rows.flatMap((row, i) => {
    const head = fixed.map((each, column) => pad(row[column] ?? "", each));
    const cells = [wrap(String(row[nColumns - 2] ?? ""), first), wrap(String(row[nColumns - 1] ?? ""), last)] as const;
    const nLines = Math.max(cells[0].length, cells[1].length);
    return Array.from({ length: nLines }, (_, n) => {
      const lead = n === 0 ? head : fixed.map((each) => " ".repeat(each));
      const line = [...lead, (cells[0][n] ?? "").padEnd(first), cells[1][n] ?? ""].join(" ".repeat(GAP));
      return mark((indent + line).trimEnd(), i);
    });
  });
}

/** Gives two columns what they need, or parts the room between them. */
function share(room: number, wanted: number, wantedLast: number): [number, number] {
  const all = Math.max(room, 2 * LEAST);
  if (wanted + wantedLast <= all) return [wanted, wantedLast];
  const half = Math.floor(all / 2);
  if (wanted <= half) return [wanted, all - wanted];
  if (wantedLast <= half) return [all - wantedLast, wantedLast];
  return [half, all - half];
}

function pad(cell: string | number, width: number): string {
  return typeof cell === "number" ? String(cell).padStart(width) : cell.padEnd(width);
}
