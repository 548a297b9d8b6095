/**
 * The selection method of a group: Netronome's experimenter property, which Open vSwitch speaks.
 *
 *   | 0xffff | length | 0x0000154d | 1 | pad (4) | method (16, text) | parameter (8) | fields as OXM | pad to 8 |
 *
 * A field's value is its mask; `length` leaves out the padding.
 */
import { fieldOnes } from "@tenet/net";
import type { ByteReader, ByteWriter } from "@tenet/wire";
import type { GroupType, SelectionField, SelectionMethod } from "../group.ts";
import { fromFieldWords, toFieldWords } from "../match/field-words.ts";
import { asMatchField, MATCH_FIELDS } from "../match/match-field.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { readOxm, writeOxm } from "./oxm.ts";
import { properties } from "./port-wire.ts";

const NETRONOME = 0x154d;
/** What Open vSwitch 2.4 took for that number. */
const FORMER_NETRONOME = 0x1540;
const SELECTION_METHOD = 1;
const EXPERIMENTER = 0xffff;
const METHOD_SIZE = 16;

/** Writes the property; nothing when the switch decides. */
export function writeSelection(writer: ByteWriter, selection: SelectionMethod | undefined, version: number): void {
  if (selection === undefined) return;
  const start = writer.length;
  writer.u16(EXPERIMENTER).u16(0).u32(NETRONOME).u32(SELECTION_METHOD).zeros(4);
  const name = new TextEncoder().encode(selection.method);
  writer
    .bytes(name)
    .zeros(METHOD_SIZE - name.length)
    .u64(selection.parameter);
  for (const { field, mask } of selection.fields) {
    const known = asMatchField(field);
    writeOxm(writer, known, fromFieldWords(known, mask), fieldOnes(known), Math.max(version, 4));
  }
  writer.patchU16(start + 2, writer.length - start);
  writer.align(8, start);
}

/** Reads the properties of a group to the end of a reader. @throws OpenFlowError, TruncatedError */
export function readSelection(reader: ByteReader, groupType: GroupType): SelectionMethod | undefined {
  let selection: SelectionMethod | undefined;
  for (const { type, value } of properties(reader)) {
    const { at } = value;
    if (type !== EXPERIMENTER) {
      throw new OpenFlowError("OFPBPC_BAD_TYPE", `Group property ${type} is not known`, { details: { at } });
    }
    const [experimenter, subtype] = [value.u32(), value.u32()];
    const isKnown = experimenter === NETRONOME || experimenter === FORMER_NETRONOME;
    if (!isKnown || subtype !== SELECTION_METHOD) {
      throw new OpenFlowError("OFPBPC_BAD_EXP_TYPE", `Group property 0x${experimenter.toString(16)}/${subtype} is not known`, {
        details: { at },
      });
    }
    if (groupType !== "select") {
      throw new OpenFlowError("OFPBPC_BAD_VALUE", "Only select groups have a selection method", { details: { at } });
    }
    selection = readMethod(value, at);
  }
  return selection;
}

function readMethod(value: ByteReader, at: number): SelectionMethod {
  value.skip(4);
  const name = new TextDecoder("latin1").decode(value.bytes(METHOD_SIZE)).replace(/\0.*$/s, "");
  if (name !== "hash" && name !== "dp_hash") {
    throw new OpenFlowError("OFPBPC_BAD_VALUE", `Selection method ${JSON.stringify(name)} is not known`, { details: { at } });
  }
  const parameter = value.u64();
  const fields: SelectionField[] = [];
  while (value.remaining > 0) {
    const { field, value: mask } = readOxm(value);
    if (fields.some((other) => other.field === field)) {
      throw new OpenFlowError("OFPBMC_DUP_FIELD", `${field.text} is selected twice`, { details: { at } });
    }
    fields.push({ field, mask: toFieldWords(field, mask) });
  }
  if (name === "dp_hash" && fields.length > 0) {
    throw new OpenFlowError("OFPBPC_BAD_VALUE", "The datapath's own hash takes no fields", { details: { at } });
  }
  return { method: name, parameter, fields: sortFields(fields) };
}

/** In the order of `MATCH_FIELDS`, so that equal selections are equal data. */
export function sortFields(fields: readonly SelectionField[]): SelectionField[] {
  const rank = ({ field }: SelectionField): number => MATCH_FIELDS.indexOf(asMatchField(field));
  return [...fields].sort((a, b) => rank(a) - rank(b));
}
