/** The values of an engine as sections of a file: texts, typed values and what lists hold as their texts, everything else as JSON. */
import type { Interner, StoredValues } from "../engine/rows/interner.ts";
import { type ValueJson, valueFromJson, valueToJson } from "../history/value-json.ts";
import { SCALAR_TYPES, Scalar } from "../scalar.ts";
import { isList, isMap, type Value } from "../value.ts";
import type { SectionReader } from "./section-reader.ts";
import type { SectionWriter } from "./section-writer.ts";

/** What a place of the table holds. */
const FREE = 0;
const TEXT = 1;
const JSON_TEXT = 2;
/** A list or map, by the ids of what is in it. */
const PARTS = 3;
/** Of a typed value; the next ones are for the next types. */
const FIRST_SCALAR = 4;

/** Texts with halves of characters have no form in UTF-8. */
const HALVES = /[\ud800-\udfff]/;

/** Units of texts that are read together: what is left of them keeps so many in memory. */
const CHUNK_UNITS = 1 << 12;

/** Writes the table of values. */
export function saveValues(to: SectionWriter, interner: Interner): void {
  const { table } = interner;
  const kinds = new Uint8Array(table.length);
  const lengths = new Int32Array(table.length);
  const texts: string[] = [];
  for (const [i, value] of table.entries()) {
    if (value === undefined) continue;
    const [kind, text] = formOf(value, interner);
    kinds[i] = kind;
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

/** Reads the table of values. */
export function loadValues(from: SectionReader<unknown>): StoredValues {
  const kinds = from.bytes("values.kinds");
  const lengths = from.ints("values.lengths");
  const chunks = chunksOf(from);
  const table: (Value | undefined)[] = [];
  const parts = new Map<number, string>();
  let chunk = "";
  let at = 0;
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i] as number;
    const length = lengths[i] as number;
    if (at + length > chunk.length) {
      chunk = chunks.next().value ?? "";
      at = 0;
    }
    const text = chunk.slice(at, at + length);
    at += length;
    if (kind === PARTS) parts.set(i, text);
    table.push(kind === PARTS ? undefined : valueOf(kind, text));
  }
  return { table, parts };
}

function formOf(value: Value, interner: Interner): [kind: number, text: string] {
  if (value instanceof Scalar) return [FIRST_SCALAR + SCALAR_TYPES.indexOf(value.type), value.text];
  if (isList(value) || isMap(value)) return [PARTS, interner.partsOf(value)];
  const isText = typeof value === "string" && !HALVES.test(value);
  return isText ? [TEXT, value] : [JSON_TEXT, JSON.stringify(valueToJson(value))];
}

/** A value but a list or map. */
function valueOf(kind: number, text: string): Value | undefined {
  if (kind === FREE) return undefined;
  if (kind === TEXT) return text;
  const type = SCALAR_TYPES[kind - FIRST_SCALAR];
  return type === undefined ? valueFromJson(JSON.parse(text) as ValueJson) : new Scalar(type, text);
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
