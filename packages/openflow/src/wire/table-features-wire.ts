/**
 * What each table can do. Ours can all do everything that this package can say, so the properties are
 * written from its own field and action numbers.
 *
 * @see OpenFlow 1.3.5, section 7.3.5.5
 */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { MATCH_FIELDS } from "../match/match-field.ts";
import type { TableFeatures } from "../message.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { headerFor, writeOxmHeader } from "./oxm.ts";
import { properties } from "./port-wire.ts";

/** ofp_table_features; properties follow. */
const fixedPart = defineStruct({
  length: "u16",
  table: "u8",
  pad: "pad:5",
  name: "text:32",
  metadataMatch: "u64",
  metadataWrite: "u64",
  capabilities: "u32",
  maxEntries: "u32",
});

const ALL_BITS = 0xffff_ffff_ffff_ffffn;
const NEXT_TABLES = 2;
const ACTIONS = [0, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25] as const;
const GOTO_TABLE = 1;
const METER = 6;
const WIRE_FIELDS = MATCH_FIELDS.filter(({ nxm, oxm }) => (nxm ?? oxm) !== undefined);

/** One table. */
export function encodeTableFeatures(features: TableFeatures, version: number): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.struct(fixedPart, { ...features, length: 0, metadataMatch: ALL_BITS, metadataWrite: ALL_BITS, capabilities: 0 });
  const property = (type: number, write: () => void): void => {
    const start = writer.length;
    writer.u16(type).u16(0);
    write();
    writer.patchU16(start + 2, writer.length - start);
    writer.align(8, start);
  };
  const isLast = features.table === features.nTables - 1;
  property(0, () => writeIds(writer, [...(isLast ? [] : [GOTO_TABLE]), 2, 3, 4, 5, ...(version >= 6 ? [] : [METER])]));
  property(NEXT_TABLES, () => {
    for (let table = features.table + 1; table < features.nTables; table++) writer.u8(table);
  });
  for (const type of [4, 6]) property(type, () => writeIds(writer, version >= 6 ? [...ACTIONS, 28, 29] : ACTIONS));
  // Only the match property says what can be masked; the others name fields alone.
  for (const type of [8, 10, 12, 14]) property(type, () => writeFieldIds(writer, version, type >= 12, type === 8));
  writer.patchU16(0, writer.length);
  return writer.toBytes();
}

/** Reads one table. @throws OpenFlowError, TruncatedError */
export function readTableFeatures(reader: ByteReader): TableFeatures {
  const { at } = reader;
  const length = reader.peekU16();
  if (length < fixedPart.size || length > reader.remaining) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `Table features cannot have ${length} bytes here`, { details: { at } });
  }
  const body = reader.sub(length);
  const { table, name, maxEntries } = body.struct(fixedPart);
  let nTables = table + 1;
  for (const { type, value } of properties(body)) {
    if (type === NEXT_TABLES) for (const next of value.rest()) nTables = Math.max(nTables, next + 1);
  }
  return { table, name, maxEntries, nTables };
}

function writeIds(writer: ByteWriter, ids: readonly number[]): void {
  for (const id of ids) writer.u16(id).u16(4);
}

function writeFieldIds(writer: ByteWriter, version: number, isWritableOnly: boolean, showsMasks: boolean): void {
  for (const field of WIRE_FIELDS) {
    if (isWritableOnly && !field.isWritable) continue;
    const start = writer.length;
    writeOxmHeader(writer, field, version);
    const isMasked = field.isMaskable && showsMasks;
    if (!isMasked) continue;
    const { header, experimenter } = headerFor(field, version);
    const prefix = experimenter === undefined ? 0 : 4;
    writer.patchU16(start + 2, (header & 0xfe00) | 0x100 | (field.sizeBytes * 2 + prefix));
  }
}
