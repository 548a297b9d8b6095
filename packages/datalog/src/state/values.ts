/** The values of an engine as sections of a file: texts as they are, everything else as JSON. */
import type { ValueTable } from "../engine/rows/interner.ts";
import { type ValueJson, valueFromJson, valueToJson } from "../history/value-json.ts";
import type { Value } from "../value.ts";
import type { SectionReader, SectionWriter } from "./sections.ts";

/** What a place of the table holds. */
const FREE = 0;
const TEXT = 1;
const JSON_TEXT = 2;

/** Texts with halves of characters have no form in UTF-8. */
const HALVES = /[\ud800-\udfff]/;

/** Writes a table of values. */
export function saveValues(to: SectionWriter, table: ValueTable): void {
  const kinds = new Uint8Array(table.length);
  const lengths = new Int32Array(table.length);
  const texts: string[] = [];
  for (const [i, value] of table.entries()) {
    if (value === undefined) continue;
    const isText = typeof value === "string" && !HALVES.test(value);
    const text = isText ? value : JSON.stringify(valueToJson(value));
    kinds[i] = isText ? TEXT : JSON_TEXT;
    lengths[i] = Buffer.byteLength(text);
    texts.push(text);
  }
  to.bytes("values.kinds", kinds);
  to.ints("values.lengths", lengths);
  to.bytes("values.texts", Buffer.concat(inChunks(texts).map((chunk) => Buffer.from(chunk.join("")))));
}

/** Reads a table of values. */
export function loadValues(from: SectionReader<unknown>): (Value | undefined)[] {
  const kinds = from.bytes("values.kinds");
  const lengths = from.ints("values.lengths");
  const texts = Buffer.from(from.bytes("values.texts").buffer);
  const table: (Value | undefined)[] = [];
  let at = 0;
  for (let i = 0; i < kinds.length; i++) {
    const end = at + (lengths[i] as number);
    const text = texts.toString("utf8", at, end);
    at = end;
    if (kinds[i] === FREE) table.push(undefined);
    else table.push(kinds[i] === TEXT ? text : valueFromJson(JSON.parse(text) as ValueJson));
  }
  return table;
}

/** Chunks whose texts together are no longer than a string may be. */
function inChunks(texts: readonly string[]): string[][] {
  const chunks: string[][] = [[]];
  let length = 0;
  for (const text of texts) {
    length += text.length;
    if (length > 2 ** 24) {
      chunks.push([]);
      length = text.length;
    }
    chunks.at(-1)?.push(text);
  }
  return chunks;
}
