/** The values of an engine as sections of a file: texts as they are, everything else as JSON. */
import type { ValueTable } from "../engine/rows/interner.ts";
import { type ValueJson, valueFromJson, valueToJson } from "../history/value-json.ts";
import type { Value } from "../value.ts";
import type { SectionReader } from "./section-reader.ts";
import type { SectionWriter } from "./section-writer.ts";

/** What a place of the table holds. */
const FREE = 0;
const TEXT = 1;
const JSON_TEXT = 2;

/** Texts with halves of characters have no form in UTF-8. */
const HALVES = /[\ud800-\udfff]/;

/** Units of texts that are read together: what is left of them keeps so many in memory. */
const CHUNK_UNITS = 1 << 12;

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
    lengths[i] = text.length;
    texts.push(text);
  }
  const chunks = inChunks(texts).map((chunk) => Buffer.from(chunk));
  to.bytes("values.kinds", kinds);
  to.ints("values.lengths", lengths);
  to.ints(
    "values.chunks",
    Int32Array.from(chunks, ({ length }) => length),
  );
  to.bytes("values.texts", Buffer.concat(chunks));
}

/** Reads a table of values. */
export function loadValues(from: SectionReader<unknown>): (Value | undefined)[] {
  const kinds = from.bytes("values.kinds");
  const lengths = from.ints("values.lengths");
  const chunks = chunksOf(from);
  let chunk = "";
  let at = 0;
  return Array.from(kinds, (kind, i) => {
    if (kind === FREE) return undefined;
    const length = lengths[i] as number;
    if (at + length > chunk.length) {
      chunk = chunks.next().value ?? "";
      at = 0;
    }
    const text = chunk.slice(at, at + length);
    at += length;
    return kind === TEXT ? text : valueFromJson(JSON.parse(text) as ValueJson);
  });
}

/** Texts that stand in the file one after the other; none begins in one chunk and ends in the next. */
function* chunksOf(from: SectionReader<unknown>): Generator<string, undefined> {
  const { buffer, byteOffset, length } = from.bytes("values.texts");
  const texts = Buffer.from(buffer, byteOffset, length);
  let at = 0;
  for (const nBytes of from.ints("values.chunks")) yield texts.toString("utf8", at, (at += nBytes));
}

/** Joins texts that follow one another. */
function inChunks(texts: readonly string[]): string[] {
  const chunks: string[] = [];
  let chunk = "";
  for (const text of texts) {
    if (chunk.length + text.length > CHUNK_UNITS && chunk !== "") {
      chunks.push(chunk);
      chunk = "";
    }
    chunk += text;
  }
  return [...chunks, chunk];
}
