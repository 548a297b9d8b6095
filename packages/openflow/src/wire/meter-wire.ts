/**
 * Meters in the layouts of OpenFlow 1.3 and later.
 *
 * @see OpenFlow 1.5.1, sections 7.3.4.5 and 7.3.5.10 to 7.3.5.12
 */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import {
  METER,
  METER_FLAG,
  type MeterBandSpec,
  type MeterFeatures,
  type MeterMod,
  type MeterSpec,
  type MeterStatsEntry,
} from "../meter.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { splitSeconds } from "../split-seconds.ts";
import { readSeconds } from "./port-wire.ts";

const COMMANDS: readonly MeterMod["command"][] = ["add", "modify", "delete"];

const meterMod = defineStruct({ command: "u16", flags: "u16", id: "u32" });
const meterDesc = defineStruct({ length: "u16", flags: "u16", id: "u32" });
/** ofp_meter_band_drop and ofp_meter_band_dscp_remark, whose `precedence` is padding in the former. */
const meterBand = defineStruct({ type: "u16", length: "u16", rate: "u32", burst: "u32", precedence: "u8", pad: "pad:3" });
const meterStats = defineStruct({
  id: "u32",
  length: "u16",
  pad: "pad:6",
  nFlows: "u32",
  nPackets: "u64",
  nBytes: "u64",
});
const bandStats = defineStruct({ nPackets: "u64", nBytes: "u64" });
const meterFeatures = defineStruct({
  maxMeters: "u32",
  bandTypes: "u32",
  capabilities: "u32",
  maxBands: "u8",
  maxColors: "u8",
  pad: "pad:2",
});
/** Size of an entry of statistics before the bands. */
const STATS_SIZE = meterStats.size + 8;
const BAND_TYPES: readonly MeterBandSpec["bandType"][] = ["drop", "dscpRemark"];
/** Others mean nothing. */
const ALL_FLAGS = METER_FLAG.KBPS | METER_FLAG.PKTPS | METER_FLAG.BURST | METER_FLAG.STATS;

/** The body of a meter-mod, after the message header. */
export function encodeMeterMod({ command, meter }: MeterMod): Uint8Array {
  const writer = new ByteWriter(64);
  writer.struct(meterMod, { command: COMMANDS.indexOf(command), flags: meter.flags, id: meter.id });
  writeBands(writer, meter.bands);
  return writer.toBytes();
}

/** Reads the body of a meter-mod. @throws OpenFlowError, TruncatedError */
export function decodeMeterMod(reader: ByteReader): MeterMod {
  const { at } = reader;
  const fixed = reader.struct(meterMod);
  const command = COMMANDS[fixed.command];
  if (command === undefined) {
    throw new OpenFlowError("OFPMMFC_BAD_COMMAND", `Meter-mod command ${fixed.command} is not known`, { details: { at } });
  }
  const { id, flags } = fixed;
  const isReserved = id === METER.SLOW_PATH || id === METER.CONTROLLER || (id === METER.ALL && command === "delete");
  if ((id === 0 || id > METER.MAX) && !isReserved) {
    throw new OpenFlowError("OFPMMFC_INVALID_METER", `A meter cannot have the number ${id}`, { details: { at } });
  }
  if (command === "delete") return { type: "meterMod", command, meter: { id, flags: 0, bands: [] } };
  const units = flags & (METER_FLAG.KBPS | METER_FLAG.PKTPS);
  if ((flags & ~ALL_FLAGS) !== 0 || (units !== METER_FLAG.KBPS && units !== METER_FLAG.PKTPS)) {
    throw new OpenFlowError("OFPMMFC_BAD_FLAGS", `Flags 0x${flags.toString(16)} are not known, or do not name one unit`, {
      details: { at },
    });
  }
  return { type: "meterMod", command, meter: { id, flags, bands: readBands(reader) } };
}

/** One entry of a description. */
export function encodeMeterDesc({ id, flags, bands }: MeterSpec): Uint8Array {
  const writer = new ByteWriter(64).struct(meterDesc, { length: 0, flags, id });
  writeBands(writer, bands);
  writer.patchU16(0, writer.length);
  return writer.toBytes();
}

/** Reads one entry of a description. @throws OpenFlowError, TruncatedError */
export function readMeterDesc(reader: ByteReader): MeterSpec {
  const { at } = reader;
  const length = reader.peekU16();
  if (length < meterDesc.size)
    throw new OpenFlowError("OFPBRC_BAD_LEN", `A meter cannot have ${length} bytes`, { details: { at } });
  const body = reader.sub(length);
  const { id, flags } = body.struct(meterDesc);
  return { id, flags, bands: readBands(body) };
}

/** One entry of statistics. */
export function encodeMeterStats(stats: MeterStatsEntry): Uint8Array {
  const length = STATS_SIZE + stats.bands.length * bandStats.size;
  const [seconds, nanoseconds] = splitSeconds(stats.durationSec);
  const writer = new ByteWriter(length)
    .struct(meterStats, { ...stats, length })
    .u32(seconds)
    .u32(nanoseconds);
  for (const band of stats.bands) writer.struct(bandStats, band);
  return writer.toBytes();
}

/** Reads one entry of statistics. @throws OpenFlowError, TruncatedError */
export function readMeterStats(reader: ByteReader): MeterStatsEntry {
  const { at } = reader;
  const length = reader.peekU16(4);
  if (length < STATS_SIZE || (length - STATS_SIZE) % bandStats.size !== 0) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `Counters of a meter cannot have ${length} bytes`, { details: { at } });
  }
  const body = reader.sub(length);
  const { id, nFlows, nPackets, nBytes } = body.struct(meterStats);
  const durationSec = readSeconds(body);
  const bands = [];
  while (body.remaining > 0) bands.push(body.struct(bandStats));
  return { id, nFlows, nPackets, nBytes, durationSec, bands };
}

/** The reply about features. */
export function encodeMeterFeatures(features: MeterFeatures): Uint8Array {
  return new ByteWriter(meterFeatures.size).struct(meterFeatures, features).toBytes();
}

/** Reads the reply about features. @throws TruncatedError */
export function readMeterFeatures(reader: ByteReader): MeterFeatures {
  return reader.struct(meterFeatures);
}

function writeBands(writer: ByteWriter, bands: readonly MeterBandSpec[]): void {
  for (const band of bands) {
    writer.struct(meterBand, { ...band, type: BAND_TYPES.indexOf(band.bandType) + 1, length: meterBand.size });
  }
}

function readBands(reader: ByteReader): MeterBandSpec[] {
  const bands: MeterBandSpec[] = [];
  while (reader.remaining > 0) {
    const { at } = reader;
    const { type, length, rate, burst, precedence } = reader.struct(meterBand);
    const bandType = BAND_TYPES[type - 1];
    if (length !== meterBand.size) {
      throw new OpenFlowError("OFPBRC_BAD_LEN", `A band cannot have ${length} bytes`, { details: { at } });
    }
    if (bandType === undefined) {
      throw new OpenFlowError("OFPMMFC_BAD_BAND", `Band ${type} of ${length} bytes is not known`, { details: { at } });
    }
    bands.push({ bandType, rate, burst, precedence: bandType === "drop" ? 0 : precedence });
  }
  return bands;
}
