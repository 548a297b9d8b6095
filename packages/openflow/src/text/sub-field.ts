/** Parts of fields: `NXM_NX_REG0[0..15]`, `NXM_NX_REG0[]`, `reg0[3]`, `metadata`. */
import type { SubField } from "../action.ts";
import {
  asMatchField,
  findHeaderName,
  findMatchField,
  headerNames,
  type MatchField,
  matchFieldNames,
} from "../match/match-field.ts";
import type { Span } from "./span.ts";

const SUB_FIELD = /^([A-Za-z_][\w]*)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?$/;

/** Reads a part of a field. @throws SourceError when the field is not known or the bits are not in it */
export function parseSubField(span: Span): SubField {
  const match = SUB_FIELD.exec(span.text);
  if (match === null) {
    throw span.fail(`Cannot read "${span.text}" as a field`, { expected: "FIELD, FIELD[], FIELD[BIT] or FIELD[FIRST..LAST]" });
  }
  const [, name = "", first, last] = match;
  const field = findField(span.slice(0, name.length));
  if (first === undefined) return { field, start: 0, nBits: field.nBits };
  const start = Number(first);
  const end = last === undefined ? start : Number(last);
  if (start === 0 && end === field.wireBits - 1) return { field, start, nBits: field.nBits };
  if (start > end || end >= field.nBits) {
    throw span.fail(`Bits ${start} to ${end} do not lie in ${name}`, {
      expected: `bits of 0 to ${field.nBits - 1}`,
      offset: name.length,
    });
  }
  return { field, start, nBits: end - start + 1 };
}

/** Bits of a part as text and wire count them. */
export function widthOf({ field, start, nBits }: SubField): number {
  return start === 0 && nBits === field.nBits ? asMatchField(field).wireBits : nBits;
}

/** Whether a text looks like a field rather than a number or port name. */
export function isFieldName(text: string): boolean {
  const name = SUB_FIELD.exec(text)?.[1];
  return name !== undefined && (findHeaderName(name) ?? findMatchField(name)) !== undefined;
}

/** Writes a part of a field with its NXM or OXM name. */
export function formatSubField({ field, start, nBits }: SubField): string {
  const bits = start === 0 && nBits === field.nBits ? "" : nBits === 1 ? String(start) : `${start}..${start + nBits - 1}`;
  return `${headerName(asMatchField(field))}[${bits}]`;
}

function headerName(field: MatchField): string {
  return field.nxmName ?? field.oxmName ?? field.text;
}

function findField(span: Span): MatchField {
  const field = findHeaderName(span.text) ?? findMatchField(span.text);
  if (field === undefined) throw span.failUnknown("field", [...headerNames(), ...matchFieldNames()]);
  return field;
}
