/**
 * Flow statistics as type-length-values, OpenFlow 1.5.
 *
 *   |  class 0x8002 (16)  | field (7) |R| length (8) | value ...
 *
 * @see OpenFlow 1.5.1, section 7.2.4
 */
import { type ByteReader, ByteWriter } from "@tenet/wire";
import { OpenFlowError } from "./openflow-error.ts";
import { splitSeconds } from "../split-seconds.ts";
import { readSeconds } from "./port-wire.ts";

const OXS_CLASS = 0x8002;
const DURATION = 0;
const IDLE_TIME = 1;
const FLOW_COUNT = 3;
const PACKET_COUNT = 4;
const BYTE_COUNT = 5;

/** What `ofp_stats` can hold; what is absent is not written. */
export interface OxsValues {
  readonly durationSec?: number;
  readonly idleAge?: number;
  readonly nFlows?: number;
  readonly nPackets: bigint;
  readonly nBytes: bigint;
}

/** Writes an `ofp_stats`: 2 reserved bytes, length without padding, fields, padding to 8 bytes. */
export function encodeOxs(values: OxsValues): Uint8Array {
  const writer = ByteWriter.borrow().zeros(4);
  const header = (field: number, length: number): ByteWriter =>
    writer
      .u16(OXS_CLASS)
      .u8(field << 1)
      .u8(length);
  if (values.durationSec !== undefined) {
    const [seconds, nanoseconds] = splitSeconds(values.durationSec);
    header(DURATION, 8).u32(seconds).u32(nanoseconds);
  }
  if (values.idleAge !== undefined) header(IDLE_TIME, 8).u32(values.idleAge).u32(0);
  header(PACKET_COUNT, 8).u64(values.nPackets);
  header(BYTE_COUNT, 8).u64(values.nBytes);
  if (values.nFlows !== undefined) header(FLOW_COUNT, 4).u32(values.nFlows);
  writer.patchU16(2, writer.length);
  return writer.align(8).giveBack();
}

/** Values as read; a count that is absent is 0. */
export interface ReadOxs {
  readonly durationSec: number;
  readonly idleAge: number | undefined;
  readonly nFlows: number;
  readonly nPackets: bigint;
  readonly nBytes: bigint;
}

/** Reads an `ofp_stats` with its padding; fields that are not known are skipped. @throws OpenFlowError */
export function readOxs(reader: ByteReader): ReadOxs {
  const { at } = reader;
  reader.skip(2);
  const length = reader.u16();
  if (length < 4) throw new OpenFlowError("OFPBRC_BAD_LEN", `Statistics cannot have ${length} bytes`, { details: { at } });
  const fields = reader.sub(length - 4);
  reader.skip(Math.min((8 - (length % 8)) % 8, reader.remaining));
  const values = { durationSec: 0, idleAge: undefined as number | undefined, nFlows: 0, nPackets: 0n, nBytes: 0n };
  while (fields.remaining > 0) {
    const oxsClass = fields.u16();
    const field = fields.u8() >>> 1;
    const value = fields.sub(fields.u8());
    if (oxsClass !== OXS_CLASS) continue;
    if (field === DURATION) values.durationSec = readSeconds(value);
    else if (field === IDLE_TIME) values.idleAge = value.u32();
    else if (field === FLOW_COUNT) values.nFlows = value.u32();
    else if (field === PACKET_COUNT) values.nPackets = value.u64();
    else if (field === BYTE_COUNT) values.nBytes = value.u64();
  }
  return values;
}
