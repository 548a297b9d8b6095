/** Many small arrays as two sections: all of them one after the other, and their lengths. */
import type { SectionReader } from "./section-reader.ts";
import type { SectionWriter } from "./section-writer.ts";

/** Writes tables and how many rows each has. */
export function saveTables(to: SectionWriter, name: string, tables: readonly Int32Array[], counts: Int32Array): void {
  const lengths = Int32Array.from(tables, ({ length }) => length);
  const all = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const table of tables) {
    all.set(table, at);
    at += table.length;
  }
  to.ints(`${name}.lengths`, lengths);
  to.ints(`${name}.counts`, counts);
  to.ints(`${name}.tables`, all);
}

/** The tables, side by side in one array, and their counts. */
export function loadTables(from: SectionReader<unknown>, name: string): [tables: Int32Array[], counts: Int32Array] {
  const all = from.ints(`${name}.tables`);
  const tables: Int32Array[] = [];
  let at = 0;
  for (const length of from.ints(`${name}.lengths`)) {
    tables.push(all.subarray(at, at + length));
    at += length;
  }
  return [tables, from.ints(`${name}.counts`)];
}
