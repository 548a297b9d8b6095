/** Counters of flow tables, in the layouts of each version; OpenFlow 1.0 to 1.2 tell with them what tables can do. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { type TableStatsEntry, VERSION } from "../message.ts";
import { missNumber, missOf } from "./table-mod-wire.ts";

const COUNTERS = { nActive: "u32", nLookups: "u64", nMatched: "u64" } as const;
const HEAD = { table: "u8", pad: "pad:3" } as const;

/** ofp_table_stats, OpenFlow 1.0.0 section 5.3.5. */
const table10 = defineStruct({ ...HEAD, name: "text:32", wildcards: "u32", maxEntries: "u32", ...COUNTERS });
/** ofp_table_stats, OpenFlow 1.1.0 section A.3.5.3. */
const table11 = defineStruct({
  table: "u8",
  pad: "pad:7",
  name: "text:32",
  wildcards: "u32",
  match: "u32",
  instructions: "u32",
  writeActions: "u32",
  applyActions: "u32",
  config: "u32",
  maxEntries: "u32",
  ...COUNTERS,
});
/** ofp_table_stats, OpenFlow 1.2.0 section A.3.5.3. */
const table12 = defineStruct({
  table: "u8",
  pad: "pad:7",
  name: "text:32",
  match: "u64",
  wildcards: "u64",
  writeActions: "u32",
  applyActions: "u32",
  writeSetFields: "u64",
  applySetFields: "u64",
  metadataMatch: "u64",
  metadataWrite: "u64",
  instructions: "u32",
  config: "u32",
  maxEntries: "u32",
  ...COUNTERS,
});
/** ofp_table_stats, OpenFlow 1.3.5 section 7.3.5.4. */
const table13 = defineStruct({ ...HEAD, ...COUNTERS });

/** All fields of OpenFlow 1.0's match can be wildcarded. */
const ALL_WILDCARDS = 0x3f_ffff;
/** Every table has every field, action and instruction, but that nothing follows the last one. */
const LAST_TABLE = 253;
const [GOTO_TABLE, INSTRUCTIONS] = [1 << 1, 0x3c];
/** All fields of OpenFlow 1.1's match, those that have a mask, too. */
const FIELDS_11 = 0xfbff;
/** By the numbers of OpenFlow 1.1, which has an action for each field. */
const ACTIONS_11 = 0x01ff_e7ff;
/** What OpenFlow 1.2 has for tables to match on, and to set: bits of OXM fields. */
const [FIELDS_12, SET_FIELDS_12] = [0x10_1fff_ffff_fdn, 0xf_ffff_fbddn];
/** By the numbers of OpenFlow 1.2: output, TTLs, tags, MPLS, queue, group, set-field. */
const ACTIONS_12 = 0x03ff_8001;
const ALL_METADATA = 0xffff_ffff_ffff_ffffn;

/** One entry of a reply. */
export function encodeTableStats(stats: TableStatsEntry, version: number): Uint8Array {
  const writer = new ByteWriter(table12.size);
  if (version >= VERSION.OF13) return writer.struct(table13, stats).toBytes();
  if (version === VERSION.OF10) return writer.struct(table10, { ...stats, wildcards: ALL_WILDCARDS }).toBytes();
  const instructions = INSTRUCTIONS | (stats.table < LAST_TABLE ? GOTO_TABLE : 0);
  const told = { ...stats, instructions, config: missNumber(stats.miss) };
  if (version === VERSION.OF11) {
    const can = { match: FIELDS_11, wildcards: FIELDS_11, writeActions: ACTIONS_11, applyActions: ACTIONS_11 };
    return writer.struct(table11, { ...told, ...can }).toBytes();
  }
  return writer
    .struct(table12, {
      ...told,
      match: FIELDS_12,
      wildcards: FIELDS_12,
      writeActions: ACTIONS_12,
      applyActions: ACTIONS_12,
      writeSetFields: SET_FIELDS_12,
      applySetFields: SET_FIELDS_12,
      metadataMatch: ALL_METADATA,
      metadataWrite: ALL_METADATA,
    })
    .toBytes();
}

/** Reads one entry of a reply. @throws TruncatedError */
export function readTableStats(reader: ByteReader, version: number): TableStatsEntry {
  if (version >= VERSION.OF13) return { ...reader.struct(table13), name: "", maxEntries: 0 };
  if (version === VERSION.OF10) {
    const { table, name, maxEntries, nActive, nLookups, nMatched } = reader.struct(table10);
    return { table, name, maxEntries, nActive, nLookups, nMatched };
  }
  const { table, name, maxEntries, nActive, nLookups, nMatched, config } =
    version === VERSION.OF11 ? reader.struct(table11) : reader.struct(table12);
  return { table, name, maxEntries, nActive, nLookups, nMatched, miss: missOf(config) };
}
