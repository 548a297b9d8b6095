/**
 * Configuration of flow tables: OFPT_TABLE_MOD, OFPMP_TABLE_DESC and OFPT_TABLE_STATUS.
 *
 * @see OpenFlow 1.5.1, sections 7.3.4.1, 7.3.5.19 and 7.4.5
 */
import { type ByteReader, ByteWriter } from "@tenet/wire";
import { VERSION } from "../message.ts";
import {
  TABLE_CONFIG,
  type TableDesc,
  type TableMiss,
  type TableMod,
  type TableStatus,
  type VacancyThresholds,
} from "../table-mod.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { properties } from "./port-wire.ts";

const EVICTION = 2;
const VACANCY = 3;
const FIRST_VERSION_WITH_PROPERTIES = 5;

/** In the order of their numbers. */
const MISSES: readonly TableMiss[] = ["controller", "continue", "drop"];
const MISS_BITS = 3;

const REASONS: ReadonlyMap<number, TableStatus["reason"]> = new Map([
  [3, "vacancyDown"],
  [4, "vacancyUp"],
]);

/** The body of a table-mod. */
export function encodeTableMod({ table, config, miss, evictionFlags, vacancy }: TableMod, version: number): Uint8Array {
  const writer = new ByteWriter(32).u8(table).zeros(3);
  writer.u32(version < VERSION.OF13 ? missNumber(miss) : config);
  if (version >= FIRST_VERSION_WITH_PROPERTIES) writeProperties(writer, evictionFlags, vacancy, 0);
  return writer.toBytes();
}

/** Reads the body of a table-mod. @throws OpenFlowError, TruncatedError */
export function decodeTableMod(reader: ByteReader, version: number): TableMod {
  const table = reader.u8();
  reader.skip(3);
  const config = reader.u32();
  if (version < VERSION.OF13) return { type: "tableMod", table, config: 0, miss: missOf(config) };
  if (version < FIRST_VERSION_WITH_PROPERTIES) return { type: "tableMod", table, config };
  const { evictionFlags, vacancy } = readProperties(reader);
  return {
    type: "tableMod",
    table,
    config: config & (TABLE_CONFIG.EVICTION | TABLE_CONFIG.VACANCY_EVENTS),
    ...(evictionFlags === undefined ? {} : { evictionFlags }),
    ...(vacancy === undefined ? {} : { vacancy }),
  };
}

/** The configuration of OpenFlow 1.1 and 1.2 that says what becomes of a packet that finds no flow. */
export function missNumber(miss: TableMiss = "controller"): number {
  return MISSES.indexOf(miss);
}

/** What such a configuration says; one that is not known is the first. */
export function missOf(config: number): TableMiss {
  return MISSES[config & MISS_BITS] ?? "controller";
}

/** One entry of a reply. */
export function encodeTableDesc(desc: TableDesc): Uint8Array {
  const writer = new ByteWriter(32).u16(0).u8(desc.table).zeros(1).u32(desc.config);
  writeProperties(writer, desc.evictionFlags, desc.vacancy, desc.vacantPercent);
  writer.patchU16(0, writer.length);
  return writer.toBytes();
}

/** Reads one entry of a reply. @throws OpenFlowError, TruncatedError */
export function readTableDesc(reader: ByteReader): TableDesc {
  const { at } = reader;
  const length = reader.u16();
  if (length < 8) throw new OpenFlowError("OFPBRC_BAD_LEN", `A table cannot have ${length} bytes`, { details: { at } });
  const body = reader.sub(length - 2);
  const table = body.u8();
  body.skip(1);
  const config = body.u32();
  const { evictionFlags = 0, vacancy = { downPercent: 0, upPercent: 0 }, vacantPercent = 0 } = readProperties(body, true);
  return { table, config, evictionFlags, vacancy, vacantPercent };
}

/** The body of a table status. */
export function encodeTableStatus({ reason, desc }: TableStatus): Uint8Array {
  const number = [...REASONS].find(([, name]) => name === reason)?.[0] ?? 0;
  return new ByteWriter(40).u8(number).zeros(7).bytes(encodeTableDesc(desc)).toBytes();
}

/** Reads the body of a table status. @throws OpenFlowError, TruncatedError */
export function decodeTableStatus(reader: ByteReader): TableStatus {
  const number = reader.u8();
  const reason = REASONS.get(number);
  if (reason === undefined) throw new OpenFlowError("OFPBPC_BAD_VALUE", `Table status reason ${number} is not known`);
  reader.skip(7);
  return { type: "tableStatus", reason, desc: readTableDesc(reader) };
}

interface Properties {
  evictionFlags?: number;
  vacancy?: VacancyThresholds;
  vacantPercent?: number;
}

function readProperties(reader: ByteReader, tellsVacant = false): Properties {
  const read: Properties = {};
  for (const { type, value } of properties(reader)) {
    if (type === EVICTION) read.evictionFlags = value.u32();
    else if (type === VACANCY) {
      const [downPercent, upPercent, vacantPercent] = [value.u8(), value.u8(), value.u8()];
      if (downPercent > upPercent || upPercent > 100 || (!tellsVacant && vacantPercent !== 0)) {
        throw new OpenFlowError("OFPBPC_BAD_VALUE", `Vacancy from ${downPercent}% to ${upPercent}% cannot be`);
      }
      read.vacancy = { downPercent, upPercent };
      read.vacantPercent = vacantPercent;
    } else throw new OpenFlowError("OFPBRC_BAD_TYPE", `Tables have no property ${type}`);
  }
  return read;
}

function writeProperties(
  writer: ByteWriter,
  evictionFlags: number | undefined,
  vacancy: VacancyThresholds | undefined,
  vacantPercent: number,
): void {
  if (evictionFlags !== undefined) writer.u16(EVICTION).u16(8).u32(evictionFlags);
  if (vacancy === undefined) return;
  writer.u16(VACANCY).u16(8).u8(vacancy.downPercent).u8(vacancy.upPercent).u8(vacantPercent).zeros(1);
}
